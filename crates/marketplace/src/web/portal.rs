//! The vendor portal: a maker's own products and orders.

use std::sync::Arc;

use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use super::Shop;
use super::fault::{Fault, Page};
use super::layout::{page, status, when};
use super::visitor::Visitor;
use crate::generate::calendar::day_bounds;
use crate::ids;
use crate::money::{dollars, parse_dollars};
use crate::store::accounts;
use crate::store::vendors::{self, Ware};

const PAGE: i64 = 30;

async fn head(shop: &Shop, visitor: &Visitor, current: &str) -> Page {
    let (user, vendor) = visitor.vendor()?;
    let (today, _) = day_bounds(ids::now(), &shop.zone);
    let week = today - 6 * 86_400_000_000;
    let figures = vendors::figures(&shop.db, vendor, week).await?;
    let news = accounts::notices(&shop.db, user.id, 4).await?;
    let tab = |path: &str, name: &str| html! { a href=(path) aria-current=[(path == current).then_some("page")] { (name) } };
    Ok(html! {
        p.eyebrow { "Vendor portal" }
        h1 { (user.store_name.as_deref().unwrap_or("My shop")) }
        dl.figures {
            div { dt { "Sold in 7 days" } dd { (dollars(figures.sold_cents)) } }
            div { dt { "Orders in 7 days" } dd { (figures.orders) } }
            div { dt { "To be made" } dd { (figures.open) } }
        }
        @if !news.is_empty() {
            ul.notices aria-label="News" {
                @for notice in &news { li { a href=(notice.link) { (notice.title) } " " span.muted { (when(notice.created_at, &shop.zone)) } } }
            }
        }
        nav.tabs aria-label="Portal" { (tab("/vendor", "Products")) (tab("/vendor/orders", "Orders")) }
    })
}

/// The products, each with its own small form.
pub async fn products(State(shop): State<Arc<Shop>>, visitor: Visitor, Query(done): Query<Saved>) -> Page {
    let (_, vendor) = visitor.vendor()?;
    let wares = vendors::wares(&shop.db, vendor).await?;
    let body = html! {
        (head(&shop, &visitor, "/vendor").await?)
        @if done.saved.is_some() { p.notice.good role="status" { "Saved." } }
        ul.wares { @for ware in &wares { li { (form(ware)) } } }
    };
    Ok(page("My products", &visitor, "", &body))
}

fn form(ware: &Ware) -> Markup {
    let margin = (ware.price_cents - ware.base_cost_cents) * 100 / ware.price_cents.max(1);
    let price = dollars(ware.price_cents);
    html! {
        form.ware method="post" action={"/vendor/products/" (ware.id)} {
            img src=(ware.image_url) alt="" width="64" height="64";
            div.what { a href={"/product/" (ware.slug)} { (ware.name) } p.maker { (ware.sku) " · margin " (margin) " %" } }
            label { "Price, $" input type="text" name="price" inputmode="decimal" value=(price.trim_start_matches('$')) required maxlength="10"; }
            label { "Stock" input type="number" name="stock" value=(ware.stock) min="0" max="100000" required; }
            label.check { input type="checkbox" name="active" value="yes" checked[ware.active]; "For sale" }
            button.button.quiet type="submit" { "Save" span.hidden { " " (ware.name) } }
        }
    }
}

/// Whether to say that something was saved.
#[derive(Debug, Deserialize)]
pub struct Saved {
    saved: Option<u8>,
}

/// One product's form.
#[derive(Debug, Deserialize)]
pub struct Edit {
    price: String,
    stock: i64,
    active: Option<String>,
}

/// Changes a product of this vendor.
pub async fn edit(State(shop): State<Arc<Shop>>, visitor: Visitor, Path(product): Path<Uuid>, Form(edit): Form<Edit>) -> Page<Response> {
    let (_, vendor) = visitor.vendor()?;
    let price = parse_dollars(&edit.price).ok_or(Fault::Invalid("A price is a number such as 12.50."))?;
    if !(0..=100_000).contains(&edit.stock) {
        return Err(Fault::Invalid("Stock is a number from 0 to 100,000."));
    }
    if !vendors::edit(&shop.db, vendor, product, price, edit.stock, edit.active.is_some(), ids::now()).await? {
        return Err(Fault::NotFound);
    }
    Ok(Redirect::to("/vendor?saved=1").into_response())
}

/// Which page of the orders.
#[derive(Debug, Deserialize)]
pub struct Leaf {
    #[serde(default)]
    page: u32,
}

/// What has to be made.
pub async fn orders(State(shop): State<Arc<Shop>>, visitor: Visitor, Query(leaf): Query<Leaf>) -> Page {
    let (_, vendor) = visitor.vendor()?;
    let at = leaf.page.min(1_000);
    let tasks = vendors::tasks(&shop.db, vendor, PAGE, i64::from(at) * PAGE).await?;
    let body = html! {
        (head(&shop, &visitor, "/vendor/orders").await?)
        div.table-wrap tabindex="0" role="region" aria-label="Orders" {
            table {
                thead { tr {
                    th scope="col" { "Order" } th scope="col" { "Placed" } th scope="col" { "For" } th scope="col" { "What" }
                    th.num scope="col" { "Sold" } th scope="col" { "Status" } th scope="col" { span.hidden { "Action" } }
                } }
                tbody {
                    @for task in &tasks {
                        tr {
                            td { (task.order_number) }
                            td { (when(task.created_at, &shop.zone)) }
                            td { (task.customer_name) }
                            td { (task.quantity) " × " (task.name) }
                            td.num { (dollars(task.total_cents)) }
                            td { (status(&task.status)) }
                            td { @if matches!(task.status.as_str(), "PAID" | "CONFIRMED" | "PREPARING" | "IN_PRODUCTION") {
                                form method="post" action={"/vendor/items/" (task.id) "/done"} {
                                    button.button.quiet type="submit" { "Made" span.hidden { ": " (task.name) " of " (task.order_number) } }
                                }
                            } }
                        }
                    }
                }
            }
        }
        nav.pager aria-label="Pages" {
            @if at > 0 { a.button.quiet href={"/vendor/orders?page=" (at - 1)} { "Newer" } }
            @if i64::try_from(tasks.len()).unwrap_or(0) == PAGE { a.button.quiet href={"/vendor/orders?page=" (at + 1)} { "Older" } }
        }
    };
    Ok(page("My orders", &visitor, "", &body))
}

/// Marks a line as made.
pub async fn done(State(shop): State<Arc<Shop>>, visitor: Visitor, Path(item): Path<Uuid>) -> Page<Response> {
    let (_, vendor) = visitor.vendor()?;
    if !vendors::done(&shop.db, vendor, item, ids::now()).await? {
        return Err(Fault::NotFound);
    }
    Ok(Redirect::to("/vendor/orders").into_response())
}
