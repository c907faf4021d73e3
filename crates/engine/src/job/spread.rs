//! How times are spread, in buckets that can be added up: four to a doubling, so that a bucket's middle is within 9 % of every time in it.

use std::collections::BTreeMap;

use serde_json::Value;

const PER_DOUBLING: f64 = 4.0;
/// More than a year of microseconds.
const BUCKET_MAX: u16 = 200;

/// Counts of times by bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread(BTreeMap<u16, u64>);

impl Spread {
    /// Counts one time of so many microseconds.
    pub fn add(&mut self, micros: i64) {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the limit")]
        let bucket = ((micros.max(1) as f64).log2() * PER_DOUBLING).floor().clamp(0.0, f64::from(BUCKET_MAX)) as u16;
        *self.0.entry(bucket).or_default() += 1;
    }

    /// Adds another one's counts.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            *self.0.entry(*bucket).or_default() += count;
        }
    }

    /// The middle of each bucket in microseconds with its count, shortest first.
    pub fn counts(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        self.0.iter().map(|(bucket, count)| (((f64::from(*bucket) + 0.5) / PER_DOUBLING).exp2(), *count))
    }

    pub(super) fn to_json(&self) -> Value {
        self.0.iter().map(|(bucket, count)| (bucket.to_string(), Value::from(*count))).collect::<serde_json::Map<_, _>>().into()
    }

    pub(super) fn of_json(value: &Value) -> Self {
        let pairs = value.as_object().into_iter().flatten();
        Self(pairs.filter_map(|(bucket, count)| Some((bucket.parse().ok()?, count.as_u64()?))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_near_the_middle_of_its_bucket() {
        for micros in [1, 17, 999, 20_000, 5_000_000, 86_400_000_000] {
            let mut spread = Spread::default();
            spread.add(micros);
            let (middle, count) = spread.counts().next().unwrap();
            assert_eq!(count, 1);
            assert!((middle / micros as f64 - 1.0).abs() < 0.1, "{micros}: {middle}");
        }
    }

    #[test]
    fn counts_are_kept_and_added_up() {
        let mut spread = Spread::default();
        [1_000, 1_001, 64_000].into_iter().for_each(|micros| spread.add(micros));
        let mut twice = Spread::of_json(&spread.to_json());
        assert_eq!(twice, spread);
        twice.merge(&spread);
        assert_eq!(twice.counts().map(|(_, count)| count).collect::<Vec<_>>(), [4, 2]);
    }
}
