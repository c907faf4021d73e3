//! The life of a window, pure: which phase it is in, and which step is due.

use qd_core::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Status, Window};

/// Seconds before the start for which a banner counts down.
pub const STARTING_SECONDS: i64 = 300;
/// Seconds after the end for which people are told that it is over.
pub const ENDED_SHOWN_SECONDS: i64 = 600;

/// What people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Nothing yet.
    Upcoming,
    /// That it will come.
    Announced,
    /// That it comes within minutes.
    Starting,
    /// That it holds.
    Active,
    /// That it is over.
    Ended,
}

impl Phase {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Upcoming => "upcoming",
            Self::Announced => "announced",
            Self::Starting => "starting",
            Self::Active => "active",
            Self::Ended => "ended",
        }
    }
}

/// What happens to a window by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// People are told that it will come.
    Announce,
    /// It begins to hold.
    Start,
    /// Its whole span passed while nothing ran.
    Miss,
    /// Its planned end has come.
    Finish,
    /// Its planned end has passed, and it must be ended by hand.
    Overrun,
}

impl Window {
    /// When it is announced; `None` when it is not.
    fn announce_at(&self) -> Option<Timestamp> {
        let minutes = self.terms.announce_minutes;
        (minutes > 0).then(|| self.scheduled_start.plus_seconds(-minutes * 60))
    }

    /// What people are told at `now`.
    pub fn phase(&self, now: Timestamp) -> Phase {
        match self.status {
            Status::Active => Phase::Active,
            Status::Completed | Status::Cancelled => Phase::Ended,
            Status::Scheduled => match self.announce_at() {
                Some(at) if now < at => Phase::Upcoming,
                None => Phase::Upcoming,
                Some(_) if self.scheduled_start.since(now) <= STARTING_SECONDS => Phase::Starting,
                Some(_) => Phase::Announced,
            },
        }
    }

    /// Whether people are told of it at `now`, and applications with them.
    pub fn is_told(&self, now: Timestamp) -> bool {
        match self.phase(now) {
            Phase::Upcoming => false,
            Phase::Announced | Phase::Starting | Phase::Active => true,
            // One that never held needs no end.
            Phase::Ended => {
                self.status == Status::Completed
                    && self.actual_start < self.actual_end
                    && self.actual_end.is_some_and(|end| now.since(end) < ENDED_SHOWN_SECONDS)
            }
        }
    }

    /// Seconds past the planned end for which it still holds; `None` when it does not.
    pub fn overrun(&self, now: Timestamp) -> Option<i64> {
        (self.status == Status::Active && now > self.scheduled_end).then(|| now.since(self.scheduled_end))
    }

    /// The step that is due at `now`.
    pub fn due(&self, now: Timestamp) -> Option<Step> {
        match self.status {
            Status::Scheduled if now >= self.scheduled_end => Some(Step::Miss),
            Status::Scheduled if now >= self.scheduled_start => Some(Step::Start),
            Status::Scheduled => {
                let due = self.announced_at.is_none() && self.announce_at().is_some_and(|at| now >= at);
                due.then_some(Step::Announce)
            }
            Status::Active if now < self.scheduled_end => None,
            Status::Active if self.terms.auto_end => Some(Step::Finish),
            Status::Active => self.overrun_at.is_none().then_some(Step::Overrun),
            Status::Completed | Status::Cancelled => None,
        }
    }

    /// When the next step is due, in the past or in the future.
    pub fn next_step_at(&self) -> Option<Timestamp> {
        match self.status {
            Status::Scheduled if self.announced_at.is_none() => Some(self.announce_at().unwrap_or(self.scheduled_start)),
            Status::Scheduled => Some(self.scheduled_start),
            Status::Active if self.terms.auto_end || self.overrun_at.is_none() => Some(self.scheduled_end),
            _ => None,
        }
    }
}

/// Seconds of delay from which a note says that a step came late.
const LATE: i64 = 60;

impl Window {
    /// The one state of a type that holds, with what `other` asks for: until the later end, for all that either concerns.
    pub(super) fn absorbing(&self, other: &Self, now: Timestamp) -> Self {
        let mut after = self.next();
        after.terms = self.terms.joined(&other.terms);
        after.scheduled_end = self.scheduled_end.max(other.scheduled_end);
        if after.scheduled_end > now {
            after.overrun_at = None;
        }
        if after.terms.queues != self.terms.queues {
            after.drained_at = None;
        }
        after
    }

    /// Begun at `now`.
    pub(super) fn started(&self, now: Timestamp) -> Self {
        let mut after = self.next();
        after.status = Status::Active;
        after.actual_start = Some(now);
        after.note = late(now.since(self.scheduled_start)).map(|by| format!("Started {by} late: nothing ran at its time."));
        after
    }

    /// Over at `now`, with a note if it needs one.
    pub(super) fn ended(&self, now: Timestamp, note: Option<String>) -> Self {
        let mut after = self.next();
        after.status = Status::Completed;
        after.actual_start = self.actual_start.or(Some(now));
        after.actual_end = Some(now);
        after.note = note.or(after.note);
        after
    }

    /// Over at its planned end, or as soon as something ran again.
    pub(super) fn finished(&self, now: Timestamp) -> Self {
        self.ended(now, late(now.since(self.scheduled_end)).map(|by| format!("Ended {by} late: nothing ran at its time.")))
    }

    /// Never begun, because its whole span had passed by `now`.
    pub(super) fn missed(&self, now: Timestamp) -> Self {
        self.ended(now, Some("It never held: nothing ran from its start to its end.".into()))
    }

    /// With another version, for a change.
    pub(super) fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }
}

fn late(seconds: i64) -> Option<String> {
    (seconds > LATE).then(|| crate::ui::format::duration(seconds))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::features::maintenance::window::{Kind, Terms};

    fn window() -> Window {
        Window {
            id: Uuid::from_u128(1),
            kind: Kind::VendorReadonly,
            status: Status::Scheduled,
            reason: String::new(),
            terms: Terms { announce_minutes: 30, ..Terms::default() },
            scheduled_start: Timestamp::from_seconds(10_000),
            scheduled_end: Timestamp::from_seconds(13_600),
            actual_start: None,
            actual_end: None,
            announced_at: None,
            overrun_at: None,
            drained_at: None,
            note: None,
            series_id: None,
            series_start: None,
            created_at: Timestamp::from_seconds(0),
            created_by_id: String::new(),
            created_by_name: String::new(),
            version: 1,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn phases_follow_the_clock_until_it_starts() {
        let phases: Vec<Phase> = [8_199, 8_200, 9_699, 9_700, 10_005].into_iter().map(|seconds| window().phase(at(seconds))).collect();
        assert_eq!(phases, [Phase::Upcoming, Phase::Announced, Phase::Announced, Phase::Starting, Phase::Starting]);
        let silent = Window { terms: Terms { announce_minutes: 0, ..Terms::default() }, ..window() };
        assert_eq!((silent.phase(at(9_999)), silent.is_told(at(9_999)), silent.due(at(9_999))), (Phase::Upcoming, false, None));
        let over = window().started(at(10_000)).finished(at(13_600));
        assert!(over.is_told(at(14_199)) && !over.is_told(at(14_200)) && over.note.is_none());
        assert!(!window().missed(at(20_000)).is_told(at(20_000)), "what never held is not over");
    }

    #[test]
    fn each_step_is_due_once_and_at_its_time() {
        let new = window();
        assert_eq!((new.due(at(8_199)), new.next_step_at()), (None, Some(at(8_200))));
        assert_eq!(new.due(at(8_200)), Some(Step::Announce));
        let told = Window { announced_at: Some(at(8_200)), ..new.next() };
        assert_eq!((told.due(at(9_999)), told.next_step_at(), told.due(at(10_000))), (None, Some(at(10_000)), Some(Step::Start)));
        assert_eq!(new.due(at(10_001)), Some(Step::Start), "an announcement that was missed is not made up");
        assert_eq!(told.due(at(13_600)), Some(Step::Miss));
        let active = told.started(at(10_000));
        assert_eq!((active.due(at(13_599)), active.next_step_at(), active.due(at(13_600))), (None, Some(at(13_600)), Some(Step::Finish)));
        let by_hand = Window { terms: Terms { auto_end: false, ..Terms::default() }, ..active.clone() };
        assert_eq!(by_hand.due(at(13_600)), Some(Step::Overrun));
        let alerted = Window { overrun_at: Some(at(13_600)), ..by_hand };
        assert_eq!((alerted.due(at(20_000)), alerted.next_step_at(), alerted.overrun(at(13_660))), (None, None, Some(60)));
        assert_eq!(active.finished(at(13_600)).due(at(99_999)), None);
    }

    #[test]
    fn one_state_concerns_whom_either_concerned_until_the_later_end() {
        let some = |ids: &[&str]| Some(ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
        let held = |vendors, end| Window { terms: Terms { vendors, ..Terms::default() }, scheduled_end: at(end), ..window().started(at(10_000)) };
        let both = held(some(&["b", "a"]), 13_600).absorbing(&held(some(&["c", "a"]), 13_000), at(11_000));
        assert_eq!((both.terms.vendors, both.scheduled_end), (some(&["a", "b", "c"]), at(13_600)));
        let all = held(some(&["a"]), 13_600).absorbing(&held(None, 15_000), at(11_000));
        assert_eq!((all.terms.vendors, all.scheduled_end), (None, at(15_000)));
        let alerted = Window { overrun_at: Some(at(13_600)), ..held(None, 13_600) };
        assert_eq!(alerted.absorbing(&held(None, 15_000), at(14_000)).overrun_at, None);
    }
}
