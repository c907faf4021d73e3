//! What the trail keeps for ever holds nothing that is masked elsewhere.

use super::{Shop, failed, json};
use crate::features::queues::run::{Filter, Work};
use crate::features::testing::{World, on_both};

async fn what_somebody_looked_for_is_masked_in_the_trail(world: &World) {
    let shop = Shop::of(world);
    let pairs =
        [("password", "hunter2 and more"), ("card.digits", "4711"), ("note", "4242 4242 4242 4242"), ("orderId", "77"), ("to", "ada@example.org")];
    let fields = pairs.map(|(path, value)| (path.to_owned(), value.to_owned())).to_vec();
    let filter = Filter { fields, name: Some("mail ada@example.org".into()), reason: Some("401 for Bearer abc.DEF123".into()), ..failed() };
    for work in [Work::Retry { reset: false }, Work::Remove, Work::Cohort { first: 1, concurrency: None, reset: false }] {
        let run = shop.start(work, filter.clone()).await.unwrap();
        assert_eq!(run.filter, filter, "the run itself takes what was asked for");
        let row = &shop.trail(1).await[0];
        let said = json(&row.after)["filter"].as_str().unwrap().to_owned();
        assert!(said.contains("with orderId = 77") && said.contains("with password = •••") && said.contains("with card.digits = •••"), "{said}");
        let whole = serde_json::to_string(row).unwrap();
        for secret in ["hunter2", "and more", "4711", "4242", "ada@", "DEF123"] {
            assert!(!whole.contains(secret), "{secret} in {whole}");
        }
        let shown = serde_json::to_string(&shop.run(run.id).await).unwrap();
        assert!(!shown.contains("hunter2") && !shown.contains("ada@") && shown.contains("orderId"), "{shown}");
        shop.execute(run.id).await.unwrap();
    }
}

on_both!(what_somebody_looked_for_is_masked_in_the_trail);
