//! Pauses between attempts: 1 s, doubled up to a limit, each between half and the whole of it so that a fleet does not come back at once.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    most: Duration,
}

impl Backoff {
    pub(crate) fn new(most: Duration) -> Self {
        Self { next: FIRST.min(most), most }
    }

    /// Begins anew: it went well.
    pub(crate) fn reset(&mut self) {
        self.next = FIRST.min(self.most);
    }

    /// How long to wait now.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.most);
        pause.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_begin_anew() {
        let mut backoff = Backoff::new(Duration::from_secs(60));
        for whole in [1, 2, 4, 8, 16, 32, 60, 60] {
            let pause = backoff.pause().as_secs_f64();
            assert!(pause >= f64::from(whole) / 2.0 && pause <= f64::from(whole), "{pause} of {whole}");
        }
        backoff.reset();
        assert!(backoff.pause() <= Duration::from_secs(1));
    }
}
