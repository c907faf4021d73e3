//! A small deterministic generator (SplitMix64): the same seed gives the same data on every machine and for every
//! version of every library.

/// A stream of numbers that depends on its seed only.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// A stream for one thing: what kind of thing, and which one.
    pub fn new(seed: u64, kind: u64, index: u64) -> Self {
        let mut dice = Self(seed ^ mix(kind.wrapping_mul(0xd1b5_4a32_d192_ed03) ^ mix(index)));
        dice.roll();
        dice
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number in `0..n`; 0 when `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        // The high half of a 128-bit product is below n.
        u64::try_from((u128::from(self.roll()) * u128::from(n)) >> 64).unwrap_or(0)
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low).unwrap_or(0) + 1;
        low + i64::try_from(self.below(span)).unwrap_or(0)
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// An index in `0..n`, small ones far more often than large ones (density ~ 1/√x).
    pub fn popular(&mut self, n: usize) -> usize {
        let x = self.roll() >> 32;
        let squared = (x * x) >> 32;
        usize::try_from((squared * n as u64) >> 32).unwrap_or(0)
    }

    /// One of `choices`.
    pub fn pick(&mut self, choices: &'static [&'static str]) -> &'static str {
        let index = usize::try_from(self.below(choices.len() as u64)).unwrap_or(0);
        choices.get(index).copied().unwrap_or_default()
    }
}

fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
