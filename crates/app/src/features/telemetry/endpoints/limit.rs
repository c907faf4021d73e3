//! When a figure of requests is WARN and when it is CRIT: the one table for the board, the pages and their words.

use qd_core::reading::Status;

use crate::ui::format;

/// Limits of one figure, and its unit (`ms` or `%`).
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Over this it is WARN.
    pub warn: f64,
    /// Over this it is CRIT.
    pub crit: f64,
    unit: &'static str,
}

/// 95th percentile.
pub const P95: Limit = Limit { warn: 500.0, crit: 1_000.0, unit: "ms" };
/// 99th percentile.
pub const P99: Limit = Limit { warn: 1_000.0, crit: 2_000.0, unit: "ms" };
/// Share of failed requests.
pub const ERROR_RATE: Limit = Limit { warn: 1.0, crit: 5.0, unit: "%" };

impl Limit {
    /// State of a value.
    pub fn judge(self, value: f64) -> Status {
        Status::above(value, self.warn, self.crit)
    }

    /// The limit that this state is over.
    pub fn passed(self, status: Status) -> f64 {
        if status == Status::Crit { self.crit } else { self.warn }
    }

    /// The WARN limit, as people read it: `500 ms`.
    pub fn calm(self) -> String {
        self.shown(self.warn)
    }

    /// Both in words: `WARN over 500 ms, CRIT over 1 s`.
    pub fn words(self) -> String {
        format!("WARN over {}, CRIT over {}", self.shown(self.warn), self.shown(self.crit))
    }

    fn shown(self, value: f64) -> String {
        if self.unit == "ms" { format::millis(value) } else { format!("{} {}", format::decimal(value, 1), self.unit) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_constants() {
        assert_eq!(P95.words(), "WARN over 500 ms, CRIT over 1 s");
        assert_eq!(ERROR_RATE.words(), "WARN over 1 %, CRIT over 5 %");
        assert_eq!((P99.judge(1_000.0), P99.judge(1_000.1), P99.passed(Status::Crit)), (Status::Ok, Status::Warn, 2_000.0));
    }
}
