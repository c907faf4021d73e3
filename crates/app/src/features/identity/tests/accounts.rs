use qd_core::Error;
use qd_core::gate::{Confirmation, Role};
use qd_core::secret::Secret;

use super::both;
use super::world::{PASSWORD, World, because, email, nobody};
use crate::features::identity::account::{self, CreateUser, DisableUser, EnableUser, ResetPassword, SetRole};
use crate::features::identity::session::{self, SignIn};
use crate::features::identity::{by_email, create_admin, make_ticket};

both!(
    an_invited_person_chooses_a_password_by_the_link,
    the_same_invitation_is_made_once_and_its_link_shown_once,
    emails_are_unique_whatever_their_case,
    a_role_counts_from_the_next_request,
    a_disabled_person_is_out_at_once,
    the_last_ruler_stays,
    two_rulers_cannot_take_each_other_away,
    a_reset_ends_password_and_sessions,
    an_own_password_takes_the_old_one_and_ends_other_sessions,
    only_a_ruler_manages_accounts,
);

const NEW: &str = "copper-kettle-north";

async fn an_invited_person_chooses_a_password_by_the_link(world: &World) {
    world.user("jon", Role::SuperAdmin).await;
    let jon = world.actor("jon").await;
    let action = CreateUser { email: "Mara@Fern.Example".into(), name: "Mara".into(), role: Role::StaffAdmin };
    let invited = account::create(&world.app, &jon, action, because()).await.unwrap();
    assert!(!invited.user.has_password);
    let row = world.last().await;
    assert_eq!((row.event.as_str(), row.scope.as_str(), row.target_id), ("USER_CREATED", "USER", invited.user.id.to_string()));
    assert_eq!(row.after.as_deref(), Some(r#"{"role":"STAFF_ADMIN"}"#));
    assert!(matches!(world.try_sign_in("mara", "").await, SignIn::Wrong { .. }), "no password fits none");
    let opened = session::redeem(&world.app, &nobody(), &invited.ticket.unwrap()).await.unwrap();
    let mara = world.enter(&opened.cookie).await.unwrap();
    let weak = account::change_password(&world.app, &mara, None, Secret::new("password1234"), Confirmation::default()).await;
    assert!(matches!(weak, Err(Error::Invalid(_))));
    account::change_password(&world.app, &mara, None, Secret::new(PASSWORD), Confirmation::default()).await.unwrap();
    assert!(matches!(world.try_sign_in("mara", PASSWORD).await, SignIn::Opened(_)));
    // The link has served: from now on the old password is asked for.
    let again = account::change_password(&world.app, &mara, None, Secret::new(NEW), Confirmation::default()).await;
    assert!(matches!(again, Err(Error::Invalid(_))));
}

async fn the_same_invitation_is_made_once_and_its_link_shown_once(world: &World) {
    world.user("jon", Role::SuperAdmin).await;
    let jon = world.actor("jon").await;
    let given = Confirmation { idempotency_key: Some("key-1".into()), ..because() };
    let action = CreateUser { email: email("mara"), name: "Mara".into(), role: Role::Admin };
    let first = account::create(&world.app, &jon, action.clone(), given.clone()).await.unwrap();
    let second = account::create(&world.app, &jon, action, given).await.unwrap();
    assert_eq!((first.user.id, first.audit_seq), (second.user.id, second.audit_seq));
    assert!(first.ticket.is_some() && second.ticket.is_none());
}

async fn emails_are_unique_whatever_their_case(world: &World) {
    world.user("mara", Role::Admin).await;
    let twice = create_admin(&world.app, "MARA@fern.example", "Mara", Role::Admin, None).await;
    assert!(matches!(&twice, Err(Error::Invalid(faults)) if faults[0].field == "email"), "{twice:?}");
    assert!(by_email(&world.app, " MARA@fern.example").await.unwrap().is_some());
}

async fn a_role_counts_from_the_next_request(world: &World) {
    world.user("jon", Role::SuperAdmin).await;
    let mara = world.user("mara", Role::Admin).await;
    let (jon, cookie) = (world.actor("jon").await, world.cookie("mara").await);
    assert_eq!(world.enter(&cookie).await.unwrap().role(), Some(Role::Admin));
    account::set_role(&world.app, &jon, SetRole { user: mara.id, role: Role::Auditor }, because()).await.unwrap();
    assert_eq!(world.enter(&cookie).await.unwrap().role(), Some(Role::Auditor));
    let row = world.last().await;
    assert_eq!((row.before.as_deref(), row.after.as_deref()), (Some(r#"{"role":"ADMIN"}"#), Some(r#"{"role":"AUDITOR"}"#)));
}

async fn a_disabled_person_is_out_at_once(world: &World) {
    world.user("jon", Role::SuperAdmin).await;
    let mara = world.user("mara", Role::Admin).await;
    let (jon, cookie) = (world.actor("jon").await, world.cookie("mara").await);
    let ticket = make_ticket(&world.app, mara.id, 10).await.unwrap();
    world.enter(&cookie).await.unwrap();
    account::disable(&world.app, &jon, DisableUser { user: mara.id }, because()).await.unwrap();
    assert!(world.enter(&cookie).await.is_err());
    assert!(session::redeem(&world.app, &nobody(), &ticket).await.is_err());
    assert!(matches!(world.try_sign_in("mara", PASSWORD).await, SignIn::Wrong { .. }));
    assert!(matches!(make_ticket(&world.app, mara.id, 10).await, Err(Error::Conflict(_))));
    account::enable(&world.app, &jon, EnableUser { user: mara.id }, because()).await.unwrap();
    assert!(world.enter(&cookie).await.is_err(), "old sessions stay ended");
    assert!(matches!(world.try_sign_in("mara", PASSWORD).await, SignIn::Opened(_)));
}

async fn the_last_ruler_stays(world: &World) {
    let jon = world.user("jon", Role::SuperAdmin).await;
    world.user("mara", Role::Admin).await;
    let actor = world.actor("jon").await;
    let demote = SetRole { user: jon.id, role: Role::Admin };
    assert!(matches!(account::set_role(&world.app, &actor, demote.clone(), because()).await, Err(Error::Conflict(_))));
    assert!(matches!(account::disable(&world.app, &actor, DisableUser { user: jon.id }, because()).await, Err(Error::Conflict(_))));
    let console = qd_core::gate::Actor::cli("root");
    assert!(matches!(account::disable(&world.app, &console, DisableUser { user: jon.id }, because()).await, Err(Error::Conflict(_))));
    assert_eq!(world.last().await.kind, "failed");
    let kim = world.user("kim", Role::SuperAdmin).await;
    account::disable(&world.app, &actor, DisableUser { user: kim.id }, because()).await.unwrap();
    assert!(
        matches!(account::set_role(&world.app, &actor, demote.clone(), because()).await, Err(Error::Conflict(_))),
        "a disabled one does not count"
    );
    account::enable(&world.app, &actor, EnableUser { user: kim.id }, because()).await.unwrap();
    account::set_role(&world.app, &actor, demote, because()).await.unwrap();
}

async fn two_rulers_cannot_take_each_other_away(world: &World) {
    let (jon, kim) = (world.user("jon", Role::SuperAdmin).await, world.user("kim", Role::SuperAdmin).await);
    let (a, b) = (world.actor("jon").await, world.actor("kim").await);
    let (one, two) = tokio::join!(
        account::set_role(&world.app, &a, SetRole { user: kim.id, role: Role::Admin }, because()),
        account::set_role(&world.app, &b, SetRole { user: jon.id, role: Role::Admin }, because()),
    );
    assert_eq!(one.is_ok() as u8 + two.is_ok() as u8, 1);
    assert_eq!(world.count("SELECT count(*) FROM user_account WHERE role = 'SUPER_ADMIN'").await, 1);
}

async fn a_reset_ends_password_and_sessions(world: &World) {
    world.user("jon", Role::SuperAdmin).await;
    let mara = world.user("mara", Role::Admin).await;
    let (jon, cookie) = (world.actor("jon").await, world.cookie("mara").await);
    let invited = account::reset_password(&world.app, &jon, ResetPassword { user: mara.id }, because()).await.unwrap();
    assert!(world.enter(&cookie).await.is_err());
    assert!(matches!(world.try_sign_in("mara", PASSWORD).await, SignIn::Wrong { .. }));
    let opened = session::redeem(&world.app, &nobody(), &invited.ticket.unwrap()).await.unwrap();
    let actor = world.enter(&opened.cookie).await.unwrap();
    account::change_password(&world.app, &actor, None, Secret::new(NEW), Confirmation::default()).await.unwrap();
    assert!(matches!(world.try_sign_in("mara", NEW).await, SignIn::Opened(_)));
}

async fn an_own_password_takes_the_old_one_and_ends_other_sessions(world: &World) {
    world.user("mara", Role::Auditor).await;
    let (here, there) = (world.cookie("mara").await, world.cookie("mara").await);
    let mara = world.enter(&here).await.unwrap();
    for (current, field) in [(None, "current"), (Some("wrong wrong wrong"), "current")] {
        let refused = account::change_password(&world.app, &mara, current.map(Secret::new), Secret::new(NEW), Confirmation::default()).await;
        assert!(matches!(&refused, Err(Error::Invalid(faults)) if faults[0].field == field), "{refused:?}");
    }
    assert_eq!(world.last().await.event, "AUTH_PASSWORD_REFUSED");
    account::change_password(&world.app, &mara, Some(Secret::new(PASSWORD)), Secret::new(NEW), Confirmation::default()).await.unwrap();
    assert!(world.enter(&here).await.is_ok() && world.enter(&there).await.is_err());
    assert!(matches!(world.try_sign_in("mara", PASSWORD).await, SignIn::Wrong { .. }));
    assert!(matches!(world.try_sign_in("mara", NEW).await, SignIn::Opened(_)));
    // Guessing goes on the account's own counter: five, then a pause, also for who is signed in.
    for _ in 0..5 {
        let _ = account::change_password(&world.app, &mara, Some(Secret::new("wrong wrong wrong")), Secret::new(NEW), Confirmation::default()).await;
    }
    let limited = account::change_password(&world.app, &mara, Some(Secret::new(NEW)), Secret::new(PASSWORD), Confirmation::default()).await;
    assert!(matches!(limited, Err(Error::Limited { .. })));
}

async fn only_a_ruler_manages_accounts(world: &World) {
    let jon = world.user("jon", Role::SuperAdmin).await;
    for (name, role) in [("ada", Role::Admin), ("sam", Role::StaffAdmin), ("aud", Role::Auditor)] {
        world.user(name, role).await;
        let actor = world.actor(name).await;
        let action = SetRole { user: actor.uuid().unwrap(), role: Role::SuperAdmin };
        assert!(matches!(account::set_role(&world.app, &actor, action, because()).await, Err(Error::Forbidden(_))), "{name}");
        assert!(matches!(account::disable(&world.app, &actor, DisableUser { user: jon.id }, because()).await, Err(Error::Forbidden(_))), "{name}");
        assert_eq!(world.last().await.kind, "refused");
    }
}
