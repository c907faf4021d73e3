//! Queue `email`: the confirmation of an order.

use std::fmt::Write;

use engine::job::{Job, JobError, RunInfo};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Attempt, Work, Works, direct};
use crate::mail::{Mail, deliver};
use crate::money::dollars;
use crate::store::orders::{self, Item, Order};

/// Writes to the customer that the order came in.
#[derive(Debug, Serialize, Deserialize)]
pub struct OrderMail {
    pub order: Uuid,
}

impl Job for OrderMail {
    const NAME: &'static str = "email.order-confirmation";
    const QUEUE: &'static str = "email";
    const ATTEMPTS: u32 = 5;
    type Context = Works;

    async fn run(self, works: Works, run: RunInfo) -> Result<(), JobError> {
        direct(self, works, &run).await
    }
}

impl Work for OrderMail {
    async fn work(self, works: Works, _attempt: Attempt) -> Result<(), JobError> {
        let order = orders::by_id(&works.db, self.order).await?.ok_or_else(|| JobError::fatal("no such order"))?;
        let items = orders::items(&works.db, order.id).await?;
        deliver(works.mail.address(), &letter(&order, &items)).await?;
        Ok(())
    }
}

fn letter(order: &Order, items: &[Item]) -> Mail {
    let mut body = format!("Hello {},\n\nthank you! Your order {} is in good hands.\n\n", order.customer_name, order.order_number);
    for item in items {
        let _ = writeln!(body, "  {} x {} from {}: {}", item.quantity, item.name, item.store_name, dollars(item.total_cents));
    }
    let _ = write!(
        body,
        "\n  Subtotal {}\n  Shipping {}\n  Tax {}\n  Total {}\n\nThe makers have been told.\n\nFernmarket\n",
        dollars(order.subtotal_cents),
        dollars(order.shipping_cents),
        dollars(order.tax_cents),
        dollars(order.total_cents)
    );
    Mail { id: order.order_number.clone(), to: order.customer_email.clone(), subject: format!("Your Fernmarket order {}", order.order_number), body }
}
