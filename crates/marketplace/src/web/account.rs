//! Signing in with one click, and a customer's orders.

use std::sync::Arc;

use axum::extract::{Form, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::cashier::sums;
use super::fault::{Fault, Page};
use super::layout::{page, status, when};
use super::visitor::{Visitor, hash, token};
use super::{Shop, cookies};
use crate::ids;
use crate::money::{Totals, dollars};
use crate::store::accounts::{self, User};
use crate::store::orders;

/// Where to go on. Only known places: a link must not lead elsewhere through us.
#[derive(Debug, Default, Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
    /// Which three accounts to offer.
    #[serde(default)]
    turn: u8,
}

impl Next {
    fn path(&self) -> &'static str {
        ["/checkout", "/vendor", "/orders", "/cart"].into_iter().find(|known| *known == self.next).unwrap_or("/")
    }
}

/// The demo accounts.
pub async fn sign_in(State(shop): State<Arc<Shop>>, visitor: Visitor, Query(next): Query<Next>) -> Page {
    let customers = accounts::demo(&shop.db, "CUSTOMER", 3, i64::from(next.turn) * 3).await?;
    let vendors = accounts::demo(&shop.db, "VENDOR", 3, i64::from(next.turn % 12) * 3).await?;
    let body = html! {
        h1 { "Sign in" }
        p.lead { "This market is a demonstration. Choose who you are; there are no passwords." }
        div.two {
            (choices("Customers", "who buy", &customers, next.path()))
            (choices("Vendors", "who sell", &vendors, if next.path() == "/" { "/vendor" } else { next.path() }))
        }
        p { a href={"/sign-in?next=" (next.path()) "&turn=" (next.turn.wrapping_add(1) % 60)} { "Offer me other people" } }
    };
    Ok(page("Sign in", &visitor, "", &body))
}

fn choices(title: &str, line: &str, users: &[User], next: &str) -> Markup {
    html! {
        section.choices aria-label=(title) {
            h2 { (title) " " span.muted { (line) } }
            @for user in users {
                form method="post" action="/sign-in" {
                    input type="hidden" name="account" value=(user.email);
                    input type="hidden" name="next" value=(next);
                    button.person type="submit" {
                        b { (user.name) }
                        span { (user.store_name.as_deref().unwrap_or("Customer")) }
                    }
                }
            }
        }
    }
}

/// Who wants in.
#[derive(Debug, Deserialize)]
pub struct Account {
    account: String,
    #[serde(default)]
    next: String,
}

/// Signs in as a demo account.
pub async fn enter(State(shop): State<Arc<Shop>>, headers: HeaderMap, Form(form): Form<Account>) -> Page<Response> {
    let user = accounts::by_email(&shop.db, &form.account).await?.ok_or(Fault::Invalid("There is no such demo account."))?;
    if let Some(old) = cookies::read(&headers, cookies::SESSION) {
        accounts::close(&shop.db, hash(old)).await?;
    }
    let (token, now) = (token(), ids::now());
    accounts::open(&shop.db, hash(&token), user.id, now, now + cookies::MONTH * 1_000_000).await?;
    let next = Next { next: form.next, turn: 0 };
    Ok(([cookies::write(cookies::SESSION, &token, cookies::MONTH)], Redirect::to(next.path())).into_response())
}

/// Signs out.
pub async fn leave(State(shop): State<Arc<Shop>>, headers: HeaderMap) -> Page<Response> {
    if let Some(token) = cookies::read(&headers, cookies::SESSION) {
        accounts::close(&shop.db, hash(token)).await?;
    }
    Ok(([cookies::write(cookies::SESSION, "", 0)], Redirect::to("/")).into_response())
}

/// A customer's orders and what they are told.
pub async fn orders(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Page {
    let user = visitor.signed_in("/orders")?;
    let orders = orders::of_user(&shop.db, user.id, 20).await?;
    let notices = accounts::notices(&shop.db, user.id, 5).await?;
    let body = html! {
        h1 { "Your orders" }
        @if !notices.is_empty() {
            ul.notices aria-label="News" {
                @for notice in &notices { li { a href=(notice.link) { (notice.title) } " " span.muted { (when(notice.created_at, &shop.zone)) } } }
            }
        }
        @if orders.is_empty() { p.lead { "None yet." } }
        @else {
            div.table-wrap tabindex="0" role="region" aria-label="Orders" {
                table {
                    thead { tr { th scope="col" { "Order" } th scope="col" { "Placed" } th scope="col" { "Status" } th.num scope="col" { "Total" } } }
                    tbody {
                        @for order in &orders {
                            tr {
                                td { a href={"/orders/" (order.order_number)} { (order.order_number) } }
                                td { (when(order.created_at, &shop.zone)) }
                                td { (status(&order.status)) }
                                td.num { (dollars(order.total_cents)) }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(page("Orders", &visitor, "", &body))
}

/// One order; only its customer sees it.
pub async fn order(State(shop): State<Arc<Shop>>, visitor: Visitor, Path(number): Path<String>) -> Page {
    let user = visitor.signed_in("/orders")?;
    let order = orders::by_number(&shop.db, &number).await?.filter(|order| order.user_id == user.id).ok_or(Fault::NotFound)?;
    let items = orders::items(&shop.db, order.id).await?;
    let fresh = ids::now() - order.created_at < 600_000_000;
    let totals = Totals { subtotal: order.subtotal_cents, tax: order.tax_cents, shipping: order.shipping_cents, total: order.total_cents };
    let body = html! {
        @if fresh { p.eyebrow { "Thank you, " (user.short()) "!" } }
        h1 { "Order " (order.order_number) }
        p { (status(&order.status)) " " span.muted { "placed " (when(order.created_at, &shop.zone)) } }
        @if fresh { p.lead { "The makers have been told, and a letter is on its way to " (order.customer_email) "." } }
        div.with-side {
            ul.lines {
                @for item in &items {
                    li.line {
                        img src=(item.image_url) alt="" width="88" height="88";
                        div.what {
                            a href={"/product/" (item.slug)} { (item.name) }
                            p.maker { (item.store_name) " · " (item.quantity) " × " (dollars(item.unit_price_cents)) }
                            (status(&item.status))
                        }
                        b.price { (dollars(item.total_cents)) }
                    }
                }
            }
            aside.summary aria-label="Summary" { (sums(&totals)) p { a.button.quiet.wide href="/orders" { "All orders" } } }
        }
    };
    Ok(page(&format!("Order {}", order.order_number), &visitor, "", &body))
}
