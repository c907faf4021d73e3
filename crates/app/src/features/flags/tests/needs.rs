use qd_core::gate::Confirmation;
use serde_json::json;

use super::{made, mara, patch, refused, served};
use crate::features::flags::definition::{archive, kill, update};
use crate::features::testing::{World, because, on_both};

on_both!(prerequisites_exist_and_lead_nowhere_in_a_circle, two_at_once_close_no_circle);

async fn needing(world: &World, key: &str, other: &str) -> qd_core::Result<()> {
    let needs = if other.is_empty() { json!([]) } else { json!([{ "flag": other, "variant": "on" }]) };
    update(&world.app, &mara(), key, patch(json!({ "prerequisites": needs })), because()).await.map(|_| ())
}

async fn prerequisites_exist_and_lead_nowhere_in_a_circle(world: &World) {
    let (app, mara) = (&world.app, mara());
    for key in ["a", "b", "c"] {
        made(world, key, 100).await;
    }
    assert!(refused(needing(world, "a", "nothing").await).await.1.contains("There is no flag nothing."));
    assert!(refused(needing(world, "a", "ops.read_only").await).await.1.contains("There is no flag ops.read_only."));
    let other = patch(json!({ "prerequisites": [{ "flag": "b", "variant": "blue" }] }));
    assert!(refused(update(app, &mara, "a", other, because()).await).await.1.contains("The flag b has no variant blue."));
    needing(world, "a", "b").await.unwrap();
    needing(world, "b", "c").await.unwrap();
    for back in ["a", "b", "c"] {
        assert!(refused(needing(world, "c", back).await).await.1.contains("lead back to c"), "{back}");
    }
    kill(app, &mara, "c", Confirmation::default()).await.unwrap();
    assert_eq!((served(world, "a", "u"), served(world, "b", "u")), (Some(json!(false)), Some(json!(false))));
    let renamed = json!({ "variants": [{ "name": "yes", "value": true }, { "name": "off", "value": false }], "onVariant": "yes" });
    assert!(refused(update(app, &mara, "c", patch(renamed), because()).await).await.1.contains("The flag b needs the variant on of this flag"));
    let sure = Confirmation { phrase: Some("ARCHIVE c".into()), ..because() };
    assert!(refused(archive(app, &mara, "c", sure.clone()).await).await.1.contains("The flag b needs c."));
    needing(world, "b", "").await.unwrap();
    archive(app, &mara, "c", sure).await.unwrap();
    assert!(refused(needing(world, "b", "c").await).await.1.contains("There is no flag c."));
    for number in 0..12 {
        made(world, &format!("chain-{number:02}"), 100).await;
    }
    for number in 0..10 {
        needing(world, &format!("chain-{number:02}"), &format!("chain-{:02}", number + 1)).await.unwrap();
    }
    let long = refused(needing(world, "chain-10", "chain-11").await).await;
    assert_eq!(long, ("invalid".into(), "Chains of prerequisites may have at most 10 links.".into()));
    assert_eq!(served(world, "chain-00", "u"), Some(json!(true)), "ten links are followed to their end");
}

async fn two_at_once_close_no_circle(world: &World) {
    for round in 0..5 {
        let (a, b) = (format!("a{round}"), format!("b{round}"));
        made(world, &a, 100).await;
        made(world, &b, 100).await;
        let (one, other) = tokio::join!(needing(world, &a, &b), needing(world, &b, &a));
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    }
}
