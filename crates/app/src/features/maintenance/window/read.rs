//! Reading windows and rules.

use qd_core::{App, Result, Timestamp};
use uuid::Uuid;

use super::{Kind, Series, Status, Window, store};

/// Which windows to list. Empty lists and `None` don't filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// With one of these states.
    pub status: Vec<Status>,
    /// Of this type.
    pub kind: Option<Kind>,
    /// Made before the window with this time of making and id: where the page before ended.
    pub after: Option<(Timestamp, Uuid)>,
    /// Most of them, 1 to 200; 50 if not given.
    pub limit: Option<usize>,
}

/// One window.
///
/// # Errors
/// [`qd_core::Error::NotFound`].
pub async fn find(app: &App, id: Uuid) -> Result<Window> {
    store::by_id(&app.db, id).await
}

/// A page of windows, the newest first, and where the next page begins.
pub async fn list(app: &App, filter: &Filter) -> Result<(Vec<Window>, Option<(Timestamp, Uuid)>)> {
    let limit = filter.limit.unwrap_or(50).clamp(1, 200);
    let most = i64::try_from(limit).unwrap_or(200) + 1;
    let mut found = store::list(&app.db, filter, most).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| (last.created_at, last.id));
    Ok((found, next))
}

/// The active windows, from the tables.
pub async fn active(app: &App) -> Result<Vec<Window>> {
    store::active(&app.db).await
}

/// The next windows to come, from the tables.
pub async fn upcoming(app: &App) -> Result<Vec<Window>> {
    store::upcoming(&app.db).await
}

/// The rules, the newest first; ended ones too.
pub async fn series(app: &App) -> Result<Vec<Series>> {
    store::series(&app.db).await
}
