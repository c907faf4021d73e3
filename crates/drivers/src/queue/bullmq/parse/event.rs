//! Entries of the stream of events.

use qd_core::port::queue::{EventKind, JobEvent};

use super::number::{moment, stream_millis};

/// What an entry says; `None` for those that tell nothing about where a job stands (`progress`, `drained`, `duplicated`).
pub fn event(id: &str, fields: &[(String, String)]) -> Option<JobEvent> {
    let field = |wanted: &str| fields.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_str());
    let kind = match field("event")? {
        "added" => EventKind::Added,
        // A failed attempt is tried again at once, or its worker gave it back.
        "waiting" if field("prev") == Some("active") => EventKind::Retrying,
        "waiting" => EventKind::Waiting,
        "delayed" => EventKind::Delayed,
        "active" => EventKind::Active,
        "completed" => EventKind::Completed,
        "failed" => EventKind::Failed,
        "stalled" => EventKind::Stalled,
        "removed" => EventKind::Removed,
        "paused" | "resumed" | "cleaned" => EventKind::Queue,
        _ => return None,
    };
    let job = field("jobId").unwrap_or_default();
    if job.is_empty() && kind != EventKind::Queue {
        return None;
    }
    Some(JobEvent { kind, job: if kind == EventKind::Queue { String::new() } else { job.to_owned() }, at: moment(stream_millis(id)?) })
}
