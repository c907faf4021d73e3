//! The sign-in page, the page of a one-time link, and signing out. All of them are plain forms that work without script.

use axum::http::StatusCode;
use maud::{Markup, html};
use qd_core::gate::Access;
use qd_core::secret::Secret;
use qd_core::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Opened, SignIn, Ticket, cookie, no_cookies, redeem, sign_in, sign_out, ticket};
use crate::ui::field::Field;
use crate::ui::{Button, format, icon, layout};
use crate::web::{Ctx, Nothing, Page, Place, Reply, Routes, View};

/// The routes of this feature.
pub fn routes(routes: Routes) -> Routes {
    routes
        .page_at(Place::new("/login", "/session"), Access::Anyone, "The sign-in page; as JSON, who is signed in", show)
        .form(Place::new("/login", "/session"), Access::Anyone, "Sign in by password", post)
        .page_at(Place::new("/login/ticket", "/session/ticket"), Access::Anyone, "The state of a one-time sign-in link", show_ticket)
        .form(Place::new("/login/ticket", "/session/ticket"), Access::Anyone, "Sign in by a one-time link", post_ticket)
        .form(Place::new("/logout", "/session/end"), Access::Anyone, "Sign out", post_out)
}

#[derive(Debug, Default, Deserialize, ToSchema)]
struct Where {
    /// Path to go to afterwards.
    next: Option<String>,
}

#[derive(Deserialize, ToSchema)]
struct Login {
    /// Email.
    #[serde(default)]
    email: String,
    /// Password.
    #[serde(default)]
    #[schema(value_type = String, format = Password)]
    password: Secret,
    /// Path to go to afterwards.
    next: Option<String>,
}

/// Who is signed in; for people, the sign-in page.
#[derive(Debug, Default, Serialize, ToSchema)]
struct LoginPage {
    /// Name of whoever is signed in.
    name: Option<String>,
    /// Their role.
    role: Option<&'static str>,
    #[serde(skip)]
    next: Option<String>,
    #[serde(skip)]
    email: String,
    /// What was refused, and what to do.
    #[serde(skip)]
    refusal: Option<(String, String)>,
}

impl LoginPage {
    fn of(ctx: &Ctx, next: Option<String>) -> Self {
        let (name, role) = (ctx.actor.role().map(|_| ctx.actor.name().to_owned()), ctx.actor.role().map(|role| role.word()));
        Self { name, role, next, ..Self::default() }
    }
}

impl View for LoginPage {
    fn title(&self) -> String {
        "Sign in".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let email = Field::input("email", "email", "Email").autocomplete("username").value(&self.email).required();
        let password = Field::input("password", "password", "Password").autocomplete("current-password").required();
        // After a refusal the email stands there already.
        let (email, password) = if self.email.is_empty() { (email.autofocus(), password) } else { (email, password.autofocus()) };
        let form = html! {
            form.stack method="post" action="/login" aria-label="Sign in" {
                @if let Some((title, text)) = &self.refusal { (refusal(title, text)) }
                @if let Some(name) = &self.name { p.small { "You are signed in as " (name) ". " a href="/" { "Go on" } ", or sign in as somebody else." } }
                @if let Some(next) = &self.next { input type="hidden" name="next" value=(next); }
                (email) (password)
                button type="submit" class="btn btn--primary btn--tall" { "Sign in" }
                p class="small quiet" { "Sign-ins are written to the audit log. Forgot it? Ask a SUPER_ADMIN for a one-time link, or run " code { "quarterdeck admin link" } " on the server." }
            }
        };
        frame(page, &form)
    }
}

fn frame(page: &Page<'_>, form: &Markup) -> Markup {
    let config = &page.app.config;
    layout::sign_in(&config.platform.name, &format!("Operations, {}.", config.server.environment), form)
}

fn refusal(title: &str, text: &str) -> Markup {
    html! {
        div class="banner banner--bare" data-status="crit" role="alert" {
            (icon("octagon-x")) div.banner__text { strong { (title) } @if !text.is_empty() { p { (text) } } }
        }
    }
}

async fn show(ctx: Ctx, asked: Where) -> Result<Reply<LoginPage>> {
    Ok(Reply::ok(LoginPage::of(&ctx, local(asked.next))).bare())
}

async fn post(ctx: Ctx, given: Login) -> Result<Reply<LoginPage>> {
    let next = local(given.next);
    let wrong = "Email or password is wrong.";
    let pause = ctx.app.config.security.login_pause_minutes;
    let (status, title, text) = match sign_in(&ctx.app, &ctx.actor, &given.email, given.password).await? {
        SignIn::Opened(opened) => {
            let page = LoginPage { name: Some(opened.name.clone()), role: Some(opened.role.word()), ..LoginPage::default() };
            return Ok(welcome(&ctx, page, &opened, next));
        }
        SignIn::Wrong { .. } if ctx.wants_json() => return Err(Error::Unauthenticated(wrong.into())),
        SignIn::Paused { seconds } if ctx.wants_json() => return Err(Error::Limited { retry_after: seconds }),
        SignIn::Wrong { left: 0 } => (StatusCode::UNAUTHORIZED, wrong, format!("That was the last try. Sign-in is paused for {pause} min.")),
        SignIn::Wrong { left } => {
            let tries = format::count(i64::from(left), "try", "tries");
            (StatusCode::UNAUTHORIZED, wrong, format!("{tries} left before a {pause} min pause."))
        }
        SignIn::Paused { seconds } => {
            let wait = format::duration(i64::try_from(seconds.div_ceil(60) * 60).unwrap_or(i64::MAX));
            (StatusCode::TOO_MANY_REQUESTS, "Sign-in is paused.", format!("Too many wrong passwords. Try again in {wait}."))
        }
    };
    let page = LoginPage { email: given.email, refusal: Some((title.into(), text)), ..LoginPage::of(&ctx, next) };
    Ok(Reply::ok(page).refused(status).bare())
}

/// Sets the cookie and leads on.
fn welcome<V>(ctx: &Ctx, page: V, opened: &Opened, next: Option<String>) -> Reply<V> {
    let cookie = cookie(&opened.cookie, ctx.secure(), opened.seconds);
    Reply::ok(page).set_cookie(cookie).go(next.unwrap_or_else(|| "/".into()))
}

#[derive(Deserialize, ToSchema)]
struct TicketForm {
    /// The ticket of the link.
    #[serde(default)]
    #[schema(value_type = String)]
    t: Secret,
    /// Path to go to afterwards.
    next: Option<String>,
}

/// Whether a one-time link still works.
#[derive(Debug, Serialize, ToSchema)]
struct TicketPage {
    /// Until when; none when it was used, has ended or never was.
    until: Option<Timestamp>,
    #[serde(skip)]
    ticket: Secret,
    #[serde(skip)]
    next: Option<String>,
}

impl View for TicketPage {
    fn title(&self) -> String {
        "Sign in".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        let form = match self.until {
            // The only place where the ticket is written: a hidden field of the form that uses it up.
            Some(until) => html! {
                form.stack method="post" action="/login/ticket" aria-label="Sign in" {
                    input type="hidden" name="t" value=(self.ticket.expose());
                    @if let Some(next) = &self.next { input type="hidden" name="next" value=(next); }
                    p { "This link signs you in once, until " (format::time(until, page.now)) " UTC." }
                    button type="submit" class="btn btn--primary btn--tall" autofocus { "Sign in" }
                }
            },
            None => html! {
                div.stack {
                    (refusal("This link does not work any more.", "It was used, or its time is over. Ask for a new one, or sign in with your password."))
                    (Button::link("Sign in with a password", "/login"))
                }
            },
        };
        frame(page, &form)
    }
}

async fn show_ticket(ctx: Ctx, given: TicketForm) -> Result<Reply<TicketPage>> {
    let until = match ticket(&ctx.app, &given.t).await? {
        Ticket::Open { until } => Some(until),
        Ticket::Gone => None,
    };
    Ok(Reply::ok(TicketPage { until, ticket: given.t, next: local(given.next) }).bare())
}

async fn post_ticket(ctx: Ctx, given: TicketForm) -> Result<Reply<TicketPage>> {
    let page = TicketPage { until: None, ticket: Secret::default(), next: None };
    match redeem(&ctx.app, &ctx.actor, &given.t).await {
        Ok(opened) => Ok(welcome(&ctx, page, &opened, local(given.next))),
        Err(Error::Unauthenticated(_)) if !ctx.wants_json() => Ok(Reply::ok(page).refused(StatusCode::UNAUTHORIZED).bare()),
        Err(other) => Err(other),
    }
}

/// Signed out.
#[derive(Debug, Serialize, ToSchema)]
struct SignedOut {}

impl View for SignedOut {
    fn title(&self) -> String {
        "Signed out".into()
    }

    fn body(&self, page: &Page<'_>) -> Markup {
        frame(page, &html! { p { "You are signed out." } (Button::link("Sign in", "/login")) })
    }
}

async fn post_out(ctx: Ctx, _: Nothing) -> Result<Reply<SignedOut>> {
    sign_out(&ctx.app, &ctx.actor).await?;
    let reply = Reply::ok(SignedOut {}).no_content().go("/login");
    Ok(no_cookies().into_iter().fold(reply, Reply::set_cookie))
}

/// A path of ours, or nothing: nobody may be sent elsewhere by a crafted link.
fn local(next: Option<String>) -> Option<String> {
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '\\';
    next.filter(|path| path.starts_with('/') && !path.starts_with("//") && path.len() <= 1_000 && path.chars().all(plain))
        .filter(|path| !path.starts_with("/login") && !path.starts_with("/logout"))
}

#[cfg(test)]
mod tests {
    use super::local;

    #[test]
    fn only_our_own_paths_are_followed() {
        for good in ["/", "/incidents?tab=open", "/queues/email#failed"] {
            assert_eq!(local(Some(good.into())).as_deref(), Some(good));
        }
        for bad in [
            "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/\t/evil.example", "/\n/x", "", "x", "/login?next=/",
        ] {
            assert_eq!(local(Some(bad.into())), None, "{bad}");
        }
    }
}
