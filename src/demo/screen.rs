//! What fingers meet: fields of the registration form, elements of the product page, and the screens
//! they lie on. Sizes are CSS pixels.

use super::world::{ANDROID_MODELS, IOS_MODELS, Page, Platform};

/// A form field, or an element of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touched {
    None,
    Phone,
    CodeSent,
    CodeFilled,
    Failed,
    Gallery,
    /// Text that looks like a button, right above the coupon banner; nothing happens there.
    PriceLabel,
    CouponBanner,
    SpecificationTab,
    ReviewMore,
    Recommendation,
    CartButton,
    BuyButton,
}

impl Touched {
    /// The fields of the registration form.
    pub const FIELDS: [Self; 4] = [Self::Phone, Self::CodeSent, Self::CodeFilled, Self::Failed];

    /// As the raw log names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Phone => "phone",
            Self::CodeSent => "code_sent",
            Self::CodeFilled => "code_filled",
            Self::Failed => "failed",
            Self::Gallery => "gallery",
            Self::PriceLabel => "price_label",
            Self::CouponBanner => "coupon_banner",
            Self::SpecificationTab => "specification_tab",
            Self::ReviewMore => "review_more",
            Self::Recommendation => "recommendation",
            Self::CartButton => "cart_button",
            Self::BuyButton => "buy_button",
        }
    }
}

/// An element of the product page and where it is tapped, per mille of the page's width and height.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub element: Touched,
    pub x: (u32, u32),
    pub y: (u32, u32),
    /// How often it is tapped, relative.
    pub weight: u32,
}

/// The label that is taken for a button.
pub const PRICE_LABEL: Place = place(Touched::PriceLabel, (592, 658), (255, 288), 0);

/// The field of the grid in which it lies: `x/y`, from 0, of 12 across and 24 down.
pub const LABEL_CELL: &str = "7/6";

/// What is tapped by everybody, down to the coupon block.
pub const UPPER_PLACES: [Place; 4] = [
    place(Touched::Gallery, (60, 940), (10, 195), 46),
    place(Touched::CouponBanner, (50, 560), (312, 370), 12),
    // The bar stays at the bottom of the screen: seen from the page's top, it lies anywhere.
    place(Touched::CartButton, (690, 810), (90, 290), 22),
    place(Touched::BuyButton, (850, 980), (90, 290), 20),
];

/// What is tapped besides by those who scroll on.
pub const LOWER_PLACES: [Place; 3] = [
    place(Touched::SpecificationTab, (60, 420), (385, 415), 40),
    place(Touched::ReviewMore, (350, 650), (630, 810), 30),
    place(Touched::Recommendation, (40, 960), (830, 985), 30),
];

const fn place(element: Touched, x: (u32, u32), y: (u32, u32), weight: u32) -> Place {
    Place {
        element,
        x,
        y,
        weight,
    }
}

const IOS_WIDTHS: [u16; IOS_MODELS.len()] = [393, 390, 375, 820];
const ANDROID_WIDTHS: [u16; ANDROID_MODELS.len()] = [412, 393, 384, 360, 432];

/// Which of the platform's models somebody has.
pub fn model_index(platform: Platform, look: u32) -> usize {
    let models = match platform {
        Platform::Ios => IOS_MODELS.len(),
        Platform::Android => ANDROID_MODELS.len(),
    };
    (look >> 8) as usize % models
}

/// The width of somebody's screen.
pub fn width(platform: Platform, look: u32) -> u16 {
    let model = model_index(platform, look);
    match platform {
        Platform::Ios => IOS_WIDTHS[model],
        Platform::Android => ANDROID_WIDTHS[model],
    }
}

/// The field of the grid in which a tap lies, as [`LABEL_CELL`] is written.
pub fn cell(x: u16, y: u16, width: u16, height: u16) -> String {
    let part =
        |at: u16, of: u16, parts: u32| (u32::from(at) * parts / u32::from(of)).min(parts - 1);
    format!("{}/{}", part(x, width, 12), part(y, height, 24))
}

/// The height of a page: texts and pictures differ by item, and take less on a wide screen.
pub fn page_height(page: Page, item: u16, width: u16) -> u16 {
    let on_phone = match page {
        Page::Product => 3_200 + item % 6 * 310,
        Page::Article => 2_400 + item % 5 * 640,
        _ => 1_400,
    };
    if width > 600 {
        on_phone / 4 * 3
    } else {
        on_phone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Taps on the label lie in one field of a grid of 12 × 24, and no other element reaches into it.
    #[test]
    fn the_label_has_a_field_of_the_grid_to_itself() {
        let fields = |place: &Place| {
            let ends =
                |(low, high): (u32, u32), parts: u32| low * parts / 1_000..=high * parts / 1_000;
            (ends(place.x, 12), ends(place.y, 24))
        };
        let (x, y) = fields(&PRICE_LABEL);
        assert_eq!((x.start(), y.start()), (x.end(), y.end()));
        assert_eq!(format!("{}/{}", x.start(), y.start()), LABEL_CELL);
        for place in UPPER_PLACES.iter().chain(&LOWER_PLACES) {
            let (other_x, other_y) = fields(place);
            let is_elsewhere = !other_x.contains(x.start()) || !other_y.contains(y.start());
            assert!(is_elsewhere, "{place:?}");
        }
    }
}
