//! Changes that run at the same time, on Postgres: SQLite has one writer. The first one is parked before its audit row, which is written last,
//! until the second one waits too.

use std::time::{Duration, Instant};

use qd_core::gate::Role;
use qd_core::secret::Secret;
use qd_core::{App, Error};
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::world::{PASSWORD, World, because, email, nobody};
use crate::features::identity::account::{self, DisableUser, ResetPassword};
use crate::features::identity::make_ticket;
use crate::features::identity::session::{self, EndUserSessions, SignIn};

/// The lock that each append to the audit trail takes, held by another connection.
async fn park(world: &World) -> PgConnection {
    let mut held = world.elsewhere().await;
    held.execute("SELECT pg_advisory_lock(7165494)").await.unwrap();
    held
}

/// Waits until so many connections to this database wait for a lock.
async fn waiting(watch: &mut PgConnection, expected: i64) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let found: i64 = sqlx::query_scalar(sql).fetch_one(&mut *watch).await.unwrap();
        if found == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{found} wait, not {expected}");
        tokio::task::yield_now().await;
    }
}

async fn password_sign_in(app: App) -> SignIn {
    session::sign_in(&app, &nobody(), &email("mara"), Secret::new(PASSWORD)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_POSTGRES; cargo xtask test sets it"]
async fn a_reset_ends_a_sign_in_that_runs_at_the_same_time() {
    let world = World::postgres().await;
    let user = world.user("mara", Role::Admin).await;
    world.user("jon", Role::SuperAdmin).await;
    let jon = world.actor("jon").await;
    let (mut watch, held) = (world.elsewhere().await, park(&world).await);
    let app = world.app.clone();
    let reset = tokio::spawn(async move { account::reset_password(&app, &jon, ResetPassword { user: user.id }, because()).await });
    waiting(&mut watch, 1).await;
    let entering = tokio::spawn(password_sign_in(world.app.clone()));
    waiting(&mut watch, 2).await;
    held.close().await.unwrap();
    reset.await.unwrap().unwrap();
    let outcome = entering.await.unwrap();
    assert!(matches!(outcome, SignIn::Wrong { .. }), "{outcome:?}");
    assert_eq!(world.count("SELECT count(*) FROM user_session s JOIN user_account u ON u.id = s.user_id WHERE u.name = 'mara'").await, 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_POSTGRES; cargo xtask test sets it"]
async fn a_reset_that_runs_behind_a_sign_in_ends_it() {
    let world = World::postgres().await;
    let user = world.user("mara", Role::Admin).await;
    world.user("jon", Role::SuperAdmin).await;
    let jon = world.actor("jon").await;
    let (mut watch, held) = (world.elsewhere().await, park(&world).await);
    let entering = tokio::spawn(password_sign_in(world.app.clone()));
    waiting(&mut watch, 1).await;
    let app = world.app.clone();
    let reset = tokio::spawn(async move { account::reset_password(&app, &jon, ResetPassword { user: user.id }, because()).await });
    waiting(&mut watch, 2).await;
    held.close().await.unwrap();
    let SignIn::Opened(opened) = entering.await.unwrap() else { panic!("it was first") };
    reset.await.unwrap().unwrap();
    assert!(matches!(world.enter(&opened.cookie).await, Err(Error::Unauthenticated(_))));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_POSTGRES; cargo xtask test sets it"]
async fn ending_all_sessions_ends_one_that_is_being_opened() {
    let world = World::postgres().await;
    let user = world.user("mara", Role::Admin).await;
    world.user("jon", Role::SuperAdmin).await;
    let jon = world.actor("jon").await;
    let (mut watch, held) = (world.elsewhere().await, park(&world).await);
    let entering = tokio::spawn(password_sign_in(world.app.clone()));
    waiting(&mut watch, 1).await;
    let app = world.app.clone();
    let end = tokio::spawn(async move { session::end_of_user(&app, &jon, EndUserSessions { user: user.id }, because()).await });
    waiting(&mut watch, 2).await;
    held.close().await.unwrap();
    let SignIn::Opened(opened) = entering.await.unwrap() else { panic!("it was first") };
    assert_eq!(end.await.unwrap().unwrap().value, 1);
    assert!(matches!(world.enter(&opened.cookie).await, Err(Error::Unauthenticated(_))));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_POSTGRES; cargo xtask test sets it"]
async fn a_disabled_account_gets_in_neither_by_password_nor_by_link() {
    let world = World::postgres().await;
    let user = world.user("mara", Role::Admin).await;
    world.user("jon", Role::SuperAdmin).await;
    let (jon, ticket) = (world.actor("jon").await, make_ticket(&world.app, user.id, 10).await.unwrap());
    let (mut watch, held) = (world.elsewhere().await, park(&world).await);
    let app = world.app.clone();
    let disable = tokio::spawn(async move { account::disable(&app, &jon, DisableUser { user: user.id }, because()).await });
    waiting(&mut watch, 1).await;
    let app = world.app.clone();
    let by_link = tokio::spawn(async move { session::redeem(&app, &nobody(), &ticket).await });
    let by_password = tokio::spawn(password_sign_in(world.app.clone()));
    waiting(&mut watch, 3).await;
    held.close().await.unwrap();
    disable.await.unwrap().unwrap();
    assert!(matches!(by_link.await.unwrap(), Err(Error::Unauthenticated(_))));
    assert!(matches!(by_password.await.unwrap(), SignIn::Wrong { .. }));
    assert_eq!(world.count("SELECT count(*) FROM user_session").await, 1, "only that of who disabled it");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs QD_TEST_POSTGRES; cargo xtask test sets it"]
async fn a_reset_stands_against_a_change_by_the_owner_at_the_same_time() {
    let world = World::postgres().await;
    let user = world.user("mara", Role::Admin).await;
    world.user("jon", Role::SuperAdmin).await;
    let (mara, jon) = (world.actor("mara").await, world.actor("jon").await);
    let (mut watch, held) = (world.elsewhere().await, park(&world).await);
    let app = world.app.clone();
    let reset = tokio::spawn(async move { account::reset_password(&app, &jon, ResetPassword { user: user.id }, because()).await });
    waiting(&mut watch, 1).await;
    let (app, new) = (world.app.clone(), Secret::new("another-lantern-harbour"));
    let change =
        tokio::spawn(async move { account::change_password(&app, &mara, Some(Secret::new(PASSWORD)), new, because()).await.map(|done| done.value) });
    waiting(&mut watch, 2).await;
    held.close().await.unwrap();
    reset.await.unwrap().unwrap();
    assert!(matches!(change.await.unwrap(), Err(Error::Unauthenticated(_))));
    assert!(!account::get(&world.app, user.id).await.unwrap().has_password);
    world.end().await;
}
