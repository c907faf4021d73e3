//! Rollouts that move by themselves: ramps, and changes at a time.

use qd_core::gate::GateTx;
use qd_core::{Result, Timestamp};

use super::definition::Flag;

/// Lets a ramp heed a change of its flag.
pub async fn heed(_tx: &mut GateTx<'_>, _action: &str, _before: &Flag, _after: &Flag, _now: Timestamp) -> Result<()> {
    Ok(())
}
