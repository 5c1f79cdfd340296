//! Which request meets which fault. Drawn by the seed, the request and how often it came before, so that
//! the order in which requests of different keys come does not matter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::http::Request;
use crate::faults::fired::Fired;
use crate::faults::seed::mix;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The store failed; nothing was done.
    Error500,
    /// The store is busy; nothing was done.
    Busy503,
    /// Another request is under way; nothing was done.
    Conflict409,
    /// Done at once, but answered after the client has given up.
    Slow,
    /// Done only after the client has given up.
    Late,
    /// Done; the answer breaks off in the middle.
    Cut,
    /// Done; the connection is closed without an answer.
    Lost,
}

pub const FAULTS: [Fault; 7] = [
    Fault::Error500,
    Fault::Busy503,
    Fault::Conflict409,
    Fault::Slow,
    Fault::Late,
    Fault::Cut,
    Fault::Lost,
];

impl Fault {
    pub fn word(self) -> &'static str {
        match self {
            Self::Error500 => "500",
            Self::Busy503 => "503",
            Self::Conflict409 => "409",
            Self::Slow => "slow",
            Self::Late => "late",
            Self::Cut => "cut",
            Self::Lost => "lost",
        }
    }

    /// Whether a store would do this to an operation.
    pub fn is_for(self, operation: &str) -> bool {
        self != Self::Conflict409 || operation.starts_with("PUT ")
    }

    /// Whether it takes a client's whole patience.
    fn takes_long(self) -> bool {
        matches!(self, Self::Slow | Self::Late)
    }
}

/// What a request is about: its verb and the class of its key.
pub fn operation(request: &Request) -> String {
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    let is_list = query.contains("list-type=") || query.contains("comp=list");
    let is_removal = request.method == "POST" || request.method == "DELETE";
    let body = String::from_utf8_lossy(&request.body);
    // What a key is: in the path, in the prefix of a listing, in the list of what is to be removed.
    let text = match (is_list, is_removal) {
        (true, _) => query.replace("%2F", "/"),
        (_, true) => format!("{path} {body}"),
        _ => path.to_string(),
    };
    const CLASSES: [(&str, &str); 8] = [
        ("_loudou/log", "log"),
        ("_loudou/beat", "beat"),
        ("_loudou/probe", "probe"),
        ("_loudou/checkpoint", "checkpoint"),
        ("_loudou/quarantine", "quarantine"),
        ("_loudou/restatements", "restatements"),
        ("/warehouse/", "data"),
        ("/raw", "raw object"),
    ];
    let class = CLASSES.iter().find(|(part, _)| text.contains(part));
    let class = class.map_or("other", |(_, class)| class);
    let verb = match (is_list, is_removal) {
        (true, _) => "LIST",
        (_, true) => "DELETE",
        _ => request.method.as_str(),
    };
    format!("{verb} {class}")
}

/// The plan of one round.
#[derive(Debug)]
pub struct Plan {
    seed: u64,
    /// How likely any request meets any fault.
    likely: f64,
    /// What must happen if the operation comes.
    favourite: Option<(Fault, String)>,
    seen: Mutex<Seen>,
}

/// What has come so far.
#[derive(Debug, Default)]
struct Seen {
    /// How often each request came.
    requests: BTreeMap<String, u64>,
    /// How often the favourite fired.
    favoured: usize,
    /// How many faults took long.
    long: usize,
    /// Every operation.
    operations: BTreeSet<String>,
}

const FAVOURED_AT_MOST: usize = 2;
/// Operations of which any may be met, not the first.
const OFTEN: [&str; 5] = [
    "GET log",
    "PUT log",
    "GET data",
    "PUT data",
    "GET raw object",
];
const LONG_AT_MOST: usize = 3;

impl Plan {
    pub fn new(seed: u64, likely: f64, favourite: Option<(Fault, String)>) -> Self {
        Self {
            seed,
            likely,
            favourite,
            seen: Mutex::default(),
        }
    }

    /// Every operation that has come.
    pub fn operations(&self) -> BTreeSet<String> {
        self.seen.lock().unwrap().operations.clone()
    }

    /// What a request meets; counted.
    pub fn meets(&self, request: &Request, fired: &Fired) -> Option<Fault> {
        let operation = operation(request);
        let mut seen = self.seen.lock().unwrap();
        seen.operations.insert(operation.clone());
        // Keys of a probe and times in a query are never the same.
        let path = request.target.split('?').next().unwrap();
        let name = match operation.contains("probe") {
            true => operation.clone(),
            false => format!("{operation} {path}"),
        };
        let came = seen.requests.entry(name.clone()).or_default();
        *came += 1;
        let draw = name.bytes().fold(mix(self.seed ^ *came), |sum, byte| {
            mix(sum ^ u64::from(byte))
        });
        let unit = |number: u64| (mix(draw ^ number) >> 11) as f64 / (1_u64 << 53) as f64;
        let mut fault = None;
        if let Some((favourite, of)) = &self.favourite {
            let is_often = OFTEN.contains(&of.as_str());
            let is_now = !is_often || unit(1) < 0.3;
            if *of == operation && is_now && seen.favoured < FAVOURED_AT_MOST {
                seen.favoured += 1;
                fault = Some(*favourite);
            }
        }
        if fault.is_none() && unit(2) < self.likely {
            let drawn = FAULTS[(mix(draw ^ 3) % FAULTS.len() as u64) as usize];
            let is_too_long = drawn.takes_long() && seen.long >= LONG_AT_MOST;
            fault = (drawn.is_for(&operation) && !is_too_long).then_some(drawn);
        }
        if let Some(fault) = fault {
            seen.long += usize::from(fault.takes_long());
            fired.count(fault.word(), &operation);
        }
        fault
    }
}
