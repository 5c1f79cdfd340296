//! Plans: one fault at one request, a silence in which another run works, or chance.

use std::time::Duration;

use super::night::LEASE;
use super::schedule::{Decision, KINDS, Kind, Plan, Step};

/// Chance with a seed: the output function of splitmix64.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((value ^ (value >> 31)) % limit.max(1) as u64).unwrap_or(0)
    }

    pub(crate) fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }
}

/// Nothing goes wrong.
pub(super) struct Undisturbed;

impl Plan for Undisturbed {
    fn choose(&mut self, _: usize) -> usize {
        0
    }

    fn decide(&mut self, _: &Step<'_>) -> Decision {
        Decision::Proceed
    }

    fn takes(&mut self) -> Duration {
        Duration::from_secs(1)
    }

    fn late_by(&mut self) -> usize {
        0
    }
}

/// Things that happen to one run at some of its requests.
#[derive(Debug, Clone)]
pub(super) struct At {
    pub(super) actor: usize,
    /// A fault at the request of this number.
    pub(super) fault: Option<(usize, Kind)>,
    /// A silence before the request of this number, until others have long done their work.
    pub(super) silence: Option<usize>,
    pub(super) late_by: usize,
    /// Every listing shows what was there before the night.
    pub(super) is_lagging: bool,
}

impl Plan for At {
    fn choose(&mut self, _: usize) -> usize {
        0
    }

    fn decide(&mut self, step: &Step<'_>) -> Decision {
        if step.actor != self.actor {
            return Decision::Proceed;
        }
        if self.silence == Some(step.number) {
            // Counts once: the request itself comes with the next number.
            self.silence = None;
            if let Some((at, _)) = &mut self.fault
                && *at >= step.number
            {
                *at += 1;
            }
            return Decision::Silent(LEASE * 40);
        }
        if self.is_lagging && Kind::StaleList.fits(step.request) {
            return Decision::Fail(Kind::StaleList);
        }
        match self.fault {
            Some((at, kind)) if at == step.number && kind.fits(step.request) => match kind {
                Kind::Pause => Decision::Silent(LEASE * 40),
                kind => Decision::Fail(kind),
            },
            _ => Decision::Proceed,
        }
    }

    fn takes(&mut self) -> Duration {
        Duration::from_secs(1)
    }

    fn late_by(&mut self) -> usize {
        self.late_by
    }
}

/// Chance decides: who goes on, how long it takes, and a few faults.
pub(super) struct ByChance {
    pub(super) chance: Chance,
    /// Faults still to come.
    pub(super) faults: usize,
    /// One request in so many fails.
    pub(super) rarity: usize,
    /// After a fault a silence is likely, where it hurts most.
    is_after_fault: Option<usize>,
}

impl ByChance {
    pub(super) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        Self {
            faults: 2 + chance.below(3),
            rarity: 12 + chance.below(60),
            chance,
            is_after_fault: None,
        }
    }

    fn silence(&mut self) -> Decision {
        // Shorter than the lease, just longer, much longer.
        let tenths = [5, 11, 15, 40][self.chance.below(4)];
        Decision::Silent(LEASE * tenths / 10)
    }
}

impl Plan for ByChance {
    fn choose(&mut self, waiting: usize) -> usize {
        self.chance.below(waiting)
    }

    fn decide(&mut self, step: &Step<'_>) -> Decision {
        if self.is_after_fault == Some(step.actor) {
            self.is_after_fault = None;
            if self.chance.one_in(3) {
                return self.silence();
            }
        }
        if self.faults == 0 || !self.chance.one_in(self.rarity) {
            return Decision::Proceed;
        }
        let fitting: Vec<Kind> = KINDS
            .into_iter()
            .filter(|kind| kind.fits(step.request))
            .collect();
        let kind = fitting[self.chance.below(fitting.len())];
        self.faults -= 1;
        self.is_after_fault = Some(step.actor);
        match kind {
            Kind::Pause => self.silence(),
            kind => Decision::Fail(kind),
        }
    }

    fn takes(&mut self) -> Duration {
        Duration::from_millis([20, 200, 2_000, 15_000][self.chance.below(4)])
    }

    fn late_by(&mut self) -> usize {
        self.chance.below(60)
    }
}
