use qd_core::Error;
use qd_core::gate::{Actor, Confirmation, Role};
use qd_core::secret::Secret;

use super::both;
use super::world::{PASSWORD, World, because, email, nobody};
use crate::features::identity::session::{self, EndSession, SignIn, Ticket};
use crate::features::identity::{account, expire, make_ticket};

both!(
    a_sign_in_is_recorded_and_gives_a_session,
    wrong_passwords_pause_the_account_known_or_not,
    a_pause_outlives_a_restart_and_ends,
    many_guesses_at_once_get_no_more_tries,
    an_unused_session_ends_and_so_does_an_old_one,
    a_screen_that_renews_itself_is_no_use_of_the_session,
    signing_out_ends_the_session,
    own_sessions_can_be_ended_and_others_cannot,
    a_link_signs_in_once_even_when_used_twice_at_once,
    a_link_ends,
    nothing_secret_is_stored_or_recorded,
    what_has_ended_is_deleted,
    only_the_newest_sessions_are_kept,
);

async fn a_sign_in_is_recorded_and_gives_a_session(world: &World) {
    let user = world.user("mara", Role::Admin).await;
    let SignIn::Opened(opened) = session::sign_in(&world.app, &nobody(), " Mara@Fern.Example ", Secret::new(PASSWORD)).await.unwrap() else {
        panic!()
    };
    let actor = world.enter(&opened.cookie).await.unwrap();
    assert_eq!((actor.uuid(), actor.role(), actor.name()), (Some(user.id), Some(Role::Admin), "mara"));
    let row = world.last().await;
    assert_eq!(
        (row.event.as_str(), row.scope.as_str(), row.actor_id, row.ip.as_deref()),
        ("AUTH_LOGIN", "AUTH", user.id.to_string(), Some("192.0.2.7"))
    );
    assert!(account::get(&world.app, user.id).await.unwrap().last_sign_in_at.is_some());
    let own = session::own(&world.app, &actor).await.unwrap();
    assert!(own.len() == 1 && own[0].current && own[0].user_agent.as_deref() == Some("test"));
    assert!(matches!(world.enter(&Secret::new("invented")).await, Err(Error::Unauthenticated(_))));
}

async fn wrong_passwords_pause_the_account_known_or_not(world: &World) {
    world.user("mara", Role::Admin).await;
    for name in ["mara", "ghost"] {
        for left in (0..5).rev() {
            assert!(matches!(world.try_sign_in(name, "wrong wrong wrong").await, SignIn::Wrong { left: l } if l == left), "{name} {left}");
        }
        // Even the right password waits now.
        assert!(matches!(world.try_sign_in(name, PASSWORD).await, SignIn::Paused { seconds: 900 }), "{name}");
        assert!(matches!(world.try_sign_in(name, PASSWORD).await, SignIn::Paused { .. }), "{name}");
    }
    let events = world.events().await;
    let count = |event: &str| events.iter().filter(|e| *e == event).count();
    assert_eq!((count("AUTH_LOGIN_FAILED"), count("AUTH_LOGIN_PAUSED"), count("AUTH_LOGIN")), (10, 2, 0));
}

async fn a_pause_outlives_a_restart_and_ends(world: &World) {
    world.user("mara", Role::Admin).await;
    for _ in 0..5 {
        world.try_sign_in("mara", "wrong wrong wrong").await;
    }
    world.later(600);
    let again = world.restarted();
    let paused = session::sign_in(&again, &nobody(), &email("mara"), Secret::new(PASSWORD)).await.unwrap();
    assert!(matches!(paused, SignIn::Paused { seconds: 300 }), "{paused:?}");
    world.later(300);
    assert!(matches!(session::sign_in(&again, &nobody(), &email("mara"), Secret::new(PASSWORD)).await.unwrap(), SignIn::Opened(_)));
    // A success forgives: five more tries.
    assert!(matches!(world.try_sign_in("mara", "wrong wrong wrong").await, SignIn::Wrong { left: 4 }));
}

async fn many_guesses_at_once_get_no_more_tries(world: &World) {
    world.user("mara", Role::Admin).await;
    let guesses = (0..15).map(|_| world.try_sign_in("mara", "wrong wrong wrong"));
    let outcomes = futures::future::join_all(guesses).await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, SignIn::Wrong { .. })).count(), 5);
}

async fn an_unused_session_ends_and_so_does_an_old_one(world: &World) {
    world.user("mara", Role::Admin).await;
    let cookie = world.cookie("mara").await;
    for _ in 0..15 {
        world.later(11 * 3_600);
        world.enter(&cookie).await.unwrap();
    }
    world.later(4 * 3_600);
    assert!(matches!(world.enter(&cookie).await, Err(Error::Unauthenticated(_))), "a week has passed");
    let cookie = world.cookie("mara").await;
    world.later(12 * 3_600);
    assert!(matches!(world.enter(&cookie).await, Err(Error::Unauthenticated(_))), "unused for twelve hours");
}

async fn a_screen_that_renews_itself_is_no_use_of_the_session(world: &World) {
    world.user("mara", Role::Admin).await;
    let cookie = world.cookie("mara").await;
    for _ in 0..11 {
        world.later(3_600);
        world.renew(&cookie).await.unwrap();
    }
    world.later(3_600);
    assert!(matches!(world.renew(&cookie).await, Err(Error::Unauthenticated(_))), "nobody used it for twelve hours");
}

async fn signing_out_ends_the_session(world: &World) {
    world.user("mara", Role::Admin).await;
    let cookie = world.cookie("mara").await;
    let actor = world.enter(&cookie).await.unwrap();
    session::sign_out(&world.app, &actor).await.unwrap();
    assert!(world.enter(&cookie).await.is_err());
    assert_eq!(world.last().await.event, "AUTH_LOGOUT");
    session::sign_out(&world.app, &actor).await.unwrap();
    assert_eq!(world.events().await.iter().filter(|event| *event == "AUTH_LOGOUT").count(), 1);
}

async fn own_sessions_can_be_ended_and_others_cannot(world: &World) {
    world.user("mara", Role::StaffAdmin).await;
    world.user("jon", Role::SuperAdmin).await;
    let (one, two) = (world.cookie("mara").await, world.cookie("mara").await);
    let (mara, other) = (world.enter(&one).await.unwrap(), world.enter(&two).await.unwrap());
    let jon = world.actor("jon").await;
    let end = |actor: &Actor, session| {
        let (actor, app) = (actor.clone(), world.app.clone());
        async move { session::end(&app, &actor, EndSession { session }, Confirmation::default()).await }
    };
    assert!(matches!(end(&jon, other.session().unwrap()).await, Err(Error::NotFound(_))));
    end(&mara, other.session().unwrap()).await.unwrap();
    assert!(world.enter(&two).await.is_err() && world.enter(&one).await.is_ok());
    let action = session::EndUserSessions { user: mara.uuid().unwrap() };
    assert!(matches!(session::end_of_user(&world.app, &mara, action.clone(), because()).await, Err(Error::Forbidden(_))));
    assert!(matches!(session::end_of_user(&world.app, &jon, action.clone(), Confirmation::default()).await, Err(Error::Invalid(_))));
    assert_eq!(session::end_of_user(&world.app, &jon, action, because()).await.unwrap().value, 1);
    assert!(world.enter(&one).await.is_err());
}

async fn a_link_signs_in_once_even_when_used_twice_at_once(world: &World) {
    let user = world.user("mara", Role::Admin).await;
    let ticket = make_ticket(&world.app, user.id, 10).await.unwrap();
    for _ in 0..3 {
        assert!(matches!(session::ticket(&world.app, &ticket).await.unwrap(), Ticket::Open { .. }), "looking does not use it up");
    }
    let nobody = nobody();
    let tries = futures::future::join_all((0..4).map(|_| session::redeem(&world.app, &nobody, &ticket))).await;
    let opened: Vec<_> = tries.into_iter().filter_map(Result::ok).collect();
    assert_eq!(opened.len(), 1);
    assert_eq!(world.enter(&opened[0].cookie).await.unwrap().uuid(), Some(user.id));
    assert_eq!(session::ticket(&world.app, &ticket).await.unwrap(), Ticket::Gone);
    assert!(world.events().await.contains(&"AUTH_LOGIN_BY_LINK".to_owned()));
}

async fn a_link_ends(world: &World) {
    let user = world.user("mara", Role::Admin).await;
    let ticket = make_ticket(&world.app, user.id, 10).await.unwrap();
    world.later(600);
    assert_eq!(session::ticket(&world.app, &ticket).await.unwrap(), Ticket::Gone);
    assert!(matches!(session::redeem(&world.app, &nobody(), &ticket).await, Err(Error::Unauthenticated(_))));
    assert_eq!(world.last().await.event, "AUTH_LOGIN_FAILED");
}

async fn nothing_secret_is_stored_or_recorded(world: &World) {
    let user = world.user("mara", Role::Admin).await;
    let cookie = world.cookie("mara").await;
    world.try_sign_in("ghost", "wrong wrong wrong").await;
    let ticket = make_ticket(&world.app, user.id, 10).await.unwrap();
    let opened = session::redeem(&world.app, &nobody(), &ticket).await.unwrap();
    assert!(session::redeem(&world.app, &nobody(), &ticket).await.is_err());
    let trail = serde_json::to_string(&world.trail().await).unwrap();
    let ledger: Vec<(String, Option<String>)> =
        world.app.db.all("SELECT object_id, CAST(after AS TEXT) FROM change_ledger", engine::args![]).await.unwrap();
    let all = format!("{trail} {ledger:?} {opened:?}");
    for secret in [PASSWORD, "wrong wrong wrong", cookie.expose(), opened.cookie.expose(), ticket.expose(), "ghost", "@fern.example", "$argon2"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

async fn what_has_ended_is_deleted(world: &World) {
    let user = world.user("mara", Role::Admin).await;
    let _cookie = world.cookie("mara").await;
    make_ticket(&world.app, user.id, 10).await.unwrap();
    world.try_sign_in("ghost", "wrong wrong wrong").await;
    assert_eq!(expire(&world.app).await.unwrap(), 0);
    world.later(13 * 3_600);
    assert_eq!(expire(&world.app).await.unwrap(), 2, "session and counter");
    world.later(24 * 3_600);
    assert_eq!(expire(&world.app).await.unwrap(), 1, "link");
    let left = "SELECT (SELECT count(*) FROM user_session) + (SELECT count(*) FROM sign_in_ticket) + (SELECT count(*) FROM login_attempt)";
    assert_eq!(world.count(left).await, 0);
}

async fn only_the_newest_sessions_are_kept(world: &World) {
    let user = world.user("mara", Role::Admin).await;
    world.user("jon", Role::Admin).await;
    let other = world.cookie("jon").await;
    let mut cookies = Vec::new();
    for _ in 0..52 {
        let ticket = make_ticket(&world.app, user.id, 10).await.unwrap();
        cookies.push(session::redeem(&world.app, &nobody(), &ticket).await.unwrap().cookie);
        world.later(1);
    }
    assert_eq!(world.count("SELECT count(*) FROM user_session").await, 51, "fifty, and one of somebody else");
    for (n, cookie) in cookies.iter().enumerate() {
        assert_eq!(world.enter(cookie).await.is_ok(), n >= 2, "session {n}");
    }
    world.enter(&other).await.unwrap();
}
