//! How a ramp moves, and how it heeds what people do to its flag.

use qd_core::gate::GateTx;
use qd_core::{Error, Result, Timestamp};
use serde_json::{Value, json};

use super::{Ramp, RampState, RampStep, store};
use crate::features::flags::definition::{Flag, Percent};

/// Most steps of a ramp.
pub const STEPS_MAX: usize = 20;
/// Shortest and longest hold of a step, in seconds.
pub const HOLD_SECONDS: std::ops::RangeInclusive<i64> = 1..=30 * 86_400;

/// Whether these can be the steps of a ramp.
///
/// # Errors
/// [`Error::Invalid`] on `steps`.
pub fn check_steps(steps: &[RampStep]) -> Result<()> {
    if !(1..=STEPS_MAX).contains(&steps.len()) {
        return Err(Error::invalid("steps", "Give 1 to 20 steps."));
    }
    if steps.iter().any(|step| !HOLD_SECONDS.contains(&step.hold_seconds)) {
        return Err(Error::invalid("steps", "Hold every step for 1 second to 30 days."));
    }
    let mut last = Percent::NONE;
    for step in steps {
        if step.percentage <= last {
            return Err(Error::invalid("steps", "Every step must be higher than the one before, and the first above 0 percent."));
        }
        last = step.percentage;
    }
    Ok(())
}

impl Ramp {
    /// The ramp after everything that is due at `now`, and the percentage that this comes to; `None` when nothing is due. Steps that were missed
    /// are folded into one: the plan keeps its times.
    pub fn moved(&self, now: Timestamp) -> Option<(Self, Percent)> {
        let (mut next, mut at, mut reached) = (self.next_step, self.next_at?, None);
        while let Some(step) = self.steps.get(next).filter(|_| self.state == RampState::Running && at <= now) {
            reached = Some(step.percentage);
            at = at.plus_seconds(step.hold_seconds);
            next += 1;
        }
        let percentage = reached?;
        let over = next >= self.steps.len();
        let state = if over { RampState::Completed } else { RampState::Running };
        let next_at = Some(at).filter(|_| !over);
        Some((Self { state, next_step: next, next_at, updated_at: now, ended_at: over.then_some(now), ..self.clone() }, percentage))
    }

    /// Waiting, with what is left of the hold.
    pub fn paused(&self, now: Timestamp) -> Self {
        let left = self.next_at.map_or(0, |at| at.since(now).max(0));
        Self { state: RampState::Paused, next_at: None, wait_seconds: Some(left), updated_at: now, ..self.clone() }
    }

    /// Running again; the rest of the hold begins now.
    pub fn resumed(&self, now: Timestamp) -> Self {
        let next_at = Some(now.plus_seconds(self.wait_seconds.unwrap_or(0)));
        Self { state: RampState::Running, next_at, wait_seconds: None, updated_at: now, ..self.clone() }
    }

    /// Over before its end.
    pub fn cancelled(&self, now: Timestamp) -> Self {
        Self { state: RampState::Cancelled, next_at: None, wait_seconds: None, updated_at: now, ended_at: Some(now), ..self.clone() }
    }

    /// What becomes of it when its flag changes; `None`: it stays as it is.
    ///
    /// # Errors
    /// [`Error::Conflict`] for what a running ramp does not allow.
    pub fn heeding(&self, before: &Flag, after: &Flag, now: Timestamp) -> Result<Option<Self>> {
        let (was, is) = (&before.definition, &after.definition);
        if after.archived_at.is_some() {
            return Ok(Some(self.cancelled(now)));
        }
        if self.state != RampState::Running {
            return Ok(None);
        }
        if is.rollout_percentage > was.rollout_percentage || is.salt != was.salt || is.scope != was.scope {
            let text = "A ramp moves this flag's rollout. Pause or cancel the ramp to raise it, or to change scope or salt. Nothing was changed.";
            return Err(Error::Conflict(text.into()));
        }
        let lower = is.rollout_percentage < was.rollout_percentage || (was.enabled && !is.enabled);
        Ok(lower.then(|| self.paused(now)))
    }
}

/// What became of a ramp or of changes at a time, for the record: name, before, after.
pub type Told = (&'static str, Value, Value);

/// Lets the flag's ramp and its scheduled changes heed a change.
pub async fn heed(tx: &mut GateTx<'_>, before: &Flag, after: &Flag, now: Timestamp) -> Result<Vec<Told>> {
    let mut told = Vec::new();
    if let Some(ramp) = store::active(tx, &after.key).await?
        && let Some(moved) = ramp.heeding(before, after, now)?
    {
        store::save(tx, &moved).await?;
        told.push(("ramp", json!(ramp.state), json!(moved.state)));
    }
    if after.archived_at.is_some() {
        told.extend(dropped(store::drop_schedules(tx, &after.key, "The flag was archived.", now).await?));
    }
    Ok(told)
}

/// Stops whatever could raise a flag or turn it on, because it was killed: whoever kills a flag must not find it on again in the morning.
pub async fn quiet(tx: &mut GateTx<'_>, flag: &str, now: Timestamp) -> Result<Vec<Told>> {
    let paused = store::pause(tx, flag, now).await?.then(|| ("ramp", json!(RampState::Running), json!(RampState::Paused)));
    let dropped = dropped(store::drop_enabling(tx, flag, "The flag was killed.", now).await?);
    Ok(paused.into_iter().chain(dropped).collect())
}

fn dropped(changes: u64) -> Option<Told> {
    (changes > 0).then(|| ("scheduledChangesDropped", json!(0), json!(changes)))
}
