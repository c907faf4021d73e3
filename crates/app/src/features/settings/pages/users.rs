//! People and their roles, and the matrix of what each role may.

use maud::{Markup, html};
use qd_core::gate::{Danger, Role};
use qd_core::{Error, Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::reveal::Reveal;
use super::tab_line;
use crate::features::identity::account::{self, CreateUser, Invited, LINK_MINUTES, User};
use crate::features::identity::sign_in_url;
use crate::features::settings::roles::{self, Right, RoleInfo};
use crate::ui::field::Field;
use crate::ui::table::{self, Column, Priority};
use crate::ui::{Button, Tone, badge, card, format, icon_small, page_head, stats, status};
use crate::web::{Ctx, Dialog, Form, Nothing, Page, Reply, Toast, View};

/// People, roles and rights.
#[derive(Debug, Serialize, ToSchema)]
pub struct Users {
    /// Accounts by name, at most 500.
    users: Vec<User>,
    /// The four roles.
    roles: Vec<RoleInfo>,
    /// Who may do what.
    rights: &'static [Right],
}

pub async fn list(ctx: Ctx, _: Nothing) -> Result<Reply<Users>> {
    Ok(Reply::ok(Users { users: account::list(&ctx.app).await?, roles: roles::roles(), rights: roles::rights() }))
}

/// State of an account as people read it.
pub fn state(user: &User) -> Markup {
    let (tone, word) = match (user.disabled_at, user.has_password) {
        (Some(_), _) => (Tone::Off, "DISABLED"),
        (None, false) => (Tone::Next, "NO PASSWORD YET"),
        (None, true) => (Tone::Ok, "ACTIVE"),
    };
    status::status_word(tone, word)
}

impl View for Users {
    fn title(&self) -> String {
        "Users & roles".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let active = self.users.iter().filter(|user| user.disabled_at.is_none()).count();
        let rulers = self.users.iter().filter(|user| user.disabled_at.is_none() && user.role == Role::SuperAdmin).count();
        let sentence = format!("{active} active of {}, {rulers} SUPER_ADMIN.", self.users.len());
        let new = html! { @if page.may::<CreateUser>() { (Button::dialog("Create account", "/settings/users/new").primary().icon("user-plus")) } };
        html! {
            (page_head("Settings", &sentence, &new))
            (tab_line(page, "/settings/users"))
            div.stack { (self.people(page)) (self.meanings()) (self.matrix()) }
        }
    }
}

impl Users {
    fn people(&self, page: &Page<'_>) -> Markup {
        let columns = [Column::new("Name"), Column::new("Role"), Column::new("State"), Column::new("Last sign-in").priority(Priority::Medium)];
        let row = |user: &User| {
            let last = html! { @match user.last_sign_in_at { Some(at) => (format::time_ago(at, page.now)), None => "never" } };
            let cells = html! {
                (table::row_name(&user.name, Some(&format!("/settings/users/{}", user.id)), Some(&user.email)))
                (table::cell("Role", badge(user.role.word())))
                (table::cell_status(state(user)))
                (table::cell_at(Priority::Medium, "Last sign-in", last))
            };
            table::row(false, &cells)
        };
        let rows = html! { @for user in &self.users { (row(user)) } };
        html! { (card("People").fill(table::table_stacking("People", &columns, &rows))) }
    }

    fn meanings(&self) -> Markup {
        html! { (card("Roles").body(stats::kv(self.roles.iter().map(|info| (info.role.word(), info.meaning))))) }
    }

    fn matrix(&self) -> Markup {
        let columns: Vec<Column> = [Column::new("Action"), Column::new("Takes").priority(Priority::Medium)]
            .into_iter()
            .chain(Role::ALL.into_iter().map(|role| Column::new(role.word())))
            .collect();
        let takes = |danger| match danger {
            Danger::Routine => "nothing",
            Danger::Guarded => "reason",
            Danger::Destructive => "reason and phrase",
        };
        let may = |right: &Right, role: Role| match right.roles.contains(&role) {
            true => html! { (icon_small("check")) span.vh { "yes" } },
            false => html! { span.quiet aria-hidden="true" { "–" } span.vh { "no" } },
        };
        let row = |right: &Right| {
            let cells = html! {
                (table::row_name(right.action, None, None))
                (table::cell_at(Priority::Medium, "Takes", takes(right.danger)))
                @for role in Role::ALL { (table::cell(role.word(), may(right, role))) }
            };
            table::row(false, &cells)
        };
        let rows = html! { @for right in self.rights { (row(right)) } };
        let matrix = card("What each role may")
            .note("Every act, from the acts themselves. Reading is for STAFF_ADMIN and up; the audit trail also for AUDITOR.");
        html! { (matrix.fill(table::table_tight("What each role may", &columns, &rows))) }
    }
}

/// A role in a form.
pub fn role_field(value: &str, error: Option<&str>) -> Markup {
    let options = Role::ALL.into_iter().rev().map(|role| (role.word(), format!("{}: {}", role.word(), role.meaning())));
    html! { (Field::select("role", "Role", options).value(value).error(error).required()) }
}

/// The role of that word, as fault of the field.
pub fn parse_role(word: &str) -> Result<Role> {
    Role::parse(word).ok_or_else(|| Error::invalid("role", "Choose SUPER_ADMIN, ADMIN, STAFF_ADMIN or AUDITOR."))
}

#[derive(Debug, Deserialize, ToSchema)]
pub struct NewUser {
    /// Email to sign in with.
    email: String,
    /// Name for people.
    name: String,
    /// SUPER_ADMIN, ADMIN, STAFF_ADMIN or AUDITOR.
    role: String,
}

pub async fn create_dialog(_: Ctx, form: Form) -> Result<Dialog> {
    let action = CreateUser { email: String::new(), name: String::new(), role: Role::StaffAdmin };
    let role = if form.tried() { form.value("role") } else { Role::StaffAdmin.word() };
    let fields = html! {
        (Field::input("email", "email", "Email").value(form.value("email")).error(form.error("email")).autocomplete("off").max_length(254).required().autofocus())
        (Field::text("name", "Name").value(form.value("name")).error(form.error("name")).autocomplete("off").max_length(100).required())
        (role_field(role, form.error("role")))
    };
    let effect = format!("You get a link that works once, within {LINK_MINUTES} min. Its owner signs in by it and chooses a password.");
    Ok(Dialog::of(&action, "Create account")
        .icon("user-plus")
        .fields(fields)
        .effect(effect)
        .cancel("/settings/users")
        .undo("It can be disabled later."))
}

pub async fn create(ctx: Ctx, given: NewUser) -> Result<Reply<Link>> {
    let action = CreateUser { role: parse_role(&given.role)?, email: given.email, name: given.name };
    let invited = account::create(&ctx.app, &ctx.actor, action, ctx.confirmation.clone()).await?;
    Ok(link(&ctx, invited, "Account created").created())
}

/// An account with the link that lets its owner in; shown once.
#[derive(Serialize, ToSchema)]
pub struct Link {
    /// The account.
    user: User,
    /// The link; none when an earlier call with the same idempotency key showed it.
    link: Option<String>,
}

/// The answer that shows a link, and nowhere else.
pub fn link(ctx: &Ctx, invited: Invited, toast: &str) -> Reply<Link> {
    let url = invited.ticket.map(|ticket| sign_in_url(&ctx.app, &ticket, "/settings/password"));
    let reply = Reply::ok(Link { user: invited.user, link: url }).toast(Toast::done(toast)).recorded(invited.audit_seq);
    if ctx.header("hx-request").is_some() { reply.bare() } else { reply }
}

impl View for Link {
    fn title(&self) -> String {
        "One-time link".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let title = format!("Link for {}", self.user.name);
        let lead = format!("Give it to them by a safe way. It signs in once, within {LINK_MINUTES} min, and is not shown again.");
        Reveal { title: &title, lead: &lead, secret: self.link.as_deref(), back: "/settings/users" }.draw(page)
    }
}
