//! A visit acted out: the events of one opening of the mini-program, in order.

use super::cases::d2;
use super::events::Ids;
use super::person::Person;
use super::plan::{Coupon, Edge, Form, UserDay};
use super::prices::draw_order;
use super::random::Random;
use super::screen::{Place, Touched, page_height, width};
use super::world::{
    CHANNELS, COUPON_FEN, COURSES, Kind, PRODUCTS, Page, course_price_fen, product_price_fen,
};

/// Pauses longer than this cut a session.
pub const SESSION_GAP_MS: i64 = 30 * 60 * 1_000;
/// Planned pauses come before this event of the visit.
const PAUSE_BEFORE: usize = 2;

/// A unique event as it happened, before it is written, copied, delayed.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    pub time_ms: i64,
    /// Printed as 16 hexadecimal digits, so that numbers sort as the texts do.
    pub id: u64,
    /// Index of the person; [`NO_USER`] for none.
    pub user: u32,
    /// 0 for events without an amount.
    pub amount_fen: u32,
    /// Number of the order among the user's, 0 for none.
    pub order: u16,
    pub scene: u16,
    /// Product or course number, 0 for none.
    pub item: u16,
    /// Where a tap fell, CSS pixels from the page's top left.
    pub x: u16,
    pub y: u16,
    /// Deepest percent of the page seen so far, of a scroll.
    pub scroll_pct: u8,
    pub kind: Kind,
    pub page: Page,
    pub touched: Touched,
}

impl Event {
    /// A view of no page in particular.
    pub fn page_view(time_ms: i64, id: u64, user: u32) -> Self {
        Self {
            time_ms,
            id,
            user,
            amount_fen: 0,
            order: 0,
            scene: 0,
            item: 0,
            x: 0,
            y: 0,
            scroll_pct: 0,
            kind: Kind::PageView,
            page: Page::None,
            touched: Touched::None,
        }
    }
}

/// The user of events that carry no id.
pub const NO_USER: u32 = u32::MAX;

/// What a user carries from visit to visit.
#[derive(Debug)]
pub struct Memory {
    pub registered: bool,
    pub events: u32,
    pub orders: u16,
    /// Carried from one product page to the next, so that planted shares hold within a user.
    pub carried: d2::Carried,
}

/// Writes the events of one visit.
pub struct Visit<'a> {
    pub random: &'a mut Random,
    pub memory: &'a mut Memory,
    pub ids: Ids,
    pub out: &'a mut Vec<Event>,
    pub user: u32,
    pub person: &'a Person,
    pub now_ms: i64,
    pub scene: u16,
    pub edge: Edge,
    /// The next local midnight.
    pub midnight_ms: i64,
    /// Events written so far in this visit.
    pub count: usize,
}

impl<'a> Visit<'a> {
    /// The day's main visit.
    pub fn main(&mut self, day: &UserDay) {
        if day.pays_old_order {
            self.page(Page::Profile, 0);
            self.page(Page::Checkout, 0);
            self.pay(false);
        }
        // Who leaves at the coupon page must have nothing left to do.
        let course_first = day.coupon == Coupon::Leaves || self.random.chance(0.4);
        if course_first {
            self.course(day.course_steps);
        }
        if day.layer >= 1 {
            self.shop(day);
        } else if day.course_steps == 0 {
            self.idle();
        }
        if !course_first {
            self.course(day.course_steps);
        }
    }

    /// A shorter visit later on a day whose main visit reached `layer`: never deeper than that one.
    pub fn short(&mut self, layer: usize) {
        match self.random.below(10) {
            0..=4 if layer >= 1 => {
                self.home();
                if layer >= 2 && self.random.chance(0.4) {
                    self.click();
                }
            }
            _ => self.idle(),
        }
    }

    /// Looks around without the shop's home page: articles, a shared product, the own profile.
    fn idle(&mut self) {
        match self.random.below(10) {
            0..=5 => {
                for _ in 0..=self.random.below(3) {
                    let course = self.any_course();
                    self.page(Page::Article, course);
                }
            }
            6..=7 => {
                let product = self.any_product();
                self.page(Page::Product, product);
                self.read_product(product);
            }
            _ => self.page(Page::Profile, 0),
        }
    }

    fn shop(&mut self, day: &UserDay) {
        let (layer, coupon) = (day.layer, day.coupon);
        self.home();
        if self.random.chance(0.45) {
            self.page(Page::Category, 0);
        }
        if self.random.chance(0.15) {
            self.page(Page::Search, 0);
        }
        let mut product = 0;
        if layer >= 2 {
            for _ in 0..=self.random.below(3) {
                product = self.click();
            }
        }
        self.fill_form(day.form);
        if layer >= 3 {
            let kind = if self.memory.registered {
                Kind::Login
            } else {
                Kind::Register
            };
            self.memory.registered = true;
            let wait_ms = self.random.between(4_000, 50_000);
            self.emit(wait_ms, kind, Page::None, 0);
        }
        if layer >= 4 {
            self.add_to_cart(product);
            self.page(Page::Cart, 0);
        }
        if coupon != Coupon::NotSeen {
            self.page(Page::Coupon, 0);
        }
        if coupon == Coupon::Leaves {
            return;
        }
        if layer >= 5 {
            self.page(Page::Checkout, 0);
            self.pay(coupon == Coupon::GoesOn);
            if self.random.chance(0.06) {
                let product = self.any_product();
                self.add_to_cart(product);
                self.page(Page::Checkout, 0);
                self.pay(false);
            }
        } else if layer == 4 && self.random.chance(0.35) {
            self.page(Page::Checkout, 0);
        } else if coupon == Coupon::GoesOn || self.random.chance(0.25) {
            self.page(Page::Category, 0);
        }
        if self.random.chance(0.2) {
            self.page(Page::Profile, 0);
        }
    }

    fn home(&mut self) {
        self.page(Page::Home, 0);
        for _ in 0..2 + self.random.below(4) {
            // Exposures of one screen are often reported in one go, in the page's own millisecond.
            let wait_ms = if self.random.chance(0.3) {
                0
            } else {
                self.random.between(80, 2_600)
            };
            let product = self.any_product();
            self.emit(wait_ms, Kind::Exposure, Page::None, product);
        }
    }

    /// A product clicked and its page; gives the product.
    fn click(&mut self) -> u16 {
        let product = self.any_product();
        let wait_ms = if self.random.chance(0.03) {
            0
        } else {
            self.random.between(700, 20_000)
        };
        self.emit(wait_ms, Kind::Click, Page::None, product);
        let wait_ms = if self.random.chance(0.2) {
            0
        } else {
            self.random.between(60, 900)
        };
        self.emit(wait_ms, Kind::PageView, Page::Product, product);
        self.read_product(product);
        product
    }

    /// The product page that has just opened: how far down it is read, and what is tapped.
    fn read_product(&mut self, product: u16) {
        let reading = d2::read(self.random, &mut self.memory.carried);
        for scroll_pct in reading.depths_pct {
            let wait_ms = self.random.between(700, 9_000);
            self.emit(wait_ms, Kind::Scroll, Page::Product, product);
            if let Some(event) = self.out.last_mut() {
                event.scroll_pct = scroll_pct;
            }
        }
        for place in reading.taps {
            self.tap(product, &place);
        }
    }

    fn tap(&mut self, product: u16, place: &Place) {
        let width = width(self.person.platform, self.person.look);
        let height = page_height(Page::Product, product, width);
        let mut within = |(low, high): (u32, u32), size: u16| {
            let per_mille = self.random.between(i64::from(low), i64::from(high)) as u32;
            (u32::from(size) * per_mille / 1_000) as u16
        };
        let (x, y) = (within(place.x, width), within(place.y, height));
        let wait_ms = self.random.between(300, 6_000);
        self.emit(wait_ms, Kind::Tap, Page::Product, product);
        if let Some(event) = self.out.last_mut() {
            (event.x, event.y, event.touched) = (x, y, place.element);
        }
    }

    /// The registration form, as far as the plan goes.
    fn fill_form(&mut self, form: Form) {
        let fields = form.fields();
        if !fields.is_empty() {
            self.page(Page::Register, 0);
        }
        for field in fields {
            let wait_ms = self.random.between(2_500, 25_000);
            self.emit(wait_ms, Kind::RegisterField, Page::Register, 0);
            if let Some(event) = self.out.last_mut() {
                event.touched = *field;
            }
        }
    }

    fn add_to_cart(&mut self, product: u16) {
        let wait_ms = self.random.between(2_000, 60_000);
        self.emit(wait_ms, Kind::AddToCart, Page::None, product);
    }

    fn pay(&mut self, with_coupon: bool) {
        let (product, pieces) = draw_order(self.random);
        let price_fen = product_price_fen(product) * pieces;
        let amount_fen = if with_coupon {
            price_fen - COUPON_FEN
        } else {
            price_fen
        };
        self.order(Kind::Pay, product, amount_fen);
        let wait_ms = if self.random.chance(0.2) {
            0
        } else {
            self.random.between(300, 4_000)
        };
        self.emit(wait_ms, Kind::PageView, Page::PayResult, 0);
    }

    fn order(&mut self, kind: Kind, item: u16, amount_fen: u32) {
        self.memory.orders += 1;
        let wait_ms = self.random.between(3_000, 45_000);
        self.emit(wait_ms, kind, Page::None, item);
        if let Some(event) = self.out.last_mut() {
            event.amount_fen = amount_fen;
            event.order = self.memory.orders;
        }
    }

    fn course(&mut self, steps: u8) {
        // A learner follows one course.
        let course = 1 + (self.person.look % u32::from(COURSES)) as u16;
        for step in (0..5).filter(|step| steps & (1 << step) != 0) {
            match step {
                0 => {
                    self.page(Page::Article, course);
                    let wait_ms = self.random.between(0, 1_500);
                    self.emit(wait_ms, Kind::ArticleOpen, Page::None, course);
                }
                1 => {
                    self.page(Page::Course, course);
                    self.emit(0, Kind::CourseView, Page::None, course);
                }
                2 => {
                    self.page(Page::Trial, course);
                    let wait_ms = self.random.between(8 * 60_000, 24 * 60_000);
                    self.emit(wait_ms, Kind::TrialFinish, Page::None, course);
                }
                3 => {
                    self.page(Page::Checkout, 0);
                    self.order(Kind::CoursePay, course, course_price_fen(course));
                    self.page(Page::PayResult, 0);
                }
                _ => {
                    let other = self.any_course();
                    self.page(Page::Course, other);
                    self.order(Kind::CourseRepurchase, other, course_price_fen(other));
                }
            }
        }
    }

    fn any_product(&mut self) -> u16 {
        1 + self.random.below(u32::from(PRODUCTS)) as u16
    }

    fn any_course(&mut self) -> u16 {
        1 + self.random.below(u32::from(COURSES)) as u16
    }

    /// A page view after a reading time: most are short, a few take minutes.
    fn page(&mut self, page: Page, item: u16) {
        let unit = self.random.unit();
        let longest_ms = if self.random.chance(0.02) {
            600_000.0
        } else {
            70_000.0
        };
        self.emit(
            1_200 + (unit * unit * longest_ms) as i64,
            Kind::PageView,
            page,
            item,
        );
    }

    fn emit(&mut self, wait_ms: i64, kind: Kind, page: Page, item: u16) {
        let wait_ms = match self.edge {
            _ if self.count == 0 => 0,
            Edge::PausesThirtyMinutes if self.count == PAUSE_BEFORE => SESSION_GAP_MS,
            Edge::PausesLonger if self.count == PAUSE_BEFORE => SESSION_GAP_MS + 1,
            _ => wait_ms,
        };
        let before_ms = self.now_ms;
        self.now_ms += wait_ms;
        if self.edge == Edge::CrossesMidnight
            && before_ms < self.midnight_ms
            && self.now_ms > self.midnight_ms
        {
            self.now_ms = self.midnight_ms;
        }
        let id = self.ids.id(self.user, self.memory.events);
        self.out.push(Event {
            scene: self.scene,
            item,
            kind,
            page,
            ..Event::page_view(self.now_ms, id, self.user)
        });
        self.memory.events += 1;
        self.count += 1;
    }

    /// A scene value of the person's channel.
    pub fn scene_of(random: &mut Random, person: &Person) -> u16 {
        random.pick(CHANNELS[person.channel].scenes)
    }
}
