//! The figures of one endpoint over one stretch of time: a mergeable sketch of durations, and how many failed.

use qd_core::{Error, Result, Timestamp};
use sketches_ddsketch::DDSketch;

/// Durations in milliseconds (relative error 1 %), failures, and when the last span arrived. Tallies merge in any order.
#[derive(Clone, Default)]
pub struct Tally {
    durations: DDSketch,
    /// How many of them failed.
    pub errors: u64,
    /// When the last of them arrived here; 0 before the first.
    pub last_at: i64,
}

impl std::fmt::Debug for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tally").field("count", &self.count()).field("errors", &self.errors).finish_non_exhaustive()
    }
}

impl Tally {
    /// Counts one request.
    pub fn add(&mut self, millis: f64, failed: bool, arrived: Timestamp) {
        self.durations.add(millis);
        self.errors += u64::from(failed);
        self.last_at = self.last_at.max(arrived.0);
    }

    /// Takes over another tally.
    pub fn merge(&mut self, other: &Self) {
        // All sketches are made with the same parameters, which is all that a merge asks for.
        if let Err(error) = self.durations.merge(&other.durations) {
            tracing::error!(%error, "two sketches of durations do not merge");
            return;
        }
        self.errors += other.errors;
        self.last_at = self.last_at.max(other.last_at);
    }

    /// How many requests.
    pub fn count(&self) -> u64 {
        self.durations.count() as u64
    }

    /// Milliseconds below which the share `q` (0 to 1) of the requests stayed; `None` without requests.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let value = self.durations.quantile(q).ok().flatten()?;
        // The sketch may answer 1 % beyond what it has seen.
        Some(value.clamp(self.durations.min().unwrap_or(value), self.durations.max().unwrap_or(value)))
    }

    /// Mean milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub fn average(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.durations.sum().unwrap_or(0.0) / self.count() as f64)
    }

    /// Failures in percent.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub fn error_rate(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.errors as f64 * 100.0 / self.count() as f64)
    }

    /// When the last span arrived.
    pub fn last_span_at(&self) -> Option<Timestamp> {
        (self.last_at > 0).then_some(Timestamp(self.last_at))
    }

    /// The sketch as stored: DDSketch's own binary form, which other languages read too.
    pub fn encode(&self) -> Vec<u8> {
        self.durations.to_java_bytes()
    }

    /// A stored tally.
    ///
    /// # Errors
    /// [`Error::Broken`] when the bytes are no sketch.
    pub fn decode(sketch: &[u8], errors: i64, last_at: i64) -> Result<Self> {
        let durations = DDSketch::from_java_bytes(sketch).map_err(|fault| Error::Broken(format!("a stored sketch: {fault}")))?;
        Ok(Self { durations, errors: u64::try_from(errors).unwrap_or(0), last_at })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tally(values: &[f64]) -> Tally {
        let mut tally = Tally::default();
        values.iter().for_each(|value| tally.add(*value, *value > 1_000.0, Timestamp(7)));
        tally
    }

    /// The value at the rank that the sketch means.
    fn exact(values: &[f64], q: f64) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted[(q * (sorted.len() as f64 - 1.0)) as usize]
    }

    proptest! {
        #[test]
        fn merged_quantiles_are_within_one_percent(
            values in prop::collection::vec(0.001_f64..120_000.0, 1..400), cut in 0_usize..400, q in 0.0_f64..=1.0,
        ) {
            let (left, right) = values.split_at(cut.min(values.len()));
            let stored = tally(left);
            let mut merged = Tally::decode(&stored.encode(), stored.errors as i64, stored.last_at).unwrap();
            merged.merge(&tally(right));
            let (found, wanted) = (merged.quantile(q).unwrap(), exact(&values, q));
            prop_assert!((found - wanted).abs() <= wanted * 0.010_001, "{found} is not {wanted}");
            prop_assert_eq!(merged.count(), values.len() as u64);
            prop_assert_eq!(merged.errors, values.iter().filter(|value| **value > 1_000.0).count() as u64);
        }

        #[test]
        fn order_of_merging_does_not_matter(parts in prop::collection::vec(prop::collection::vec(0.0_f64..5_000.0, 0..60), 1..6)) {
            let (mut forth, mut back) = (Tally::default(), Tally::default());
            parts.iter().for_each(|part| forth.merge(&tally(part)));
            parts.iter().rev().for_each(|part| back.merge(&tally(part)));
            for q in [0.5, 0.95, 0.99] {
                prop_assert_eq!(forth.quantile(q), back.quantile(q));
            }
        }
    }

    #[test]
    fn nothing_measured_has_no_figures() {
        let empty = Tally::default();
        assert_eq!((empty.quantile(0.95), empty.average(), empty.error_rate(), empty.last_span_at()), (None, None, None, None));
        let back = Tally::decode(&empty.encode(), 0, 0).unwrap();
        assert_eq!(back.count(), 0);
    }
}
