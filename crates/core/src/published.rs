//! What applications obey (flags and maintenance), kept in memory by every process and numbered by one revision.
//!
//! A change writes its tables and the next revision in one transaction ([`bump`]); each process then loads what features publish and tells
//! its listeners. Readers take an immutable snapshot: no lock, no SQL. ETags, SSE ids and what instances acknowledge are this revision.

use std::sync::Arc;
use std::time::Duration;

use engine::args;
use futures::future::BoxFuture;
use tokio::sync::{Mutex, watch};
use tracing::error;

use crate::application::App;
use crate::error::{Error, Result};
use crate::gate::GateTx;
use crate::reading::{Reading, Status};

const CHANNEL: &str = "published";
/// How often a process looks by itself: the notices of other processes reach Postgres's listeners only.
const POLL: Duration = Duration::from_secs(1);

/// Where it stands on the board when loading fails: among the troubles of our own.
const TROUBLE: &str = "own.published";

const BUMP: &str = "UPDATE published SET revision = revision + 1 WHERE id = 1 RETURNING revision";
const REVISION: &str = "SELECT revision FROM published WHERE id = 1";
pub(crate) const STATEMENTS: &[&str] = &[BUMP, REVISION];

/// Loads what one feature publishes, from the tables into its state. The number is the revision that it belongs to.
pub type Load = fn(App, i64) -> BoxFuture<'static, Result<()>>;

/// The revision that this process serves. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Published {
    loads: Arc<[Load]>,
    served: watch::Sender<i64>,
    loading: Arc<Mutex<()>>,
}

impl Published {
    /// Nothing loaded yet: revision 0.
    pub fn new(loads: Vec<Load>) -> Self {
        Self { loads: loads.into(), served: watch::Sender::new(0), loading: Arc::default() }
    }

    /// The revision that this process serves; 0 before the first load.
    pub fn revision(&self) -> i64 {
        *self.served.borrow()
    }

    /// Hears of every later revision.
    pub fn watch(&self) -> watch::Receiver<i64> {
        self.served.subscribe()
    }

    /// Loads when there is something newer, and gives the revision that is served then. A verb calls it after its change, so that the answer
    /// to a click comes after the change is served here.
    ///
    /// # Errors
    /// Those of the database; what was served before is served on.
    pub async fn refresh(&self, app: &App) -> Result<i64> {
        let _one_at_a_time = self.loading.lock().await;
        let (newest,): (i64,) = app.db.one(REVISION, args![]).await?;
        if newest != self.revision() {
            for load in self.loads.iter() {
                load(app.clone(), newest).await?;
            }
            self.served.send_replace(newest);
        }
        Ok(newest)
    }

    /// Serving on what may be outdated must be seen: in the log, on every screen and at `/readyz`.
    fn tell(&self, app: &App, fault: &Error) {
        let revision = self.revision();
        error!(%fault, revision, "flags and maintenance not loaded; the last state is served");
        let why = format!("Flags and maintenance can't be loaded. Revision {revision} is served on; changes do not reach applications.");
        let reading = Reading::measured(1.0, "", "Quarterdeck", app.now(), 0).judged(Status::Crit, || why);
        app.board.put(TROUBLE, reading, app.now());
    }

    /// Keeps up with other processes until dropped.
    pub async fn follow(&self, app: App) {
        let mut notices = app.db.listen(CHANNEL);
        loop {
            match self.refresh(&app).await {
                Ok(_) => app.board.forget(TROUBLE),
                Err(fault) => self.tell(&app, &fault),
            }
            // A time-out is the poll; a closed database ends with the process.
            if let Ok(None) = tokio::time::timeout(POLL, notices.next()).await {
                return;
            }
        }
    }
}

/// Takes the next revision for a change that applications must hear of, within the change's own transaction.
pub async fn bump(tx: &mut GateTx<'_>) -> Result<i64> {
    let (revision,): (i64,) = tx.one(BUMP, args![]).await?;
    tx.notify(CHANNEL, &revision.to_string()).await?;
    Ok(revision)
}
