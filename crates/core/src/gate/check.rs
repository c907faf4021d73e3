//! What must hold before an action runs: role, reason, phrase.

use super::{Access, Action, Actor, Confirmation, Danger};
use crate::error::{Error, FieldError, Result};

/// Shortest and longest reason, in characters.
pub const REASON: std::ops::RangeInclusive<usize> = 10..=500;

/// Refuses whom [`Action::WHO`] does not admit.
pub fn role<A: Action>(actor: &Actor) -> Result<()> {
    match A::WHO.admits(actor) {
        true => Ok(()),
        false if actor.is_anonymous() => Err(Error::Unauthenticated("Sign in to do this.".into())),
        false => Err(Error::Forbidden(refusal(A::WHO, actor))),
    }
}

/// The sentence for somebody who may not.
pub fn refusal(who: Access, actor: &Actor) -> String {
    let have = actor.role().map_or("a token", |role| role.word());
    format!("This takes {}. You are {have}.", who.words())
}

/// Checks reason and phrase; all faults at once.
pub fn confirmation<A: Action>(action: &A, given: &Confirmation) -> Result<()> {
    let mut faults = Vec::new();
    let length = given.reason.as_deref().map_or(0, |reason| reason.trim().chars().count());
    let asked = A::DANGER != Danger::Routine;
    if (asked && !REASON.contains(&length)) || length > *REASON.end() {
        let detail = format!("Give a reason of {} to {} characters.", REASON.start(), REASON.end());
        faults.push(FieldError { field: "reason".into(), detail });
    }
    if given.reason.as_deref().is_some_and(unprintable) {
        faults.push(FieldError { field: "reason".into(), detail: "Take out the control characters.".into() });
    }
    if let Some(phrase) = action.phrase()
        && given.phrase.as_deref().map(str::trim) != Some(phrase.as_str())
    {
        faults.push(FieldError { field: "phrase".into(), detail: format!("Type {phrase} exactly.") });
    }
    if given.idempotency_key.as_ref().is_some_and(|key| key.is_empty() || key.len() > 100 || unprintable(key)) {
        faults.push(FieldError { field: "idempotency_key".into(), detail: "Use 1 to 100 printable characters.".into() });
    }
    if given.preview_digest.as_ref().is_some_and(|digest| digest.len() != 64 || !digest.chars().all(|c| c.is_ascii_hexdigit())) {
        faults.push(FieldError { field: "preview_digest".into(), detail: "Give the 64 hex digits that the preview said.".into() });
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

/// Postgres can't store NUL, and no control character but a line break or a tab belongs into a record that people read.
fn unprintable(text: &str) -> bool {
    text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}
