//! Refusals of one actor: the first of a minute are recorded one by one, the rest as one row with their number. Nobody who may do nothing may
//! fill the trail.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use crate::audit::Entry;
use crate::time::Timestamp;

/// Refusals of an actor within [`WINDOW`] that have a row of their own.
const EACH: u32 = 20;
/// Seconds over which an actor's refusals are counted.
pub(super) const WINDOW: i64 = 60;
/// More actors than this, and those whose minute is over are forgotten.
const MOST: usize = 1_000;

/// What was counted, by actor.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals(Arc<Mutex<HashMap<String, Minute>>>);

#[derive(Debug)]
struct Minute {
    began: Timestamp,
    recorded: u32,
    folded: Option<Folded>,
}

#[derive(Debug)]
struct Folded {
    last: Entry,
    count: u32,
    actions: BTreeMap<String, u32>,
}

/// What becomes of a refusal.
#[derive(Debug)]
pub(super) enum Fate {
    /// It gets a row of its own.
    Recorded(Box<Entry>),
    /// It is counted. `first` of its minute: somebody must write the number when the minute is over.
    Counted { first: bool },
}

impl Minute {
    fn is_over(&self, now: Timestamp) -> bool {
        // A clock that was set back ends it too.
        !(0..WINDOW).contains(&now.since(self.began))
    }
}

impl Refusals {
    /// Takes a refusal in. Also gives the row of the minute before, if it is over and something was counted in it.
    pub(super) fn take(&self, entry: Entry, now: Timestamp) -> (Fate, Option<Entry>) {
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if minutes.len() >= MOST {
            minutes.retain(|_, minute| minute.folded.is_some() || !minute.is_over(now));
        }
        let new = || Minute { began: now, recorded: 0, folded: None };
        let minute = minutes.entry(entry.actor_id.clone()).or_insert_with(new);
        let before = minute.is_over(now).then(|| std::mem::replace(minute, new())).and_then(|old| old.folded).map(Folded::entry);
        if minute.recorded < EACH {
            minute.recorded += 1;
            return (Fate::Recorded(Box::new(entry)), before);
        }
        let first = minute.folded.is_none();
        let folded = minute.folded.get_or_insert_with(|| Folded { last: entry.clone(), count: 0, actions: BTreeMap::new() });
        folded.count += 1;
        *folded.actions.entry(entry.action.clone()).or_default() += 1;
        folded.last = entry;
        (Fate::Counted { first }, before)
    }

    /// The rows of all minutes that are over at `now`; of all, when the program stops (`None`).
    pub(super) fn over(&self, now: Option<Timestamp>) -> Vec<Entry> {
        let mut minutes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = minutes.extract_if(|_, minute| now.is_none_or(|now| minute.is_over(now)));
        over.filter_map(|(_, minute)| minute.folded).map(Folded::entry).collect()
    }
}

impl Folded {
    /// The last refusal, with the number of all that were counted.
    fn entry(self) -> Entry {
        let said = self.last.error.clone().unwrap_or_default();
        let more = if self.count == 1 { "1 more refusal".to_owned() } else { format!("{} more refusals", self.count) };
        let error = format!("{more} within a minute, this the last: {said}");
        Entry { error: Some(error), after: Some(json!({ "refusals": self.count, "actions": self.actions })), ..self.last }
    }
}
