//! One person: role, state, sessions, and what a SUPER_ADMIN may do about them.

use maud::{Markup, html};
use qd_core::Result;
use qd_core::gate::Role;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::profile::session_table;
use super::users::{Link, link, parse_role, role_field, state};
use crate::features::identity::account::{self, DisableUser, EnableUser, LINK_MINUTES, ResetPassword, SetRole, User};
use crate::features::identity::session::{self, EndUserSessions, Session};
use crate::ui::tabs::crumbs;
use crate::ui::{Button, badge, card, empty::Empty, format, head, stats};
use crate::web::{Ctx, Dialog, Form, Nothing, Page, Reply, Toast, View};

/// One person and their sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct Person {
    /// The account.
    user: User,
    /// Sessions, the last used first.
    sessions: Vec<Session>,
}

pub async fn show(ctx: Ctx, _: Nothing) -> Result<Reply<Person>> {
    Ok(Reply::ok(person(&ctx).await?))
}

async fn person(ctx: &Ctx) -> Result<Person> {
    let user = account::get(&ctx.app, ctx.id("user")?).await?;
    let sessions = session::of_user(&ctx.app, &ctx.actor, user.id).await?;
    Ok(Person { user, sessions })
}

fn path(user: &User, act: &str) -> String {
    format!("/settings/users/{}{act}", user.id)
}

impl View for Person {
    fn title(&self) -> String {
        self.user.name.clone()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let user = &self.user;
        let facts = html! { (badge(user.role.word())) (state(user)) };
        let kv = stats::kv([
            ("Email", html! { (user.email) }),
            ("Role", html! { (user.role.word()) " " span.quiet { (user.role.meaning()) } }),
            ("Created", html! { (format::time(user.created_at, page.now)) }),
            ("Last sign-in", html! { @match user.last_sign_in_at { Some(at) => (format::time(at, page.now)), None => "never" } }),
            ("Disabled", html! { @match user.disabled_at { Some(at) => (format::time(at, page.now)), None => "no" } }),
        ]);
        let end = html! { @if page.may::<EndUserSessions>() && !self.sessions.is_empty() { (Button::dialog("End all…", path(user, "/sessions/end")).risk().small()) } };
        let sessions = match self.sessions.is_empty() {
            true => html! { (Empty::new("monitor", "No session", "Nobody is signed in as this person now.")) },
            false => session_table(&self.sessions, page.now, |session| html! { @if session.current { span.quiet { "this browser" } } }),
        };
        html! {
            (crumbs(&[("Settings", "/settings"), ("Users & roles", "/settings/users")], &user.name))
            (head::record_head(&facts, &user.name, &self.sentence(), &self.actions(page)))
            div.stack { (card("Account").body(kv)) (card("Sessions").actions(end).fill(sessions)) }
        }
    }
}

impl Person {
    fn sentence(&self) -> String {
        match (self.user.disabled_at, self.user.has_password) {
            (Some(_), _) => "Disabled: can't sign in.".into(),
            (None, false) => "Has not chosen a password yet: can sign in by a one-time link only.".into(),
            (None, true) => format!("{}.", format::count(i64::try_from(self.sessions.len()).unwrap_or(i64::MAX), "session", "sessions")),
        }
    }

    fn actions(&self, page: &Page<'_>) -> Markup {
        let user = &self.user;
        let own = page.actor.uuid() == Some(user.id);
        html! {
            @if page.may::<SetRole>() { (Button::dialog("Change role…", path(user, "/role")).risk()) }
            @if page.may::<ResetPassword>() && !own && user.disabled_at.is_none() { (Button::dialog("Reset password…", path(user, "/password")).risk()) }
            @if page.may::<DisableUser>() && !own && user.disabled_at.is_none() { (Button::dialog("Disable…", path(user, "/disable")).risk()) }
            @if page.may::<EnableUser>() && user.disabled_at.is_some() { (Button::dialog("Enable…", path(user, "/enable")).risk()) }
        }
    }
}

async fn after(ctx: &Ctx, toast: String, audit_seq: i64) -> Result<Reply<Person>> {
    let person = person(ctx).await?;
    let back = path(&person.user, "");
    Ok(Reply::ok(person).toast(Toast::done(toast)).recorded(audit_seq).go(back))
}

#[derive(Debug, Deserialize, ToSchema)]
pub struct NewRole {
    /// SUPER_ADMIN, ADMIN, STAFF_ADMIN or AUDITOR.
    role: String,
}

pub async fn role_dialog(ctx: Ctx, form: Form) -> Result<Dialog> {
    let user = account::get(&ctx.app, ctx.id("user")?).await?;
    let value = if form.tried() { form.value("role") } else { user.role.word() };
    let dialog = Dialog::of(&SetRole { user: user.id, role: user.role }, format!("Change the role of {}", user.name)).submit("Change role");
    let dialog = dialog.lead(format!("Now {}.", user.role.word())).icon("user-cog").fields(role_field(value, form.error("role")));
    Ok(dialog.effect("It counts from their next request on; nobody is signed out.").cancel(path(&user, "")).undo("You can change it back."))
}

pub async fn set_role(ctx: Ctx, given: NewRole) -> Result<Reply<Person>> {
    let action = SetRole { user: ctx.id("user")?, role: parse_role(&given.role)? };
    let done = account::set_role(&ctx.app, &ctx.actor, action, ctx.confirmation.clone()).await?;
    let word = |role: Role| role.word();
    after(&ctx, format!("{} is {} now", done.value.name, word(done.value.role)), done.audit_seq).await
}

pub async fn disable_dialog(ctx: Ctx, _: Form) -> Result<Dialog> {
    let user = account::get(&ctx.app, ctx.id("user")?).await?;
    let open = session::of_user(&ctx.app, &ctx.actor, user.id).await?.len();
    let dialog = Dialog::of(&DisableUser { user: user.id }, format!("Disable {}", user.name)).icon("ban").submit("Disable the account");
    let sessions = format::count(i64::try_from(open).unwrap_or(i64::MAX), "session ends", "sessions end");
    let dialog = dialog.effect("They can't sign in any more.").effect(format!("{sessions} at once, and open one-time links with them."));
    let dialog =
        dialog.effect("API tokens that they made go on. Revoke them under API tokens.").cancel(path(&user, "")).undo("You can enable it again.");
    Ok(unless(dialog, user.disabled_at.is_some(), &user, "disabled"))
}

/// What is done already is not offered again.
fn unless(dialog: Dialog, done: bool, user: &User, what: &str) -> Dialog {
    if done { dialog.instead(format!("{} is {what} already.", user.name), path(user, ""), format!("Show {}", user.name)) } else { dialog }
}

pub async fn disable(ctx: Ctx, _: Nothing) -> Result<Reply<Person>> {
    let done = account::disable(&ctx.app, &ctx.actor, DisableUser { user: ctx.id("user")? }, ctx.confirmation.clone()).await?;
    after(&ctx, format!("{} is disabled", done.value.name), done.audit_seq).await
}

pub async fn enable_dialog(ctx: Ctx, _: Form) -> Result<Dialog> {
    let user = account::get(&ctx.app, ctx.id("user")?).await?;
    let dialog = Dialog::of(&EnableUser { user: user.id }, format!("Enable {}", user.name)).icon("user-check").submit("Enable the account");
    let dialog = dialog.effect(format!("They can sign in again, as {}.", user.role.word())).cancel(path(&user, "")).undo("You can disable it again.");
    Ok(unless(dialog, user.disabled_at.is_none(), &user, "enabled"))
}

pub async fn enable(ctx: Ctx, _: Nothing) -> Result<Reply<Person>> {
    let done = account::enable(&ctx.app, &ctx.actor, EnableUser { user: ctx.id("user")? }, ctx.confirmation.clone()).await?;
    after(&ctx, format!("{} is enabled", done.value.name), done.audit_seq).await
}

pub async fn reset_dialog(ctx: Ctx, _: Form) -> Result<Dialog> {
    let user = account::get(&ctx.app, ctx.id("user")?).await?;
    let dialog =
        Dialog::of(&ResetPassword { user: user.id }, format!("Reset the password of {}", user.name)).icon("key-round").submit("Reset password");
    let dialog = dialog.effect("The present password stops working, and all their sessions end.");
    let dialog = dialog.effect(format!("You get a link that works once, within {LINK_MINUTES} min. By it they sign in and choose a new password."));
    Ok(dialog.cancel(path(&user, "")).undo("This cannot be undone."))
}

pub async fn reset(ctx: Ctx, _: Nothing) -> Result<Reply<Link>> {
    let invited = account::reset_password(&ctx.app, &ctx.actor, ResetPassword { user: ctx.id("user")? }, ctx.confirmation.clone()).await?;
    Ok(link(&ctx, invited, "Password reset"))
}

pub async fn end_dialog(ctx: Ctx, _: Form) -> Result<Dialog> {
    let user = account::get(&ctx.app, ctx.id("user")?).await?;
    let open = session::of_user(&ctx.app, &ctx.actor, user.id).await?.len();
    let amount = format::count(i64::try_from(open).unwrap_or(i64::MAX), "session", "sessions");
    let dialog =
        Dialog::of(&EndUserSessions { user: user.id }, format!("End all sessions of {}", user.name)).icon("log-out").submit(format!("End {amount}"));
    Ok(dialog.effect("They have to sign in again. Open one-time links are taken back.").cancel(path(&user, "")).undo("This cannot be undone."))
}

pub async fn end_sessions(ctx: Ctx, _: Nothing) -> Result<Reply<Person>> {
    let own = ctx.actor.uuid() == Some(ctx.id("user")?);
    let done = session::end_of_user(&ctx.app, &ctx.actor, EndUserSessions { user: ctx.id("user")? }, ctx.confirmation.clone()).await?;
    let amount = format::count(i64::try_from(done.value).unwrap_or(i64::MAX), "session", "sessions");
    let reply = after(&ctx, format!("{amount} ended"), done.audit_seq).await?;
    Ok(if own { reply.go("/login") } else { reply })
}
