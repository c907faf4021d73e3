//! API tokens: what machines send and read with.

use maud::{Markup, html};
use qd_core::{Result, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::reveal::Reveal;
use super::tab_line;
use crate::features::identity::token::{self, CreateToken, DAYS, RevokeToken, SCOPES, Token};
use crate::ui::field::{self, Field};
use crate::ui::table::{self, Column, Priority};
use crate::ui::{Button, Tone, badge::mono, card, code, empty::Empty, format, page_head, status};
use crate::web::{Ctx, Dialog, Form, Nothing, Page, Reply, Toast, View};

/// Tokens, without their secrets.
#[derive(Debug, Serialize, ToSchema)]
pub struct Tokens {
    /// The newest first, at most 200.
    tokens: Vec<Token>,
}

pub async fn list(ctx: Ctx, _: Nothing) -> Result<Reply<Tokens>> {
    Ok(Reply::ok(Tokens { tokens: token::list(&ctx.app).await? }))
}

fn works(token: &Token, now: Timestamp) -> bool {
    token.revoked_at.is_none() && token.expires_at > now
}

fn state(token: &Token, now: Timestamp) -> Markup {
    /// Days before the end from which on it is told.
    const SOON: i64 = 14;
    match (token.revoked_at, token.expires_at.since(now)) {
        (Some(_), _) => status::status_word(Tone::Off, "REVOKED"),
        (None, ..=0) => status::status_word(Tone::Off, "EXPIRED"),
        (None, left) if left < SOON * 86_400 => status::status_word(Tone::Warn, "ENDS SOON"),
        (None, _) => status::status_word(Tone::Ok, "ACTIVE"),
    }
}

impl View for Tokens {
    fn title(&self) -> String {
        "API tokens".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let active = self.tokens.iter().filter(|token| works(token, page.now)).count();
        let sentence = format!("{} may send or read.", format::count(i64::try_from(active).unwrap_or(i64::MAX), "token", "tokens"));
        let new = html! { @if page.may::<CreateToken>() { (Button::dialog("Create token", "/settings/tokens/new").primary().icon("plus")) } };
        let content = match self.tokens.is_empty() {
            true => {
                html! { (Empty::new("key-round", "No token yet", "Applications send traces and logs with one, and a scraper reads Quarterdeck's metrics.")) }
            }
            false => self.table(page),
        };
        html! {
            (page_head("Settings", &sentence, &new))
            (tab_line(page, "/settings/tokens"))
            (card("API tokens").note("Sent as Authorization: Bearer. Shown once, stored as a hash.").fill(content))
        }
    }
}

impl Tokens {
    fn table(&self, page: &Page<'_>) -> Markup {
        let columns = [
            Column::new("Name"),
            Column::new("State"),
            Column::new("May").priority(Priority::Medium),
            Column::new("Token").priority(Priority::Large),
            Column::new("Last used"),
            Column::new("Ends").priority(Priority::Medium),
            Column::actions(),
        ];
        let row = |token: &Token| {
            let used = html! { @match token.last_used_at { Some(at) => (format::time_ago(at, page.now)), None => "never" } };
            let revoke = html! {
                @if page.may::<RevokeToken>() && works(token, page.now) { (Button::dialog("Revoke…", format!("/settings/tokens/{}/revoke", token.id)).risk().small()) }
            };
            let cells = html! {
                (table::row_name(&token.name, None, Some(&format!("by {}, {}", token.created_by_name, format::day(token.created_at)))))
                (table::cell_status(state(token, page.now)))
                (table::cell_at(Priority::Medium, "May", html! { @for scope in &token.scopes { (mono(scope)) " " } }))
                (table::cell_at(Priority::Large, "Token", code::mask(&format!("qd_••••{}", token.hint))))
                (table::cell("Last used", used))
                (table::cell_at(Priority::Medium, "Ends", format::time(token.expires_at, page.now)))
                (table::cell_actions(revoke))
            };
            table::row(false, &cells)
        };
        table::table_stacking("API tokens", &columns, &html! { @for token in &self.tokens { (row(token)) } })
    }
}

#[derive(Debug, Deserialize, ToSchema)]
pub struct NewToken {
    /// What it is for.
    name: String,
    /// What it may do: ingest, flags:read, instances:write, deploys:write, metrics:read.
    #[serde(default)]
    scopes: Vec<String>,
    /// Days until it ends, 1 to 365; 365 if not given.
    days: Option<i64>,
}

pub async fn create_dialog(_: Ctx, form: Form) -> Result<Dialog> {
    let days = if form.tried() { form.value("days").to_owned() } else { DAYS.to_string() };
    let checked = |scope: &str| form.values("scopes").any(|given| given == scope);
    let fields = html! {
        (Field::text("name", "Name").value(form.value("name")).error(form.error("name")).placeholder("shop, production").max_length(100).required().autofocus())
        fieldset.field {
            legend.field__label { "It may" }
            @for (scope, meaning) in SCOPES { (field::check("scopes", scope, &format!("{scope}: {meaning}"), checked(scope))) }
            @if let Some(text) = form.error("scopes") { (field::error("scopes", text)) }
        }
        (Field::input("number", "days", "Days until it ends").value(days).error(form.error("days")).range("1", DAYS.to_string(), "1").required())
    };
    let action = CreateToken { name: String::new(), scopes: Vec::new(), days: DAYS };
    let dialog = Dialog::of(&action, "Create token").icon("key-round").fields(fields).cancel("/settings/tokens");
    Ok(dialog.effect("The token is shown once, right after this.").undo("It can be revoked at any time."))
}

pub async fn create(ctx: Ctx, given: NewToken) -> Result<Reply<Minted>> {
    let action = CreateToken { name: given.name, scopes: given.scopes, days: given.days.unwrap_or(DAYS) };
    let minted = token::create(&ctx.app, &ctx.actor, action, ctx.confirmation.clone()).await?;
    let value = Minted { token: minted.token, secret: minted.secret.map(|secret| secret.expose().to_owned()) };
    let reply = Reply::ok(value).created().toast(Toast::done("Token created")).recorded(minted.audit_seq);
    Ok(if ctx.header("hx-request").is_some() { reply.bare() } else { reply })
}

/// A new token and its secret.
#[derive(Serialize, ToSchema)]
pub struct Minted {
    /// The token.
    token: Token,
    /// The secret, here and nowhere else; none when an earlier call with the same idempotency key showed it.
    secret: Option<String>,
}

impl View for Minted {
    fn title(&self) -> String {
        "New token".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let title = format!("Token for {}", self.token.name);
        let lead = "Copy it now: it is not shown again.";
        Reveal { title: &title, lead, secret: self.secret.as_deref(), back: "/settings/tokens" }.draw(page)
    }
}

pub async fn revoke_dialog(ctx: Ctx, _: Form) -> Result<Dialog> {
    let token = token::get(&ctx.app, ctx.id("token")?).await?;
    let dialog = Dialog::of(&RevokeToken { token: token.id }, format!("Revoke {}", token.name)).icon("ban").submit("Revoke the token");
    let used = token.last_used_at.map_or_else(|| "never".to_owned(), |at| format::age(at, ctx.now));
    let dialog = dialog.lead(format!("qd_••••{}, last used {used}.", token.hint));
    let dialog = dialog.effect(format!("Requests with it are refused at once: {}.", token.scopes.join(", ")));
    let dialog = dialog.cancel("/settings/tokens").undo("This cannot be undone. Make a new one instead.");
    Ok(match token.revoked_at {
        Some(at) => dialog.instead(format!("{} was revoked {}.", token.name, format::age(at, ctx.now)), "/settings/tokens", "Show the tokens"),
        None => dialog,
    })
}

pub async fn revoke(ctx: Ctx, _: Nothing) -> Result<Reply<Tokens>> {
    let done = token::revoke(&ctx.app, &ctx.actor, RevokeToken { token: ctx.id("token")? }, ctx.confirmation.clone()).await?;
    let reply = Reply::ok(Tokens { tokens: token::list(&ctx.app).await? });
    Ok(reply.toast(Toast::done(format!("{} revoked", done.value.name))).recorded(done.audit_seq).go("/settings/tokens"))
}
