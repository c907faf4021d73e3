use qd_core::Error;
use qd_core::gate::{Confirmation, Role};

use super::both;
use super::world::{World, because};
use crate::features::identity::token::{self, CreateToken, RevokeToken};
use crate::features::identity::{create_token, mint_demo_token};

both!(
    a_token_carries_its_scopes_until_it_ends,
    a_revoked_token_is_refused_at_once,
    a_token_is_shown_once_and_stored_as_a_hash,
    wrong_tokens_are_not_made,
    the_demo_keeps_one_token,
    the_last_use_is_kept_to_the_minute,
);

fn asked(scopes: &[&str], days: i64) -> CreateToken {
    CreateToken { name: "shop".into(), scopes: scopes.iter().map(|s| (*s).to_owned()).collect(), days }
}

async fn a_token_carries_its_scopes_until_it_ends(world: &World) {
    let token = create_token(&world.app, "shop", vec!["ingest".into(), "flags:read".into()], 1).await.unwrap();
    let actor = world.enter_by_token(token.expose()).await.unwrap();
    assert!(actor.has_scope("ingest") && actor.has_scope("flags:read") && !actor.has_scope("deploys:write"));
    assert_eq!((actor.role(), actor.name()), (None, "shop"));
    world.later(86_399);
    assert!(world.enter_by_token(token.expose()).await.is_ok());
    world.later(1);
    assert!(matches!(world.enter_by_token(token.expose()).await, Err(Error::Unauthenticated(_))));
}

async fn a_revoked_token_is_refused_at_once(world: &World) {
    world.user("jon", Role::SuperAdmin).await;
    let jon = world.actor("jon").await;
    let minted = token::create(&world.app, &jon, asked(&["ingest"], 30), because()).await.unwrap();
    let secret = minted.secret.unwrap();
    world.enter_by_token(secret.expose()).await.unwrap();
    let revoke = RevokeToken { token: minted.token.id };
    token::revoke(&world.app, &jon, revoke.clone(), because()).await.unwrap();
    assert!(world.enter_by_token(secret.expose()).await.is_err());
    assert!(matches!(token::revoke(&world.app, &jon, revoke, because()).await, Err(Error::Conflict(_))));
}

async fn a_token_is_shown_once_and_stored_as_a_hash(world: &World) {
    world.user("jon", Role::SuperAdmin).await;
    let jon = world.actor("jon").await;
    let given = Confirmation { idempotency_key: Some("key-1".into()), ..because() };
    let first = token::create(&world.app, &jon, asked(&["ingest"], 30), given.clone()).await.unwrap();
    let again = token::create(&world.app, &jon, asked(&["ingest"], 30), given).await.unwrap();
    let secret = first.secret.unwrap();
    assert!(again.secret.is_none() && again.token.id == first.token.id);
    let kept: Vec<(String, Option<String>)> = world.app.db.all("SELECT action, response FROM idempotency_key", engine::args![]).await.unwrap();
    let all = format!("{kept:?} {} {:?}", serde_json::to_string(&world.trail().await).unwrap(), token::list(&world.app).await.unwrap());
    assert!(!all.contains(secret.expose()) && all.contains(&first.token.hint));
    for unknown in [token::text::make().expose(), "qd_000000000000000000000000000000000000"] {
        assert!(matches!(world.enter_by_token(unknown).await, Err(Error::Unauthenticated(_))));
    }
}

async fn wrong_tokens_are_not_made(world: &World) {
    world.user("ada", Role::Admin).await;
    world.user("jon", Role::SuperAdmin).await;
    let (ada, jon) = (world.actor("ada").await, world.actor("jon").await);
    for (action, field) in
        [(asked(&[], 30), "scopes"), (asked(&["everything"], 30), "scopes"), (asked(&["ingest"], 0), "days"), (asked(&["ingest"], 366), "days")]
    {
        let refused = token::create(&world.app, &jon, action, because()).await;
        assert!(matches!(&refused, Err(Error::Invalid(faults)) if faults[0].field == field), "{refused:?}");
    }
    assert!(matches!(token::create(&world.app, &jon, asked(&["ingest"], 30), Confirmation::default()).await, Err(Error::Invalid(_))));
    assert!(matches!(token::create(&world.app, &ada, asked(&["ingest"], 30), because()).await, Err(Error::Forbidden(_))));
    assert_eq!(token::list(&world.app).await.unwrap().len(), 0);
}

async fn the_demo_keeps_one_token(world: &World) {
    let own = create_token(&world.app, "demo marketplace", vec!["ingest".into()], 1).await.unwrap();
    let first = mint_demo_token(&world.app).await.unwrap();
    let second = mint_demo_token(&world.app).await.unwrap();
    assert!(world.enter_by_token(first.expose()).await.is_err());
    assert!(world.enter_by_token(second.expose()).await.unwrap().has_scope("flags:read"));
    assert!(world.enter_by_token(own.expose()).await.is_ok(), "a person's token of the same name stays");
}

async fn the_last_use_is_kept_to_the_minute(world: &World) {
    let token = create_token(&world.app, "shop", vec!["ingest".into()], 1).await.unwrap();
    let used = || async { token::list(&world.app).await.unwrap().remove(0).last_used_at };
    assert_eq!(used().await, None);
    world.enter_by_token(token.expose()).await.unwrap();
    let first = used().await.unwrap();
    world.later(59);
    world.enter_by_token(token.expose()).await.unwrap();
    assert_eq!(used().await, Some(first));
    world.later(1);
    world.enter_by_token(token.expose()).await.unwrap();
    assert_eq!(used().await, Some(first.plus_seconds(60)));
}
