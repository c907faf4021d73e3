use qd_core::gate::{Confirmation, Role};
use serde_json::json;

use super::{made, mara, parsed, patch, percent, refused};
use crate::features::flags::definition::{self, Filter, Kind, Stale, archive, create, list, revisions, seed, set_rollout, update};
use crate::features::flags::flags;
use crate::features::identity::create_admin;
use crate::features::testing::{World, because, on_both, person};

on_both!(
    lists_are_filtered_and_paged,
    a_page_and_what_holds_of_all,
    forgotten_flags_are_told,
    the_first_flags_come_once,
    maintenance_is_told_by_reserved_flags,
);

async fn lists_are_filtered_and_paged(world: &World) {
    let (app, mara) = (&world.app, mara());
    let owner = create_admin(app, "ida@test.example", "Ida", Role::Admin, None).await.unwrap();
    let all = [
        json!({ "key": "a1", "enabled": true, "percentage": 100, "tags": ["Checkout"], "notes": "Faster payment" }),
        json!({ "key": "a2", "scope": "VENDOR", "ownerId": owner.id }),
        json!({ "key": "b1", "kind": "STRING", "variants": [{ "name": "x", "value": "y" }] }),
    ];
    for fields in all {
        create(app, &mara, patch(fields), because()).await.unwrap();
    }
    let keys = |filter: Filter| list(app, &filter).unwrap().0.into_iter().map(|listed| listed.flag.key).collect::<Vec<_>>();
    assert_eq!(keys(Filter::default()), ["a1", "a2", "b1"]);
    assert_eq!(keys(Filter { enabled: Some(true), ..Filter::default() }), ["a1"]);
    assert_eq!(keys(Filter { scope: definition::Scope::parse("vendor"), ..Filter::default() }), ["a2"]);
    assert_eq!(keys(Filter { kind: Some(Kind::String), ..Filter::default() }), ["b1"]);
    assert_eq!(keys(Filter { tag: Some("checkout".into()), ..Filter::default() }), ["a1"]);
    assert_eq!(keys(Filter { text: Some("PAYMENT".into()), ..Filter::default() }), ["a1"]);
    assert_eq!(keys(Filter { text: Some("ida".into()), owner: Some(owner.id), ..Filter::default() }), ["a2"]);
    assert_eq!(keys(Filter { after: Some("a1".into()), limit: 1, ..Filter::default() }), ["a2"]);
    assert_eq!(keys(Filter { text: Some("mara".into()), stale: Some(false), ..Filter::default() }), ["a1", "a2", "b1"], "who changed it last");
    assert_eq!(keys(Filter { rolling: true, ..Filter::default() }), Vec::<String>::new());
    assert_eq!(keys(Filter { ramping: true, ..Filter::default() }), Vec::<String>::new());
    assert!(list(app, &Filter { limit: 1, ..Filter::default() }).unwrap().1 && !list(app, &Filter::default()).unwrap().1);
    let nobody = patch(json!({ "ownerId": uuid::Uuid::now_v7() }));
    assert_eq!(refused(update(app, &mara, "a1", nobody, because()).await).await.1, "Choose somebody with an active account.");
    let flag = update(app, &mara, "a2", patch(json!({ "ownerId": null })), because()).await.unwrap().value;
    assert_eq!((flag.definition.owner_id, flag.definition.owner_name), (None, None));
}

/// The list as a view shows it: pages by key, counts of all.
async fn a_page_and_what_holds_of_all(world: &World) {
    use crate::features::flags::{ListQuery, listed};
    for number in 0..7 {
        made(world, &format!("shop-{number}"), if number % 2 == 0 { 100 } else { 50 }).await;
    }
    update(&world.app, &mara(), "shop-1", patch(json!({ "percentage": 60 })), because()).await.unwrap();
    // Some languages put an underscore elsewhere than bytes do.
    made(world, "shop_a", 0).await;
    let page = async |query: ListQuery| listed(&world.app, query, 3).await.unwrap();
    let (mut after, mut keys, mut pages) = (None, Vec::new(), 0);
    loop {
        let view = page(ListQuery { after, ..ListQuery::default() }).await;
        assert_eq!((view.total, view.matching, view.rolling), (8, 8, 3));
        keys.extend(view.flags.iter().map(|item| item.flag.key.clone()));
        pages += 1;
        after = view.next;
        if after.is_none() {
            break;
        }
    }
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!((keys.len(), pages), (8, 3));
    assert_eq!(keys, sorted);
    let view = page(ListQuery { state: Some("rolling".into()), limit: Some(1), ..ListQuery::default() }).await;
    assert_eq!((view.flags.len(), view.matching, view.next.as_deref()), (1, 3, Some("shop-1")));
    assert_eq!(view.flags[0].was.as_deref(), Some("was 50 %"));
    for wrong in
        [ListQuery { state: Some("stale-ish".into()), ..ListQuery::default() }, ListQuery { scope: Some("EVERYBODY".into()), ..ListQuery::default() }]
    {
        assert_eq!(refused(listed(&world.app, wrong, 3).await).await.0, "invalid");
    }
}

async fn forgotten_flags_are_told(world: &World) {
    let (app, mara) = (&world.app, mara());
    made(world, "settled", 100).await;
    made(world, "ruled", 100).await;
    let fields = json!({ "rules": [{ "variant": "on" }], "expectedLifetimeDays": 10 });
    update(app, &mara, "ruled", patch(fields), because()).await.unwrap();
    made(world, "half", 50).await;
    let stale = |days: i64| {
        let now = app.now().plus_seconds(days * 86_400);
        flags(app).unwrap().iter().filter_map(|flag| Some((flag.key.clone(), flag.stale(now)?))).collect::<Vec<_>>()
    };
    assert_eq!(stale(10), []);
    assert_eq!(stale(11), [("ruled".into(), Stale::PastLifetime)]);
    assert_eq!(stale(31), [("ruled".into(), Stale::PastLifetime), ("settled".into(), Stale::FullyOn)]);
    world.later(20 * 86_400);
    // What does not concern who gets it does not start the days anew; what does, does.
    update(app, &mara, "settled", patch(json!({ "notes": "still needed?" })), because()).await.unwrap();
    assert_eq!(stale(11).last(), Some(&("settled".into(), Stale::FullyOn)));
    set_rollout(app, &mara, "settled", percent(5_000), None, because()).await.unwrap();
    set_rollout(app, &mara, "settled", percent(10_000), None, because()).await.unwrap();
    assert_eq!(stale(30), [("ruled".into(), Stale::PastLifetime)]);
    world.later(31 * 86_400);
    let told = |wanted| list(app, &Filter { stale: Some(wanted), ..Filter::default() }).unwrap().0.len();
    assert_eq!((told(true), told(false)), (2, 1));
}

async fn the_first_flags_come_once(world: &World) {
    let (app, mara) = (&world.app, person(Role::SuperAdmin));
    seed(app, &mara).await.unwrap();
    let all: Vec<_> = flags(app)
        .unwrap()
        .iter()
        .map(|flag| (flag.key.clone(), flag.definition.scope.word(), flag.definition.enabled, flag.definition.rollout_percentage.basis_points()))
        .collect();
    let row = |key: &str, scope: &'static str, on: bool| (key.to_owned(), scope, on, if on { 10_000 } else { 0 });
    let expected = [
        row("ai_assist_parts", "VENDOR", true),
        row("label_studio_pro", "VENDOR", false),
        row("marketplace_v2", "GLOBAL", false),
        row("sse_realtime", "GLOBAL", true),
        row("vacation_fee_pause", "VENDOR", true),
    ];
    assert_eq!(all, expected);
    let recorded = world.last().await;
    assert_eq!(
        (recorded.event.as_str(), parsed(recorded.after)["sse_realtime"]["rolloutPercentage"].clone()),
        ("CONFIG_FEATURE_FLAG_CREATED", json!(100))
    );
    assert_eq!(revisions(app, "sse_realtime", None, 5).await.unwrap().0[0].action, "flag.seed");
    archive(app, &mara, "sse_realtime", Confirmation { phrase: Some("ARCHIVE sse_realtime".into()), ..because() }).await.unwrap();
    let last = world.last().await.seq;
    seed(app, &mara).await.unwrap();
    assert_eq!((flags(app).unwrap().len(), world.last().await.seq), (4, last), "nothing comes back, nothing is recorded");
}

async fn maintenance_is_told_by_reserved_flags(world: &World) {
    use crate::features::maintenance::window::{Enable, enable};
    use crate::features::maintenance::{Kind as Mode, Terms};
    let told = |vendor: &str| {
        let snapshot = super::super::snapshot(&world.app).unwrap();
        let context = super::context(json!({ "vendorId": vendor }));
        ["ops.read_only", "ops.read_only.vendor", "ops.queue_drain"].map(|key| snapshot.evaluate(key, &context).unwrap().value == Some(&json!(true)))
    };
    made(world, "f", 0).await;
    assert_eq!(told("v1"), [false; 3]);
    let begin = async |kind: Mode, vendors: Option<Vec<String>>| {
        let action = Enable { kind, minutes: None, terms: Terms { vendors, zone: "UTC".into(), ..Terms::default() } };
        let given = Confirmation { phrase: Some("ENABLE MAINTENANCE".into()), ..because() };
        enable(&world.app, &person(Role::SuperAdmin), action, given).await.unwrap();
    };
    begin(Mode::VendorReadonly, Some(vec!["v1".into()])).await;
    assert_eq!((told("v1"), told("v2")), ([false, true, false], [false; 3]), "served when the click is answered");
    begin(Mode::QueueDrain, None).await;
    begin(Mode::GlobalReadonly, None).await;
    assert_eq!((told("v1"), told("v2")), ([true, true, true], [true, false, true]));
}
