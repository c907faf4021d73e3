//! Looking around: home, search, departments, shops, products.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use maud::{Markup, html};
use serde::Deserialize;

use super::fault::{Fault, Page};
use super::layout::{grid, page, stars};
use super::visitor::Visitor;
use super::{Shop, cart};
use crate::catalog;
use crate::ids;
use crate::money::{FREE_SHIPPING_FROM, dollars, thousands};
use crate::scenario::{Scenario, regression, slow};
use crate::store::clicks::Click;
use crate::store::shelf::{self, Product, Sort};

const PAGE: i64 = 24;

/// In `db-slow`, departments show how busy the market is: a feature that nobody measured.
async fn busiest(shop: &Shop) -> Page {
    if !shop.switch.is(Scenario::DbSlow) {
        return Ok(html! {});
    }
    let minutes = slow::evening_minutes(&shop.db, ids::now()).await?;
    let minutes = thousands(u64::try_from(minutes).unwrap_or(0));
    Ok(html! { p.muted { "Chosen from " (minutes) " evening minutes of shopping." } })
}

/// How a list is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Listing {
    #[serde(default)]
    q: String,
    /// Department to look into; empty or unknown: everywhere.
    #[serde(default, rename = "in")]
    department: String,
    #[serde(default)]
    sort: Sort,
    #[serde(default)]
    page: u32,
}

/// One department.
pub async fn category(State(shop): State<Arc<Shop>>, visitor: Visitor, Path(slug): Path<String>, Query(ask): Query<Listing>) -> Page {
    let category = catalog::category(&slug).ok_or(Fault::NotFound)?;
    let at = ask.page.min(500);
    let (products, count) = shelf::list(&shop.db, category.slug, "", ask.sort, PAGE, i64::from(at) * PAGE).await?;
    let busy = busiest(&shop).await?;
    let link = |sort: Sort, page: u32| format!("/category/{slug}?sort={}&page={page}", sort.word());
    let body = html! {
        header.list-head { div { h1 { (category.name) } p.lead { (category.line) } } (sorting(ask.sort, |sort| link(sort, 0))) }
        (grid(&products))
        (pager(count, at, |page| link(ask.sort, page)))
        (busy)
    };
    Ok(page(category.name, &visitor, "", &body))
}

/// What matches some words.
pub async fn search(State(shop): State<Arc<Shop>>, visitor: Visitor, Query(ask): Query<Listing>) -> Page {
    let words: String = ask.q.chars().filter(|c| !c.is_control()).take(80).collect();
    let at = ask.page.min(500);
    let within = catalog::category(&ask.department);
    let department = within.map_or("", |category| category.slug);
    let (products, count) = shelf::list(&shop.db, department, &words, ask.sort, PAGE, i64::from(at) * PAGE).await?;
    let encoded = serde_urlencoded::to_string([("q", words.as_str()), ("in", department)]).unwrap_or_default();
    let link = |sort: Sort, page: u32| format!("/search?{encoded}&sort={}&page={page}", sort.word());
    let body = html! {
        header.list-head {
            div { h1 { @if words.trim().is_empty() { "Everything" } @else { "“" (words) "”" } } p.lead { (count) " found" @if let Some(category) = within { " in " (category.name) } } }
            (sorting(ask.sort, |sort| link(sort, 0)))
        }
        @if products.is_empty() {
            p { "Nothing by that name. Try one word, such as " a href="/search?q=honey" { "honey" } " or " a href="/search?q=gift" { "gift" } "." }
        }
        (grid(&products))
        (pager(count, at, |page| link(ask.sort, page)))
    };
    Ok(page("Search", &visitor, &words, &body))
}

fn sorting(current: Sort, link: impl Fn(Sort) -> String) -> Markup {
    let choices = [(Sort::Popular, "Popular"), (Sort::PriceUp, "Price, low first"), (Sort::PriceDown, "Price, high first")];
    html! {
        nav.sort aria-label="Sort" {
            @for (sort, name) in choices {
                a href=(link(sort)) aria-current=[(sort == current).then_some("true")] { (name) }
            }
        }
    }
}

fn pager(count: i64, at: u32, link: impl Fn(u32) -> String) -> Markup {
    let last = u32::try_from((count - 1).max(0) / PAGE).unwrap_or(0);
    html! {
        @if last > 0 {
            nav.pager aria-label="Pages" {
                @if at > 0 { a.button.quiet href=(link(at - 1)) rel="prev" { "Previous" } }
                span { "Page " (at + 1) " of " (last + 1) }
                @if at < last { a.button.quiet href=(link(at + 1)) rel="next" { "Next" } }
            }
        }
    }
}

/// One maker's shop.
pub async fn store(State(shop): State<Arc<Shop>>, visitor: Visitor, Path(slug): Path<String>) -> Page {
    let store = shelf::store(&shop.db, &slug).await?.ok_or(Fault::NotFound)?;
    let products = shelf::of_vendor(&shop.db, store.id, 60).await?;
    let body = html! {
        header.list-head {
            div {
                p.eyebrow { (store.city) ", " (store.state) }
                h1 { (store.store_name) }
                @if let Some(bio) = &store.bio { p.lead { (bio) } }
            }
            (stars(store.rating_avg, store.rating_count))
        }
        (grid(&products))
    };
    Ok(page(&store.store_name, &visitor, "", &body))
}

/// One product.
pub async fn product(State(shop): State<Arc<Shop>>, visitor: Visitor, Path(slug): Path<String>) -> Page {
    let product = shelf::by_slug(&shop.db, &slug).await?.ok_or(Fault::NotFound)?;
    let (title, others) = also(&shop, &product).await?;
    shop.click(Click {
        id: ids::new(),
        vendor: product.vendor_profile_id,
        user: visitor.user.as_ref().map(|user| user.id),
        product: Some(product.id),
        order: None,
        kind: "detail".into(),
        at: ids::now(),
    });
    let body = html! {
        nav.crumbs aria-label="You are here" {
            a href="/" { "Home" } " / "
            @if let Some(category) = catalog::category(&product.category_id) { a href={"/category/" (category.slug)} { (category.name) } }
        }
        article.product {
            img.picture src=(product.image_url) alt={"Drawing of " (product.name)} width="480" height="480";
            div.facts {
                h1 { (product.name) }
                p { "by " a href={"/store/" (product.store_slug)} { (product.store_name) } " " (stars(product.rating_avg, product.rating_count)) }
                p.big-price { (dollars(product.price_cents)) }
                p { (product.description) }
                (buy(&product))
                p.muted { "Free shipping from " (dollars(FREE_SHIPPING_FROM)) ". Made to order within four days." }
            }
        }
        @if !others.is_empty() { section aria-labelledby="others" { h2 #others { (title) } (grid(&others)) } }
    };
    Ok(page(&product.name, &visitor, "", &body))
}

/// What goes under a product; the new release does it in its own way.
async fn also(shop: &Shop, product: &Product) -> Page<(&'static str, Vec<Product>)> {
    if !shop.switch.is(Scenario::DeployRegression) {
        return Ok(("From the same department", shelf::related(&shop.db, product, 5).await?));
    }
    let tags = shelf::tags(&shop.db, product.id).await?;
    let _tag = regression::first_tag(tags.as_ref()).map_err(Fault::Broken)?;
    Ok(("Others also bought", shop.recommender.also_bought(&shop.db, product, 5).await?))
}

fn buy(product: &Product) -> Markup {
    let most = product.stock.min(cart::MAX_QUANTITY);
    html! {
        @if !product.active { p.note.out { "Not for sale at the moment." } }
        @else if product.stock == 0 { p.note.out { "Sold out. The next batch is on its way." } }
        @else {
            form.buy method="post" action="/cart" {
                input type="hidden" name="product" value=(product.id);
                label for="quantity" { "Quantity" }
                input #quantity type="number" name="quantity" value="1" min="1" max=(most) required;
                button.button type="submit" { "Add to cart" }
            }
            @if product.stock <= 10 { p.note.few { "Only " (product.stock) " left" } }
        }
    }
}
