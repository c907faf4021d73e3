//! Queue `labels`: one parcel label per order and vendor, as an SVG file in `labels/`.

use engine::job::{Job, JobError, RunInfo};
use maud::{PreEscaped, html};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Attempt, Work, Works, direct};
use crate::store::orders::{self, Item, Order};

/// Prints the label of one vendor's parcel.
#[derive(Debug, Serialize, Deserialize)]
pub struct PrintLabel {
    pub order: Uuid,
    pub vendor: Uuid,
}

impl Job for PrintLabel {
    const NAME: &'static str = "labels.print";
    const QUEUE: &'static str = "labels";
    type Context = Works;

    async fn run(self, works: Works, run: RunInfo) -> Result<(), JobError> {
        direct(self, works, &run).await
    }
}

impl Work for PrintLabel {
    async fn work(self, works: Works, _attempt: Attempt) -> Result<(), JobError> {
        works.turn(0).await;
        let order = orders::by_id(&works.db, self.order).await?.ok_or_else(|| JobError::fatal("no such order"))?;
        let mut items = orders::items(&works.db, order.id).await?;
        items.retain(|item| item.vendor_profile_id == self.vendor);
        let name = format!("{}-{}.svg", order.order_number, self.vendor.simple());
        tokio::fs::write(works.data_dir.join("labels").join(name), draw(&order, &items)).await?;
        Ok(())
    }
}

fn draw(order: &Order, items: &[Item]) -> String {
    let from = items.first().map_or("Fernmarket", |item| item.store_name.as_str());
    let pieces: i64 = items.iter().map(|item| item.quantity).sum();
    html! {
        (PreEscaped("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"))
        svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 240" font-family="sans-serif" {
            rect width="400" height="240" fill="#fff" stroke="#000" {}
            text x="20" y="34" font-size="14" { "From " (from) }
            text x="20" y="90" font-size="26" font-weight="bold" { (order.customer_name) }
            text x="20" y="122" font-size="18" { (order.order_number) " · " (pieces) " pieces" }
            @for (x, width) in bars(&order.order_number) {
                rect x=(x) y="150" width=(width) height="70" {}
            }
        }
    }
    .into_string()
}

/// Bars from the number's bits: position and width.
fn bars(number: &str) -> Vec<(u32, u32)> {
    let bits = number.bytes().flat_map(|byte| (0..7).map(move |bit| u32::from(byte >> bit & 1)));
    let mut x = 20;
    bits.take(120)
        .map(|bit| {
            let bar = (x, 1 + bit);
            x += 3;
            bar
        })
        .collect()
}
