//! The checkout's page: what it costs, one button, and what to do when something changed meanwhile.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use super::basket::{lines, problem, subtotal};
use super::fault::{Fault, Page};
use super::layout::page;
use super::visitor::Visitor;
use super::{Shop, cookies};
use crate::checkout::{self, Basket, Refusal};
use crate::ids;
use crate::money::{Totals, dollars, totals};
use crate::scenario::{Scenario, regression};
use crate::store::clicks::Click;

/// The sums of a cart or an order.
pub fn sums(sums: &Totals) -> Markup {
    html! {
        dl.sums {
            dt { "Subtotal" } dd { (dollars(sums.subtotal)) }
            dt { "Shipping" } dd { @if sums.shipping == 0 { "Free" } @else { (dollars(sums.shipping)) } }
            dt { "Tax" } dd { (dollars(sums.tax)) }
            dt.total { "Total" } dd.total { (dollars(sums.total)) }
        }
    }
}

/// The page.
pub async fn form(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Page<Response> {
    let user = visitor.signed_in("/checkout")?;
    if visitor.cart.0.is_empty() {
        return Ok(Redirect::to("/cart").into_response());
    }
    for (product, _) in lines(&shop, &visitor.cart).await? {
        shop.click(Click {
            id: ids::new(),
            vendor: product.vendor_profile_id,
            user: Some(user.id),
            product: Some(product.id),
            order: None,
            kind: "checkout_start".into(),
            at: ids::now(),
        });
    }
    Ok(render(&shop, &visitor, None).await?.into_response())
}

async fn render(shop: &Shop, visitor: &Visitor, notice: Option<&str>) -> Page {
    let user = visitor.signed_in("/checkout")?;
    let lines = lines(shop, &visitor.cart).await?;
    let sums_of = totals(subtotal(&lines), user.zip());
    let ready = !lines.is_empty() && lines.iter().all(|(product, count)| problem(product, *count).is_none());
    let body = html! {
        h1 { "Check out" }
        @if let Some(notice) = notice { p.notice role="alert" { (notice) } }
        div.with-side {
            div {
                h2 { "To" }
                address { b { (user.name) } br; (user.email) br; "Zip code " (user.zip()) }
                h2 { "What" }
                ul.plain {
                    @for (product, count) in &lines {
                        li {
                            (count) " × " (product.name) " " span.muted { "from " (product.store_name) }
                            @if let Some(problem) = problem(product, *count) { " " span.note.out { (problem) } }
                        }
                    }
                }
            }
            aside.summary aria-label="Summary" {
                (sums(&sums_of))
                @if ready {
                    form method="post" action="/checkout" {
                        input type="hidden" name="key" value=(ids::new());
                        input type="hidden" name="total" value=(sums_of.total);
                        button.button.wide type="submit" { "Place order for " (dollars(sums_of.total)) }
                    }
                    p.muted { "This is a demonstration: nothing is charged." }
                } @else { p { a.button.wide href="/cart" { "Back to the cart" } } }
            }
        }
    };
    Ok(page("Check out", visitor, "", &body))
}

/// What the form sends.
#[derive(Debug, Deserialize)]
pub struct Order {
    key: Uuid,
    /// The total that the customer saw, in cents.
    total: i64,
}

/// Places the order.
pub async fn place(State(shop): State<Arc<Shop>>, visitor: Visitor, Form(order): Form<Order>) -> Page<Response> {
    let user = visitor.signed_in("/checkout")?;
    if shop.switch.is(Scenario::DeployRegression) {
        regression::tax_region(user.zip()).map_err(Fault::Broken)?;
    }
    let basket = Basket { key: order.key, lines: visitor.cart.0.clone(), agreed: order.total };
    match checkout::place(&shop.db, user, basket).await {
        Ok(number) => {
            let empty = cookies::write(cookies::CART, "", 0);
            Ok(([empty], Redirect::to(&format!("/orders/{number}"))).into_response())
        }
        Err(Refusal::Empty) => Ok(Redirect::to("/cart").into_response()),
        Err(Refusal::SoldOut(_)) => again(&shop, &visitor, "Somebody was faster: not everything is there any more.").await,
        Err(Refusal::PriceChanged) => again(&shop, &visitor, "A price changed meanwhile. Please look at the new total.").await,
        Err(Refusal::Database(error)) => Err(error.into()),
    }
}

async fn again(shop: &Shop, visitor: &Visitor, notice: &str) -> Page<Response> {
    Ok((StatusCode::CONFLICT, render(shop, visitor, Some(notice)).await?).into_response())
}
