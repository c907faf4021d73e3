//! How far a drain is, in words.

use crate::features::maintenance::drain::{Hold, QueueProgress};
use crate::ui::format;

/// Whether jobs still run in the queues of an active drain, as far as that is known.
pub(super) fn drained(done: bool, held: &[QueueProgress]) -> String {
    if done {
        return "drained".into();
    }
    // A job system that can't be asked has a row without a queue.
    if let Some((row, fault)) = held.iter().find_map(|row| row.fault.as_ref().filter(|_| row.queue.is_empty()).map(|fault| (row, fault))) {
        return format!("{} whether jobs still run: {} can't be asked ({fault})", format::UNKNOWN, row.source);
    }
    if let Some((row, fault)) = held.iter().find_map(|row| row.fault.as_ref().map(|fault| (row, fault))) {
        return format!("not drained yet: {}/{} is not paused ({fault})", row.source, row.queue);
    }
    let waited = held.iter().filter(|row| !matches!(row.state, Hold::Released | Hold::HandedOver | Hold::Resumed));
    match waited.map(|row| row.active_left).try_fold(0, |sum: i64, left| Some(sum.saturating_add(left?))) {
        Some(left) if left > 0 => format!("not drained yet: {}", format::count(left, "job still runs", "jobs still run")),
        Some(_) => "not drained yet".into(),
        None => "not drained yet: jobs that run are not counted yet".into(),
    }
}

#[cfg(test)]
mod tests {
    use qd_core::Timestamp;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_is_not_known_of_jobs_is_not_said() {
        let row = |queue: &str, state, active_left: Option<i64>, fault: Option<&str>| QueueProgress {
            window_id: Uuid::from_u128(1),
            source: "shop".into(),
            queue: queue.into(),
            state,
            active_left,
            waiting: None,
            counted_at: None,
            attempts: 0,
            next_at: Timestamp::from_seconds(0),
            fault: fault.map(Into::into),
        };
        let (one, idle) = (row("mail", Hold::Paused, Some(1), None), row("pdf", Hold::Kept, Some(0), None));
        let (unseen, freed) = (row("new", Hold::Paused, None, None), row("old", Hold::Released, Some(9), None));
        let away = row("", Hold::Kept, None, Some("no route to host"));
        let stuck = row("mail", Hold::Pausing, Some(1), Some("read-only"));
        for (held, said) in [
            (vec![], "not drained yet"),
            (vec![one.clone(), idle.clone(), freed], "not drained yet: 1 job still runs"),
            (vec![idle.clone()], "not drained yet"),
            (vec![one.clone(), unseen], "not drained yet: jobs that run are not counted yet"),
            (vec![one, away], "? whether jobs still run: shop can't be asked (no route to host)"),
            (vec![stuck, idle.clone()], "not drained yet: shop/mail is not paused (read-only)"),
        ] {
            assert_eq!(drained(false, &held), said);
        }
        assert_eq!(drained(true, &[idle]), "drained");
    }
}
