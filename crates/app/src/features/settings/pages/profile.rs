//! One's own account: name, password, sessions.

use maud::{Markup, html};
use qd_core::secret::Secret;
use qd_core::{Result, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{device, tab_line};
use crate::features::identity::account::{self, PASSWORD_LENGTH, User};
use crate::features::identity::session::{self, EndSession, Session};
use crate::ui::field::Field;
use crate::ui::table::{self, Column, Priority};
use crate::ui::{Button, badge, button, card, format, page_head, stats};
use crate::web::{Ctx, Dialog, Form, Nothing, Page, Reply, Toast, View};

/// One's own account and sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct Profile {
    /// The account.
    user: User,
    /// Sessions, the last used first.
    sessions: Vec<Session>,
}

pub async fn show(ctx: Ctx, _: Nothing) -> Result<Reply<Profile>> {
    Ok(Reply::ok(profile(&ctx).await?))
}

async fn profile(ctx: &Ctx) -> Result<Profile> {
    let user = account::get(&ctx.app, ctx.actor.uuid().unwrap_or_default()).await?;
    Ok(Profile { user, sessions: session::own(&ctx.app, &ctx.actor).await? })
}

impl View for Profile {
    fn title(&self) -> String {
        "Settings".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let devices = format::count(i64::try_from(self.sessions.len()).unwrap_or(i64::MAX), "session", "sessions");
        let sentence = format!("Signed in as {}, {}. {devices}.", self.user.name, self.user.role.word());
        html! {
            (page_head("Settings", &sentence, &html! {}))
            (tab_line(page, "/settings"))
            div.stack { (self.account(page)) (self.list(page)) }
        }
    }
}

impl Profile {
    fn account(&self, page: &Page<'_>) -> Markup {
        let user = &self.user;
        let password = if user.has_password { "set" } else { "none: you signed in by a link. Choose one to come back without it." };
        let kv = stats::kv([
            ("Name", html! { (user.name) }),
            ("Email", html! { (user.email) }),
            ("Role", html! { (badge(user.role.word())) " " span.quiet { (user.role.meaning()) } }),
            ("Password", html! { (password) }),
            ("Since", html! { (format::time(user.created_at, page.now)) }),
        ]);
        let actions = html! {
            (Button::dialog("Change name", "/settings/name").small())
            (Button::dialog(if user.has_password { "Change password" } else { "Choose a password" }, "/settings/password").small())
            span.needs-js { (Button::opens("Keyboard", "keys").small().icon("keyboard")) }
        };
        html! { (card("Account").actions(actions).body(kv)) }
    }

    fn list(&self, page: &Page<'_>) -> Markup {
        let end = |session: &Session| match session.current {
            true => html! { span.quiet { "this browser" } },
            false => button::post(&format!("/settings/sessions/{}/end", session.id), &Button::submit("End").small()),
        };
        html! { (card("Sessions").note("Browsers that are signed in as you.").fill(session_table(&self.sessions, page.now, end))) }
    }
}

/// Sessions as a table; `end` is the last cell of a row.
pub fn session_table(sessions: &[Session], now: Timestamp, end: impl Fn(&Session) -> Markup) -> Markup {
    let columns = [
        Column::new("Device"),
        Column::new("Address").priority(Priority::Medium),
        Column::new("Signed in").priority(Priority::Medium),
        Column::new("Last used"),
        Column::new("Ends").priority(Priority::Large),
        Column::actions(),
    ];
    let row = |session: &Session| {
        let raw = session.user_agent.as_deref();
        let name = device(raw).or_else(|| raw.map(|text| text.chars().take(60).collect())).unwrap_or_else(|| "Unknown device".to_owned());
        let how = if session.by_link { "by one-time link" } else { "by password" };
        let cells = html! {
            (table::row_name(&name, None, Some(how)))
            (table::cell_at(Priority::Medium, "Address", session.ip.as_deref().unwrap_or(format::UNKNOWN)))
            (table::cell_at(Priority::Medium, "Signed in", format::time(session.created_at, now)))
            (table::cell("Last used", format::time_ago(session.seen_at, now)))
            (table::cell_at(Priority::Large, "Ends", format::time(session.expires_at, now)))
            (table::cell_actions(end(session)))
        };
        table::row(false, &cells)
    };
    table::table_stacking("Sessions", &columns, &html! { @for session in sessions { (row(session)) } })
}

pub async fn end_session(ctx: Ctx, _: Nothing) -> Result<Reply<Profile>> {
    let session = ctx.id("session")?;
    let done = session::end(&ctx.app, &ctx.actor, EndSession { session }, ctx.confirmation.clone()).await?;
    Ok(Reply::ok(profile(&ctx).await?).no_content().toast(Toast::done("Session ended")).recorded(done.audit_seq).go("/settings"))
}

#[derive(Debug, Deserialize, ToSchema)]
pub struct NewName {
    /// The new name, 1 to 100 characters.
    name: String,
}

pub async fn name_dialog(ctx: Ctx, form: Form) -> Result<Dialog> {
    let action = account::Rename { user: ctx.actor.uuid().unwrap_or_else(Uuid::nil), name: String::new() };
    let value = if form.tried() { form.value("name") } else { ctx.actor.name() };
    let field = Field::text("name", "Name").value(value).error(form.error("name")).autocomplete("name").max_length(100).required().autofocus();
    Ok(Dialog::of(&action, "Change your name")
        .icon("circle-user")
        .fields(html! { (field) })
        .cancel("/settings")
        .effect("Later audit events carry the new name. Earlier ones keep the old."))
}

pub async fn rename(ctx: Ctx, given: NewName) -> Result<Reply<Profile>> {
    let done = account::rename(&ctx.app, &ctx.actor, &given.name, ctx.confirmation.clone()).await?;
    Ok(Reply::ok(profile(&ctx).await?).toast(Toast::done("Name changed")).recorded(done.audit_seq).go("/settings"))
}

#[derive(Deserialize, ToSchema)]
pub struct NewPassword {
    /// The current password. Not asked for within an hour of signing in by a one-time link.
    #[schema(value_type = Option<String>, format = Password)]
    current: Option<Secret>,
    /// The new password, 12 to 128 characters.
    #[serde(default)]
    #[schema(value_type = String, format = Password)]
    new: Secret,
    /// The new password again; checked if given.
    #[schema(value_type = Option<String>, format = Password)]
    again: Option<Secret>,
}

pub async fn password_dialog(ctx: Ctx, form: Form) -> Result<Dialog> {
    let user = ctx.actor.uuid().unwrap_or_else(Uuid::nil);
    let by_link = session::opened_by_link(&ctx.app, &ctx.actor).await?;
    let field = |name: &str, label: &str| Field::input("password", name.to_owned(), label.to_owned()).error(form.error(name)).required();
    // Typed passwords are never sent back.
    let fields = html! {
        @if by_link { p.small.quiet { "You came by a one-time link: the old password is not asked for." } }
        @else { (field("current", "Current password").autocomplete("current-password").autofocus()) }
        (field("new", "New password").autocomplete("new-password").hint(format!("{} characters or more. Three or four random words work well.", PASSWORD_LENGTH.start())))
        (field("again", "New password again").autocomplete("new-password"))
    };
    let dialog = Dialog::of(&account::ChangePassword { user }, "Change your password").icon("key-round").fields(fields).cancel("/settings");
    Ok(dialog.effect("Your other sessions end at once. This one goes on."))
}

pub async fn change_password(ctx: Ctx, given: NewPassword) -> Result<Reply<Profile>> {
    if given.again.as_ref().is_some_and(|again| again.expose() != given.new.expose()) {
        return Err(qd_core::Error::invalid("again", "The two new passwords differ."));
    }
    let done = account::change_password(&ctx.app, &ctx.actor, given.current, given.new, ctx.confirmation.clone()).await?;
    Ok(Reply::ok(profile(&ctx).await?).toast(Toast::done("Password changed")).recorded(done.audit_seq).go("/settings"))
}
