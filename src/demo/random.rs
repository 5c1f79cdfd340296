//! The generator's only source of chance: xoshiro256++ seeded by splitmix64, both implemented from
//! their authors' public descriptions (<https://prng.di.unimi.it>) and tested against their vectors.
//!
//! Every person, day and purpose has a stream of its own, so what one of them draws never shifts what
//! another gets. Only exactly rounded float operations are used: the same draw on every machine.

/// What a stream is for; part of its seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Ids = 1,
    Person,
    FirstVisit,
    Visits,
    Events,
    Delivery,
    Anonymous,
    Faults,
    Spend,
    Layers,
    Deferred,
    Returns,
    Coupon,
    Course,
    Form,
    Levels,
    Prices,
    Bouncers,
}

const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output function of splitmix64: a bijection of 64-bit numbers.
pub fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// splitmix64, used to fill the state of [`Random`].
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN_GAMMA);
        mix(self.0)
    }
}

/// A stream of xoshiro256++.
#[derive(Debug, Clone)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// The stream of `purpose` number `index` under `seed`.
    pub fn stream(seed: u64, purpose: Purpose, index: u64) -> Self {
        let purpose = mix((purpose as u64).wrapping_mul(GOLDEN_GAMMA));
        let mut fill = SplitMix(mix(mix(seed) ^ purpose) ^ mix(index.wrapping_add(GOLDEN_GAMMA)));
        Self {
            state: [fill.next(), fill.next(), fill.next(), fill.next()],
        }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in `0.0..1.0`, a multiple of 2⁻⁵³.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `0..limit` (0 where `limit` is 0); the bias is below 2⁻³² × limit.
    pub fn below(&mut self, limit: u32) -> u32 {
        (((self.bits() >> 32) * u64::from(limit)) >> 32) as u32
    }

    /// Uniform between both ends, inclusive; spans of at most 2³².
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + i64::from(self.below((high - low + 1) as u32))
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of them, all alike.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u32) as usize]
    }

    /// An index, with probability proportional to its weight.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut rest = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if rest < *weight {
                return index;
            }
            rest -= weight;
        }
        weights.len() - 1
    }
}

/// Chooses the planted share of the candidates: exactly `share` of them (up to one), so that a
/// planted effect does not drown in the luck of a seed. Which ones is chance, in proportion to their
/// weights (systematic sampling over a shuffled list). Returns chosen items in the list's order.
pub fn choose<T: Copy + Ord>(random: &mut Random, candidates: &[(T, f64)], share: f64) -> Vec<T> {
    choose_evenly(random, candidates, share, |_| 0)
}

/// As [`choose`], where each stratum also gives its part: up to one, as many as its weights ask for.
pub fn choose_evenly<T: Copy + Ord>(
    random: &mut Random,
    candidates: &[(T, f64)],
    share: f64,
    stratum: impl Fn(T) -> u32,
) -> Vec<T> {
    let total: f64 = candidates.iter().map(|(_, weight)| weight).sum();
    if total <= 0.0 {
        return Vec::new();
    }
    let per_weight = share * candidates.len() as f64 / total;
    let mut shuffled: Vec<(u32, u64, T, f64)> = candidates
        .iter()
        .map(|(item, weight)| (stratum(*item), random.bits(), *item, *weight))
        .collect();
    shuffled.sort_unstable_by_key(|(stratum, key, item, _)| (*stratum, *key, *item));
    let mut carried = random.unit();
    let mut chosen = Vec::new();
    for (.., item, weight) in shuffled {
        carried += (weight * per_weight).min(1.0);
        if carried >= 1.0 {
            carried -= 1.0;
            chosen.push(item);
        }
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xoshiro_gives_the_published_numbers() {
        let mut random = Random {
            state: [1, 2, 3, 4],
        };
        let expected = [
            41_943_041,
            58_720_359,
            3_588_806_011_781_223,
            3_591_011_842_654_386,
            9_228_616_714_210_784_205,
            9_973_669_472_204_895_162,
            14_011_001_112_246_962_877,
            12_406_186_145_184_390_807,
            15_849_039_046_786_891_736,
            10_450_023_813_501_588_000,
        ];
        assert_eq!(expected.map(|_| random.bits()), expected);
    }

    #[test]
    fn splitmix_gives_the_published_numbers() {
        let mut split = SplitMix(1_234_567);
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!(expected.map(|_| split.next()), expected);
    }

    #[test]
    fn streams_differ_by_seed_purpose_and_index() {
        let first = |seed, purpose, index| Random::stream(seed, purpose, index).bits();
        let one = first(1, Purpose::Person, 0);
        assert_eq!(one, first(1, Purpose::Person, 0));
        assert_ne!(one, first(2, Purpose::Person, 0));
        assert_ne!(one, first(1, Purpose::Events, 0));
        assert_ne!(one, first(1, Purpose::Person, 1));
    }

    #[test]
    fn choose_takes_exactly_the_share_and_prefers_weight() {
        let candidates: Vec<(usize, f64)> = (0..1_000)
            .map(|index| (index, if index < 500 { 1.0 } else { 2.0 }))
            .collect();
        let mut light = 0;
        for seed in 0..50 {
            let mut random = Random::stream(seed, Purpose::Layers, 0);
            let chosen = choose(&mut random, &candidates, 0.3);
            assert!((299..=301).contains(&chosen.len()), "{}", chosen.len());
            assert!(chosen.is_sorted());
            light += chosen.iter().filter(|index| **index < 500).count();
        }
        // A third of 50 × 300, within five standard errors.
        assert!((4_750..=5_250).contains(&light), "{light}");
    }

    #[test]
    fn nothing_is_chosen_of_nothing() {
        let mut random = Random::stream(1, Purpose::Layers, 0);
        assert!(choose::<usize>(&mut random, &[], 0.5).is_empty());
    }
}
