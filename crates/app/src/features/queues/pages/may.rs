//! What the person who looks may do: what they may not is not offered.

use crate::features::queues::action::{Pause, Purge};
use crate::web::Page;

/// What is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct May {
    /// Pause, resume, retry, promote, limit, undo.
    pub work: bool,
    /// What loses jobs: purge, drain, delete.
    pub lose: bool,
}

/// What this person is offered.
pub fn may(page: &Page<'_>) -> May {
    May { work: page.may::<Pause>(), lose: page.may::<Purge>() }
}
