//! What can be asked for about ramps and changes at a time.

use serde::Serialize;
use uuid::Uuid;

use super::{NewSchedule, RampStep};
use crate::features::flags::definition::action;

/// Let a rollout rise in steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StartRamp {
    /// Key.
    pub flag: String,
    /// Its steps.
    pub steps: Vec<RampStep>,
}

/// Wait with the next step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PauseRamp {
    /// Key.
    pub flag: String,
}

/// Go on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResumeRamp {
    /// Key.
    pub flag: String,
}

/// End it; the percentage stays.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CancelRamp {
    /// Key.
    pub flag: String,
}

/// The next step of a ramp: asked for by the program itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepRamp {
    /// Key.
    pub flag: String,
    /// The ramp.
    pub ramp: Uuid,
}

/// Change something at a time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScheduleChange {
    /// Key.
    pub flag: String,
    /// What and when.
    pub change: NewSchedule,
}

/// Take such a change back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CancelSchedule {
    /// Key.
    pub flag: String,
    /// Its id.
    pub schedule: Uuid,
}

/// Its time has come: asked for by the program itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSchedule {
    /// Key.
    pub flag: String,
    /// Its id.
    pub schedule: Uuid,
}

action!(StartRamp, "flag.ramp.start", "CONFIG_FEATURE_FLAG_CHANGED", Guarded, |action| &action.flag);
action!(PauseRamp, "flag.ramp.pause", "CONFIG_FEATURE_FLAG_CHANGED", Routine, |action| &action.flag);
action!(ResumeRamp, "flag.ramp.resume", "CONFIG_FEATURE_FLAG_CHANGED", Guarded, |action| &action.flag);
action!(CancelRamp, "flag.ramp.cancel", "CONFIG_FEATURE_FLAG_CHANGED", Routine, |action| &action.flag);
action!(StepRamp, "flag.ramp.step", "CONFIG_FEATURE_FLAG_CHANGED", Routine, |action| &action.flag);
action!(ScheduleChange, "flag.schedule", "CONFIG_FEATURE_FLAG_CHANGED", Guarded, |action| &action.flag);
action!(CancelSchedule, "flag.schedule.cancel", "CONFIG_FEATURE_FLAG_CHANGED", Routine, |action| &action.flag);
action!(RunSchedule, "flag.schedule.run", "CONFIG_FEATURE_FLAG_CHANGED", Routine, |action| &action.flag);
