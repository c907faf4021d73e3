//! `queue-backlog`: a newsletter goes out, and a slow printer and a slow gateway take one job a second.

use std::time::Duration;

use engine::Db;
use engine::job::{Enqueue, enqueue};

use super::{Scenario, Switch};
use crate::jobs::labels::PrintLabel;
use crate::jobs::notify::Tell;
use crate::store::{accounts, orders};

/// Jobs a burst, five bursts a second.
const BURST: i64 = 8;
/// Nobody needs more to see it.
const ENOUGH: i64 = 3_000;
const BEAT: Duration = Duration::from_millis(200);

/// Produces while the scenario is on; for ever.
pub async fn produce(db: Db, switch: Switch) {
    loop {
        switch.wait(Scenario::QueueBacklog, true).await;
        let mut round = 0;
        while switch.is(Scenario::QueueBacklog) {
            if let Err(error) = burst(&db, round).await {
                tracing::warn!(%error, "the newsletter could not be enqueued");
            }
            round += 1;
            tokio::time::sleep(BEAT).await;
        }
    }
}

/// Enqueues one burst of notifications and of reprinted labels, unless enough of them wait. Returns how many.
///
/// # Errors
/// What the database says.
pub async fn burst(db: &Db, round: i64) -> engine::Result<i64> {
    if waiting(db).await? > ENOUGH {
        return Ok(0);
    }
    let people = accounts::demo(db, "CUSTOMER", BURST, (round * BURST) % 400).await?;
    let mut made = 0;
    for person in people {
        let order = orders::of_user(db, person.id, 1).await?.into_iter().next();
        let items = match &order {
            Some(order) => orders::items(db, order.id).await?,
            None => Vec::new(),
        };
        let label = order.zip(items.first()).map(|(order, item)| PrintLabel { order: order.id, vendor: item.vendor_profile_id });
        made += db
            .write(move |tx| {
                Box::pin(async move {
                    let tell = Tell { user: person.id, title: "The winter market opens on Saturday".into(), link: "/".into() };
                    enqueue(tx, &tell, Enqueue::default()).await?;
                    let Some(label) = label else { return Ok(1) };
                    enqueue(tx, &label, Enqueue::default()).await?;
                    Ok(2)
                })
            })
            .await?;
    }
    Ok(made)
}

async fn waiting(db: &Db) -> engine::Result<i64> {
    let counts = engine::job::counts(db).await?;
    Ok(counts.iter().map(|queue| queue.waiting).sum())
}
