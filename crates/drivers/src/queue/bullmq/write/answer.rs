//! What scripts answer for one job.

use qd_core::port::queue::Acted;

/// The numbers of `common.lua`, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::queue::bullmq) struct Answer(pub i64);

impl Answer {
    /// For the caller of the driver.
    pub fn acted(self) -> Acted {
        let refused = |why: &str| Acted::Refused(why.to_owned());
        match self.0 {
            1 => Acted::Done,
            0 => Acted::Gone,
            2 => Acted::There,
            -1 => refused("It runs."),
            -2 => refused("It is the next job of a schedule: without it the schedule would stop. Remove the schedule instead."),
            -3 => refused("It waits for jobs of its own. Remove those first."),
            -4 => refused("Its parent lies on another server of the cluster."),
            -5 => refused("Another job with this id exists."),
            other => Acted::Refused(format!("Redis answered {other}.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_its_words() {
        assert_eq!((Answer(1).acted(), Answer(0).acted()), (Acted::Done, Acted::Gone));
        assert_eq!(Answer(2).acted(), Acted::There);
        for code in -6..0 {
            assert!(matches!(Answer(code).acted(), Acted::Refused(why) if why.ends_with('.')), "{code}");
        }
    }
}
