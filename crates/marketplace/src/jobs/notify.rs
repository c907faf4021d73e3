//! Queue `notifications`: what people read in their account and in the vendor portal.

use engine::job::{Job, JobError, RunInfo};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Attempt, Work, Works, direct};
use crate::store::{accounts, vendors};
use crate::{ids, money};

/// Tells a user something.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tell {
    pub user: Uuid,
    pub title: String,
    pub link: String,
}

/// Tells a vendor of an order.
#[derive(Debug, Serialize, Deserialize)]
pub struct TellVendor {
    pub vendor: Uuid,
    pub order_number: String,
    /// What this vendor sold, in cents.
    pub sold: i64,
}

impl Job for Tell {
    const NAME: &'static str = "notifications.tell";
    const QUEUE: &'static str = "notifications";
    type Context = Works;

    async fn run(self, works: Works, run: RunInfo) -> Result<(), JobError> {
        direct(self, works, &run).await
    }
}

impl Work for Tell {
    async fn work(self, works: Works, attempt: Attempt) -> Result<(), JobError> {
        works.turn(1).await;
        write(&works, attempt.id, self).await
    }
}

impl Job for TellVendor {
    const NAME: &'static str = "notifications.new-order";
    const QUEUE: &'static str = "notifications";
    type Context = Works;

    async fn run(self, works: Works, run: RunInfo) -> Result<(), JobError> {
        direct(self, works, &run).await
    }
}

impl Work for TellVendor {
    async fn work(self, works: Works, attempt: Attempt) -> Result<(), JobError> {
        works.turn(1).await;
        let owner = vendors::owner(&works.db, self.vendor).await?.ok_or_else(|| JobError::fatal("no such vendor"))?;
        let title = format!("New order {}: {}", self.order_number, money::dollars(self.sold));
        write(&works, attempt.id, Tell { user: owner, title, link: "/vendor/orders".into() }).await
    }
}

/// The job's id is the notice's, so that a second run writes nothing.
async fn write(works: &Works, id: Uuid, tell: Tell) -> Result<(), JobError> {
    let at = ids::now();
    works.db.write(move |tx| Box::pin(async move { accounts::notify(tx, id, tell.user, &tell.title, &tell.link, at).await })).await?;
    Ok(())
}
