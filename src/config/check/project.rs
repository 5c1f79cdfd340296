//! `pipelines/_project.yaml`: zone, language, currency, warehouse.

use std::path::Path;

use chrono_tz::{TZ_VARIANTS, Tz};

use super::Checker;
use super::stores::stores;
use crate::config::paths;
use crate::config::raw::{LocaleWord, ProjectFile};
use crate::config::tree::Node;
use crate::config::words;
use crate::diagnostic::Place;
use crate::project::{Duration, LEAST_MEMORY_BYTES, Locale, Memory, Stores};

/// What the project file says.
#[derive(Debug)]
pub struct Basics {
    /// Project name.
    pub name: String,
    /// Zone of its days.
    pub zone: Tz,
    /// Language.
    pub locale: Locale,
    /// Currency code.
    pub currency: String,
    /// Absolute URL ending in `/`.
    pub warehouse: String,
    /// How stores are reached.
    pub stores: Stores,
    /// Days a bare run goes back.
    pub catch_up_days: u32,
    /// What a run may hold in memory.
    pub memory: Memory,
}

impl Basics {
    /// Stand-ins for a project file that cannot be used, so that the other files can be looked at.
    pub fn unknown(root: &Path) -> Option<Self> {
        let folder = paths::folder(root, "warehouse", "warehouse/").ok()?;
        Some(Self {
            name: String::new(),
            zone: Tz::UTC,
            locale: Locale::En,
            currency: String::new(),
            warehouse: folder.url,
            stores: Stores::default(),
            catch_up_days: 1,
            memory: Memory::DEFAULT,
        })
    }
}

/// Folders that hold the project's own files.
const OWN_FOLDERS: [&str; 4] = ["pipelines", "sql", "reports", "src"];

/// Checks the project file.
pub fn project(
    root: &Path,
    raw: &ProjectFile,
    node: &Node,
    checker: &mut Checker<'_>,
) -> Option<Basics> {
    let before = checker.told();
    if let Some(name) = &raw.project {
        checker.name(node.place_of("project"), "a project", name);
    }
    let zone = raw
        .time_zone
        .as_deref()
        .and_then(|text| zone(node.place_of("time_zone"), text, checker));
    if let Some(code) = &raw.currency {
        currency(node.place_of("currency"), code, checker);
    }

    let warehouse_place = node.place_of("warehouse");
    let warehouse = match paths::folder(
        root,
        "warehouse",
        raw.warehouse.as_deref().unwrap_or("warehouse/"),
    ) {
        Ok(folder) => {
            let path = folder.path.as_deref();
            let cause = if path == Some(root) {
                Some("`warehouse` is the project's own folder".to_owned())
            } else {
                OWN_FOLDERS
                    .iter()
                    .find(|name| path.is_some_and(|path| path.starts_with(root.join(name))))
                    .map(|name| format!("`warehouse` lies in the project's `{name}/`"))
            };
            if let Some(cause) = cause {
                checker.tell(
                    warehouse_place,
                    cause,
                    "give it a folder of its own, such as `warehouse: warehouse/`",
                );
            }
            Some(folder)
        }
        Err(wrong) => {
            checker.tell(warehouse_place, wrong.cause, wrong.mend);
            None
        }
    };

    let catch_up = raw.catch_up.as_deref().map_or_else(
        || Duration::from_days(7),
        |text| {
            let place = node.place_of("catch_up");
            let before = checker.told();
            let read = checker.whole_days(place, "catch_up", text);
            if read.us() == 0 && checker.told() == before {
                checker.tell(
                    place,
                    "`catch_up` is no time at all",
                    "write at least `catch_up: 1d`",
                );
            }
            read
        },
    );

    let memory = raw.memory.as_deref().map_or(Memory::DEFAULT, |text| {
        memory(node.place_of("memory"), text, checker)
    });

    let stores = node
        .get("stores")
        .map_or_else(Stores::default, |node| stores(&raw.stores, node, checker));

    let warehouse = warehouse?;
    let basics = Basics {
        name: raw.project.clone()?,
        zone: zone?,
        locale: match raw.locale? {
            LocaleWord::ZhCn => Locale::ZhCn,
            LocaleWord::En => Locale::En,
        },
        currency: raw.currency.clone()?,
        warehouse: warehouse.url,
        stores,
        catch_up_days: catch_up.days_ceil(),
        memory,
    };
    (checker.told() == before).then_some(basics)
}

fn memory(place: Place, text: &str, checker: &mut Checker<'_>) -> Memory {
    match Memory::parse(text) {
        None => checker.tell(
            place,
            format!("`{text}` is no size of memory"),
            "write a size such as `memory: 4GiB` or `memory: 512MiB`, or a share of the machine such as `memory: 25%`",
        ),
        Some(Memory::Bytes(bytes)) if bytes < LEAST_MEMORY_BYTES => checker.tell(
            place,
            format!("`memory: {text}` is too little to work in"),
            format!("give at least `memory: {}MiB`", LEAST_MEMORY_BYTES >> 20),
        ),
        Some(memory) => return memory,
    }
    Memory::DEFAULT
}

/// Names that people write for a zone, and the zone.
const USUAL_ZONES: [(&str, &str); 9] = [
    ("asia/beijing", "Asia/Shanghai"),
    ("beijing", "Asia/Shanghai"),
    ("china", "Asia/Shanghai"),
    ("cst", "Asia/Shanghai"),
    ("utc+8", "Asia/Shanghai"),
    ("utc+08:00", "Asia/Shanghai"),
    ("gmt+8", "Asia/Shanghai"),
    ("+08:00", "Asia/Shanghai"),
    ("asia/shenzhen", "Asia/Shanghai"),
];

fn zone(place: Place, text: &str, checker: &mut Checker<'_>) -> Option<Tz> {
    let read = text.parse::<Tz>().ok();
    if read.is_none() {
        let lower = text.to_lowercase();
        let usual = USUAL_ZONES
            .iter()
            .find(|(written, _)| *written == lower)
            .map(|(_, zone)| *zone);
        // `Shanghai` alone is meant as the city of a zone.
        let city = || {
            let wanted = format!("/{lower}");
            TZ_VARIANTS
                .iter()
                .map(|zone| zone.name())
                .find(|name| name.to_lowercase().ends_with(&wanted))
        };
        let near = usual
            .or_else(city)
            .or_else(|| words::nearest(text, TZ_VARIANTS.iter().map(|zone| zone.name())));
        let mend = near.map_or_else(
            || {
                "write a name of the IANA time zone database, such as `Asia/Shanghai` or `UTC`"
                    .to_owned()
            },
            |name| format!("did you mean `{name}`? names are those of the IANA time zone database"),
        );
        checker.tell(
            place,
            format!("there is no time zone {}", words::quoted(text)),
            mend,
        );
    }
    read
}

/// ISO 4217, the codes of money in use.
const CURRENCIES: &str = "\
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF \
GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK \
LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD \
OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN \
SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG \
XOF XPF YER ZAR ZMW ZWG";

fn currency(place: Place, text: &str, checker: &mut Checker<'_>) {
    let codes = || CURRENCIES.split_ascii_whitespace();
    if codes().any(|code| code == text) {
        return;
    }
    let upper = text.to_uppercase();
    let near = match upper.as_str() {
        "RMB" | "CNH" | "YUAN" | "¥" | "人民币" | "元" => Some("CNY"),
        "$" | "DOLLAR" => Some("USD"),
        "EURO" | "€" => Some("EUR"),
        _ => words::nearest(&upper, codes()),
    };
    checker.tell(
        place,
        format!("there is no currency {}", words::quoted(text)),
        near.map_or_else(
            || "write its ISO 4217 code, three capitals, such as `CNY`".to_owned(),
            |code| format!("did you mean `{code}`? codes are those of ISO 4217, three capitals"),
        ),
    );
}
