//! Bypass tokens: made, shown once, taken back.

use maud::{Markup, html};
use qd_core::Result;
use serde::Serialize;
use utoipa::ToSchema;

use super::input::BypassBody;
use crate::features::maintenance::bypass::{self, Bypass, Issue, Revoke};
use crate::features::maintenance::state::{BYPASS_COOKIE, BYPASS_HEADER};
use crate::ui::button::post;
use crate::ui::field::Field;
use crate::ui::status::{Tone, status_word};
use crate::ui::table::{self, Column, Priority};
use crate::ui::tabs::crumbs;
use crate::ui::{Button, Empty, card, code, dialog as ui_dialog, format, icon, page_head};
use crate::web::{Ctx, Dialog, Form, Nothing, Page, Reply, Toast, View};

/// Hours that a token holds unless somebody says otherwise.
const HOURS: i64 = 2;

/// Tokens, without what makes them work.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tokens {
    /// Whether a secret is configured: without one nobody can bypass a maintenance.
    configured: bool,
    /// The newest first, at most 100.
    tokens: Vec<Bypass>,
}

/// `GET /maintenance/bypass`
///
/// # Errors
/// Those of the database.
pub async fn list(ctx: Ctx, _: Nothing) -> Result<Reply<Tokens>> {
    Ok(Reply::ok(tokens(&ctx).await?))
}

async fn tokens(ctx: &Ctx) -> Result<Tokens> {
    Ok(Tokens { configured: ctx.app.config.maintenance.bypass_secret.is_set(), tokens: bypass::list(&ctx.app).await? })
}

fn works(token: &Bypass, page: &Page<'_>) -> bool {
    token.revoked_at.is_none() && token.expires_at > page.now
}

impl View for Tokens {
    fn title(&self) -> String {
        "Maintenance bypass".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let count = self.tokens.iter().filter(|token| works(token, page)).count();
        let sentence = match self.configured {
            true => format!(
                "{} somebody write during a maintenance.",
                format::count(i64::try_from(count).unwrap_or(i64::MAX), "token lets", "tokens let")
            ),
            false => "No secret is configured: nobody can bypass a maintenance.".to_owned(),
        };
        let new = html! {
            @if page.may::<Issue>() {
                @if self.configured { (Button::dialog("Make a token", "/maintenance/bypass/new").primary().icon("key-round")) }
                @else { (Button::link("Make a token", "/maintenance/bypass/new").icon("key-round").refused("Set maintenance.bypass_secret first")) }
            }
        };
        let content = match self.tokens.is_empty() {
            true => {
                html! { (Empty::new("key-round", "No token yet", format!("Somebody who must write during a maintenance sends one as {BYPASS_HEADER}, or as the cookie {BYPASS_COOKIE}."))) }
            }
            false => self.table(page),
        };
        html! {
            (crumbs(&[("Maintenance", "/maintenance")], "Bypass"))
            (page_head("Bypass tokens", &sentence, &new))
            (card("Bypass tokens").note("Signed, for some hours. Nothing keeps the token itself.").id("bypass-tokens").live("maintenance", None).fill(content))
        }
    }
}

impl Tokens {
    fn table(&self, page: &Page<'_>) -> Markup {
        let columns = [Column::new("For"), Column::new("State"), Column::new("Ends"), Column::new("Id").priority(Priority::Large), Column::actions()];
        let row = |token: &Bypass| {
            let state = match (token.revoked_at, token.expires_at > page.now) {
                (Some(_), _) => status_word(Tone::Off, "TAKEN BACK"),
                (None, false) => status_word(Tone::Off, "EXPIRED"),
                (None, true) => status_word(Tone::Ok, "ACTIVE"),
            };
            let revoke = html! { @if page.may::<Revoke>() && works(token, page) { (post(&format!("/maintenance/bypass/{}/revoke", token.id), &Button::submit("Take back").small())) } };
            table::row(
                false,
                &html! {
                    (table::row_name(&token.note, None, Some(&format!("by {}, {}", token.created_by_name, format::moment(token.created_at, page.now)))))
                    (table::cell_status(state))
                    (table::cell("Ends", html! { (format::time(token.expires_at, page.now)) " UTC" }))
                    (table::cell_at(Priority::Large, "Id", html! { span.mono { (token.id) } }))
                    (table::cell_actions(revoke))
                },
            )
        };
        table::table_stacking("Bypass tokens", &columns, &html! { @for token in &self.tokens { (row(token)) } })
    }
}

/// What is asked before a token is made.
pub async fn dialog(ctx: Ctx, form: Form) -> Result<Dialog> {
    let hours = if form.tried() { form.value("hours").to_owned() } else { HOURS.to_string() };
    let dialog = Dialog::of(&Issue { hours: HOURS, note: String::new() }, "Make a bypass token").icon("key-round").cancel("/maintenance/bypass");
    if !ctx.app.config.maintenance.bypass_secret.is_set() {
        return Ok(dialog.instead(
            "Nobody can bypass a maintenance: no secret is configured. Set maintenance.bypass_secret, at least 16 characters.",
            "/maintenance/bypass",
            "Show the tokens",
        ));
    }
    let fields = html! {
        (Field::text("note", "What it is for").value(form.value("note")).max_length(200).required().autofocus().placeholder("Check the checkout after the upgrade").error(form.error("note")))
        (Field::input("number", "hours", "Hours that it holds").value(hours).range("1", "24", "1").required().error(form.error("hours")))
    };
    let dialog = dialog.effect("Whoever carries it writes during every maintenance until it ends.").effect("It is shown once, right after this.");
    Ok(dialog.fields(fields).submit("Make the token").undo("You can take it back at any time."))
}

/// `POST /maintenance/bypass`: the answer is the only place where the token stands. A whole page without script, a dialog with it.
///
/// # Errors
/// As [`bypass::issue`].
pub async fn issue(ctx: Ctx, body: BypassBody) -> Result<Reply<Issued>> {
    let asked = Issue { hours: body.hours.unwrap_or(HOURS), note: body.note };
    let (done, token) = bypass::issue(&ctx.app, &ctx.actor, asked, ctx.confirmation.clone()).await?;
    // Signed again for the same id, a repeated call gives the same token: nothing was made twice.
    let issued = Issued { bypass: done.value, token: token.expose().to_owned(), header: BYPASS_HEADER, cookie: BYPASS_COOKIE };
    let reply = Reply::ok(issued).created().toast(Toast::done("Bypass token made")).recorded(done.audit_seq);
    Ok(if ctx.header("hx-request").is_some() { reply.bare() } else { reply })
}

/// A new token.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Issued {
    /// What is known of it later.
    #[serde(flatten)]
    bypass: Bypass,
    /// The token, here and nowhere else.
    token: String,
    /// Header that carries it.
    header: &'static str,
    /// Cookie that carries it.
    cookie: &'static str,
}

impl View for Issued {
    fn title(&self) -> String {
        "New bypass token".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        match page.htmx {
            true => html! { dialog.dialog id="confirm" aria-labelledby="confirm-t" aria-describedby="confirm-d" { (self.inside(page, true)) } },
            false => html! { div class="dialog dialog--static dialog--page" { (self.inside(page, false)) } },
        }
    }
}

impl Issued {
    fn inside(&self, page: &Page<'_>, modal: bool) -> Markup {
        html! {
            div.dialog__head {
                span.icon-tile data-status="ok" { (icon("key-round")) }
                div.grow {
                    @if modal { h2 id="confirm-t" { "Bypass token" } } @else { h1.h2 { "Bypass token" } }
                    p id="confirm-d" { "Copy it now: it is not shown again. It holds until " (format::moment(self.bypass.expires_at, page.now)) " UTC." }
                }
                @if modal { (ui_dialog::close()) }
            }
            div.dialog__body {
                (code::wrapped("Bypass token", &self.token))
                div.needs-js { button type="button" class="btn" data-copy=(self.token) { (icon("copy")) "Copy" } }
                p { "Send it as the header " span.mono { (self.header) } ", or set it as the cookie " span.mono { (self.cookie) } " on the application's site." }
            }
            div.dialog__foot {
                p.audit-note { "Nothing keeps it. It can be taken back." }
                @if modal { a class="btn btn--primary" href="/maintenance/bypass" data-closes { "Done" } } @else { (Button::link("Done", "/maintenance/bypass").primary()) }
            }
        }
    }
}

/// `POST /maintenance/bypass/{bypass}/revoke`
///
/// # Errors
/// As [`bypass::revoke`].
pub async fn revoke(ctx: Ctx, _: Nothing) -> Result<Reply<Tokens>> {
    let done = bypass::revoke(&ctx.app, &ctx.actor, ctx.id("bypass")?, ctx.confirmation.clone()).await?;
    Ok(Reply::ok(tokens(&ctx).await?).toast(Toast::done("Bypass token taken back")).recorded(done.audit_seq).go("/maintenance/bypass"))
}
