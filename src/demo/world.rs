//! The shop's fixed furniture: event names, pages, channels, goods, words. Amounts are in fen.

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    PageView,
    Exposure,
    Click,
    Register,
    Login,
    AddToCart,
    Pay,
    ArticleOpen,
    CourseView,
    TrialFinish,
    CoursePay,
    CourseRepurchase,
    /// A field of the registration form touched.
    RegisterField,
    /// How far down a page was seen.
    Scroll,
    /// A finger on the page.
    Tap,
}

impl Kind {
    /// As the raw log names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::PageView => "page_view",
            Self::Exposure => "exposure",
            Self::Click => "click",
            Self::Register => "register",
            Self::Login => "login",
            Self::AddToCart => "add_to_cart",
            Self::Pay => "pay",
            Self::ArticleOpen => "article_open",
            Self::CourseView => "course_view",
            Self::TrialFinish => "trial_finish",
            Self::CoursePay => "course_pay",
            Self::CourseRepurchase => "course_repurchase",
            Self::RegisterField => "register_field",
            Self::Scroll => "scroll",
            Self::Tap => "tap",
        }
    }

    /// Whether it tells of hands on a page: many, so their lines carry nothing undeclared.
    pub fn is_touch(self) -> bool {
        matches!(self, Self::RegisterField | Self::Scroll | Self::Tap)
    }

    /// Whether the event's item is a course; otherwise it is a product.
    pub fn is_course(self) -> bool {
        matches!(
            self,
            Self::ArticleOpen
                | Self::CourseView
                | Self::TrialFinish
                | Self::CoursePay
                | Self::CourseRepurchase
        )
    }
}

/// A page of the mini-program; page views and touches carry one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Page {
    None,
    Home,
    Category,
    Search,
    Product,
    Cart,
    Coupon,
    Checkout,
    PayResult,
    Article,
    Course,
    Trial,
    Profile,
    Register,
    /// Where advertisements lead to.
    Activity,
}

/// Number of values of [`Page`], `None` among them.
pub const PAGE_COUNT: usize = 15;

impl Page {
    /// Every page that is one.
    pub const ALL: [Self; PAGE_COUNT - 1] = [
        Self::Home,
        Self::Category,
        Self::Search,
        Self::Product,
        Self::Cart,
        Self::Coupon,
        Self::Checkout,
        Self::PayResult,
        Self::Article,
        Self::Course,
        Self::Trial,
        Self::Profile,
        Self::Register,
        Self::Activity,
    ];

    /// As the raw log names it; empty for none.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Home => "home",
            Self::Category => "category",
            Self::Search => "search",
            Self::Product => "product",
            Self::Cart => "cart",
            Self::Coupon => "coupon",
            Self::Checkout => "checkout",
            Self::PayResult => "pay_result",
            Self::Article => "article",
            Self::Course => "course",
            Self::Trial => "trial",
            Self::Profile => "profile",
            Self::Register => "register",
            Self::Activity => "activity",
        }
    }

    /// Whether the item seen there is a course.
    pub fn is_course(self) -> bool {
        matches!(self, Self::Article | Self::Course | Self::Trial)
    }
}

/// The two phone systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Platform {
    Ios,
    Android,
}

impl Platform {
    pub const ALL: [Self; 2] = [Self::Ios, Self::Android];

    /// As the raw log names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Android => "android",
        }
    }
}

/// Where a user came from.
#[derive(Debug)]
pub struct Channel {
    /// As the raw log names it; one is Chinese, as they are in life.
    pub name: &'static str,
    /// Share of new users, relative.
    pub weight: u32,
    /// How readily its users go on, 1.0 on average.
    pub quality: f64,
    /// WeChat scene values its visits carry.
    pub scenes: &'static [u16],
    /// Campaigns that spend on it; none for free channels.
    pub campaigns: &'static [&'static str],
    /// Fen per new user, about.
    pub cost_fen: u32,
    /// Share of visitors who bounce, relative (case A6); 0 for channels that bring users.
    pub bouncers: u32,
}

/// Every channel.
pub const CHANNELS: [Channel; 9] = [
    Channel {
        name: "douyin",
        weight: 26,
        quality: 0.85,
        scenes: &[1069, 1065],
        campaigns: &["双十一预热-短视频", "直播间,晚八点"],
        cost_fen: 2_380,
        bouncers: 0,
    },
    Channel {
        name: "moments",
        weight: 17,
        quality: 0.95,
        scenes: &[1045, 1046],
        campaigns: &["朋友圈秋上新", "lookalike_30d"],
        cost_fen: 2_950,
        bouncers: 0,
    },
    Channel {
        name: "search",
        weight: 14,
        quality: 1.1,
        scenes: &[1005, 1006, 1053],
        campaigns: &["brand", "品类词"],
        cost_fen: 3_420,
        bouncers: 0,
    },
    Channel {
        name: "community",
        weight: 10,
        quality: 1.25,
        scenes: &[1007, 1008, 1044],
        campaigns: &[],
        cost_fen: 0,
        bouncers: 0,
    },
    Channel {
        name: "kol",
        weight: 8,
        quality: 1.15,
        scenes: &[1058, 1035],
        campaigns: &["小鹿\"妈妈\"推荐"],
        cost_fen: 4_100,
        bouncers: 0,
    },
    Channel {
        name: "线下门店",
        weight: 5,
        quality: 1.1,
        scenes: &[1011, 1047],
        campaigns: &["门店海报码"],
        cost_fen: 900,
        bouncers: 0,
    },
    Channel {
        name: "organic",
        weight: 20,
        quality: 1.0,
        scenes: &[1001, 1089, 1104],
        campaigns: &[],
        cost_fen: 0,
        bouncers: 0,
    },
    Channel {
        name: "ad_network",
        weight: 0,
        quality: 0.0,
        scenes: &[1095],
        campaigns: &["联盟流量包-A", "联盟流量包-B"],
        cost_fen: 620,
        bouncers: 7,
    },
    Channel {
        name: "wifi_portal",
        weight: 0,
        quality: 0.0,
        scenes: &[1078],
        campaigns: &["连WiFi弹窗"],
        cost_fen: 480,
        bouncers: 3,
    },
];

/// Scene of the single-page mode, whose visits have no user id.
pub const SINGLE_PAGE_SCENE: u16 = 1154;

/// Products are numbered from 1 to this.
pub const PRODUCTS: u16 = 48;
/// Courses are numbered from 1 to this.
pub const COURSES: u16 = 12;

/// The coupon's worth.
pub const COUPON_FEN: u32 = 500;

/// Price of a product.
pub fn product_price_fen(product: u16) -> u32 {
    const PRICES: [u32; 12] = [
        990, 1_990, 2_900, 3_990, 4_950, 6_900, 8_800, 12_800, 15_900, 19_900, 29_900, 59_900,
    ];
    PRICES[usize::from(product) % PRICES.len()]
}

/// Price of a course.
pub fn course_price_fen(course: u16) -> u32 {
    const PRICES: [u32; 4] = [9_900, 19_900, 39_900, 69_900];
    PRICES[usize::from(course) % PRICES.len()]
}

/// Visits by local hour, relative: commute, lunch break, and the evening peak.
pub const HOURS: [u32; 24] = [
    14, 7, 4, 3, 3, 6, 16, 34, 46, 44, 46, 50, 68, 62, 46, 42, 44, 50, 60, 76, 96, 104, 78, 36,
];

/// New users and visits by weekday from Monday on, percent of an ordinary one.
pub const WEEKDAYS: [u32; 7] = [96, 94, 96, 98, 108, 126, 120];

/// The following are texts as they stand within JSON quotes: some escaped, as clients differ.
pub const APP_VERSIONS: [&str; 5] = ["3.8.1", "3.8.0", "3.7.12", "3.7.9", "3.6.4"];
pub const IOS_MODELS: [&str; 4] = ["iPhone 15 Pro", "iPhone 14", "iPhone SE", "iPad Air"];
pub const ANDROID_MODELS: [&str; 5] = [
    "HUAWEI Mate 60",
    "Redmi K70",
    "vivo X100",
    "OPPO Reno11",
    "荣耀 \\\"Magic6\\\"",
];
pub const NETWORKS: [&str; 4] = ["wifi", "5g", "4g", "unknown"];
pub const CITIES: [&str; 8] = [
    "上海",
    "杭州",
    "成都",
    "\\u5e7f\\u5dde",
    "武汉",
    "西安",
    "呼和浩特",
    "乌鲁木齐",
];
pub const NICKNAMES: [&str; 8] = [
    "小鹿",
    "阿May",
    "爱吃桃子的猫",
    "王小明",
    "\\ud83c\\udf38樱",
    "李雷\\/韩梅梅",
    "南山南",
    "🐼团团",
];
pub const PRODUCT_NAMES: [&str; 8] = [
    "山茶花保湿面霜",
    "纯棉四件套",
    "手冲咖啡壶",
    "儿童护眼台灯",
    "有机燕麦片 1kg",
    "真丝眼罩",
    "折叠收纳箱",
    "桂花乌龙茶",
];
pub const COURSE_NAMES: [&str; 4] = [
    "零基础学摄影",
    "中医食疗十二讲",
    "Excel 高效办公",
    "亲子阅读课",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_numbered_as_listed() {
        for (index, page) in Page::ALL.into_iter().enumerate() {
            assert_eq!(page as usize, index + 1);
            assert!(!page.name().is_empty());
        }
    }

    #[test]
    fn texts_are_fit_for_json() {
        let all = [
            &IOS_MODELS[..],
            &ANDROID_MODELS,
            &NETWORKS,
            &CITIES,
            &NICKNAMES,
            &PRODUCT_NAMES,
            &COURSE_NAMES,
        ];
        for text in all.concat() {
            assert!(
                serde_json::from_str::<String>(&format!("\"{text}\"")).is_ok(),
                "{text}"
            );
        }
    }
}
