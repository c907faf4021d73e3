//! `email-outage`: the mail server refuses while customers ask for their receipts again. Orders alone would write a letter a minute at night, and
//! whoever starts the scenario then would look at an outage that nobody meets.

use std::time::Duration;

use engine::Db;
use engine::job::{Enqueue, enqueue};

use super::{Scenario, Switch};
use crate::jobs::email::OrderMail;
use crate::store::{accounts, orders};

/// Customers who ask, one after the other and then again.
const CUSTOMERS: i64 = 400;
const BEAT: Duration = Duration::from_secs(2);

/// Asks for receipts while the scenario is on; for ever.
pub async fn produce(db: Db, switch: Switch) {
    loop {
        switch.wait(Scenario::EmailOutage, true).await;
        let mut round = 0;
        while switch.is(Scenario::EmailOutage) {
            if let Err(error) = receipt(&db, round).await {
                tracing::warn!(%error, "a receipt could not be asked for");
            }
            round += 1;
            tokio::time::sleep(BEAT).await;
        }
    }
}

/// Enqueues the letter of one customer's newest order; the few who never bought anything have none.
async fn receipt(db: &Db, round: i64) -> engine::Result<()> {
    let Some(person) = accounts::demo(db, "CUSTOMER", 1, round % CUSTOMERS).await?.pop() else { return Ok(()) };
    let Some(order) = orders::of_user(db, person.id, 1).await?.pop() else { return Ok(()) };
    db.write(move |tx| Box::pin(async move { enqueue(tx, &OrderMail { order: order.id }, Enqueue::default()).await.map(|_| ()) })).await
}
