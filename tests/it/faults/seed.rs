//! Chance from one number, and how much of it is asked for.

/// The seed of a run without `LOUDOU_FAULT_SEED`.
const USUAL_SEED: u64 = 20_261_121;

/// What one run of these tests is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// What everything is drawn from.
    pub seed: u64,
    /// How many times the usual number of rounds.
    factor: usize,
}

impl Asked {
    /// By the environment; told, so that a failure can be repeated.
    pub fn of_environment(what: &str) -> Self {
        let number = |name: &str| {
            let text = std::env::var(name).ok()?;
            Some(text.parse::<u64>().unwrap())
        };
        let asked = Self {
            seed: number("LOUDOU_FAULT_SEED").unwrap_or(USUAL_SEED),
            factor: usize::try_from(number("LOUDOU_FAULT_ROUNDS").unwrap_or(1)).unwrap(),
        };
        println!("{what}: LOUDOU_FAULT_SEED={}", asked.seed);
        asked
    }

    /// Rounds, of which so many are usual.
    pub fn rounds(&self, usual: usize) -> usize {
        usual * self.factor
    }

    /// Whether so many rounds are run that every fault must have met every operation.
    pub fn is_long(&self) -> bool {
        self.factor >= 10
    }

    /// Draws of their own for one round of one thing.
    pub fn draws(&self, of: &str, round: usize) -> Draws {
        let name = of.bytes().fold(0, |sum, byte| mix(sum ^ u64::from(byte)));
        Draws(mix(self.seed) ^ mix(name ^ round as u64))
    }
}

/// The output function of splitmix64 behind its increment.
pub fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A stream of draws.
#[derive(Debug)]
pub struct Draws(u64);

impl Draws {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0)
    }

    /// In `0..limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.bits() % limit
    }

    /// In `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Yes or no.
    pub fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}
