//! The cart's page.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use super::cart::{Cart, MAX_QUANTITY};
use super::fault::{Fault, Page};
use super::layout::page;
use super::visitor::Visitor;
use super::{Shop, cookies};
use crate::ids;
use crate::money::{dollars, totals};
use crate::store::clicks::Click;
use crate::store::shelf::{self, Product};

/// The cart's lines with what the shelf says now.
pub async fn lines(shop: &Shop, cart: &Cart) -> Page<Vec<(Product, i64)>> {
    if cart.0.is_empty() {
        return Ok(Vec::new());
    }
    let products = shelf::by_ids(&shop.db, &cart.ids()).await?;
    let mut lines: Vec<_> = products.into_iter().map(|product| (cart.count(product.id), product)).map(|(n, p)| (p, n)).collect();
    lines.sort_by_key(|(product, _)| cart.0.iter().position(|(id, _)| *id == product.id));
    Ok(lines)
}

/// What the lines cost.
pub fn subtotal(lines: &[(Product, i64)]) -> i64 {
    lines.iter().map(|(product, count)| product.price_cents * count).sum()
}

/// Why a line cannot be bought as it is.
pub fn problem(product: &Product, count: i64) -> Option<String> {
    match product.stock {
        _ if !product.active => Some("Not for sale any more: please take it out.".to_owned()),
        0 => Some("Sold out: please take it out.".to_owned()),
        left if left < count => Some(format!("Only {left} left.")),
        _ => None,
    }
}

/// The page.
pub async fn show(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Page {
    let lines = lines(&shop, &visitor.cart).await?;
    let zip = visitor.user.as_ref().map_or("12508", |user| user.zip());
    let sums = totals(subtotal(&lines), zip);
    let ready = lines.iter().all(|(product, count)| problem(product, *count).is_none());
    let body = html! {
        h1 { "Your cart" }
        @if lines.is_empty() {
            p.lead { "Nothing in it yet." }
            p { a.button href="/" { "Look around" } }
        } @else {
            div.with-side {
                ul.lines {
                    @for (product, count) in &lines {
                        (row(product, *count))
                    }
                }
                aside.summary aria-label="Summary" {
                    (super::cashier::sums(&sums))
                    @if ready { a.button.wide href="/checkout" { "Check out" } }
                    @else { p.note.out { "Please mend the lines above first." } }
                }
            }
        }
    };
    Ok(page("Cart", &visitor, "", &body))
}

fn row(product: &Product, count: i64) -> Markup {
    html! {
        li.line {
            img src=(product.image_url) alt="" width="88" height="88";
            div.what {
                a href={"/product/" (product.slug)} { (product.name) }
                p.maker { (product.store_name) " · " (dollars(product.price_cents)) " each" }
                @if let Some(problem) = problem(product, count) { p.note.out { (problem) } }
            }
            form.quantity method="post" action="/cart/update" {
                input type="hidden" name="product" value=(product.id);
                label.hidden for={"q-" (product.slug)} { "Quantity of " (product.name) }
                input id={"q-" (product.slug)} type="number" name="quantity" value=(count) min="0" max=(MAX_QUANTITY) required;
                button.button.quiet type="submit" { "Update" }
            }
            b.price { (dollars(product.price_cents * count)) }
        }
    }
}

/// One line of the cart, as forms send it.
#[derive(Debug, Deserialize)]
pub struct Line {
    product: Uuid,
    quantity: i64,
}

/// Puts something in.
pub async fn add(State(shop): State<Arc<Shop>>, mut visitor: Visitor, Form(line): Form<Line>) -> Page<Response> {
    let product = shelf::by_id(&shop.db, line.product).await?.ok_or(Fault::NotFound)?;
    if !visitor.cart.add(product.id, line.quantity) {
        return Err(Fault::Invalid("The cart holds twenty different things at most."));
    }
    shop.click(Click {
        id: ids::new(),
        vendor: product.vendor_profile_id,
        user: visitor.user.as_ref().map(|user| user.id),
        product: Some(product.id),
        order: None,
        kind: "add_to_cart".into(),
        at: ids::now(),
    });
    Ok(keep(&visitor.cart))
}

/// Changes how many, or takes it out.
pub async fn update(mut visitor: Visitor, Form(line): Form<Line>) -> Response {
    visitor.cart.set(line.product, line.quantity);
    keep(&visitor.cart)
}

fn keep(cart: &Cart) -> Response {
    ([cookies::write(cookies::CART, &cart.write(), cookies::MONTH)], Redirect::to("/cart")).into_response()
}
