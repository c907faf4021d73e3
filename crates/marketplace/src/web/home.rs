//! The front window, and the one that is to replace it (`marketplace_v2`).

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};

use super::Shop;
use super::fault::Page;
use super::layout::{grid, page, stars};
use super::visitor::Visitor;
use crate::catalog::{CATEGORIES, Category};
use crate::ids;
use crate::money::dollars;
use crate::store::shelf::{self, Product, Sort, Store};

/// What people ask for most, as links under the large search box.
const ASKED: [&str; 6] = ["honey", "sourdough", "mug", "gift", "wool", "fern"];
/// Departments with a shelf of their own on the new page, and goods on it.
const SHELVES: [&str; 3] = ["bakery", "pottery", "garden"];
const ON_A_SHELF: i64 = 5;

/// The front window that this visitor sees.
pub async fn home(State(shop): State<Arc<Shop>>, visitor: Visitor) -> Page {
    let body = if visitor.v2 { renewed(&shop).await? } else { classic(&shop).await? };
    Ok(page("Home", &visitor, "", &body))
}

async fn classic(shop: &Shop) -> Page {
    // Another window every hour, the same for everybody.
    let turn = (ids::now() / 3_600_000_000) % 5;
    let products = shelf::popular(&shop.db, 10, turn * 10).await?;
    let stores = shelf::stores(&shop.db, 4).await?;
    Ok(html! {
        section.hero {
            div {
                p.eyebrow { "Made by people with names" }
                h1 { "The market that is open all night" }
                p.lead { "Bread, bowls, blankets and honey, straight from small makers." }
                p { a.button href="/category/bakery" { "Start with bread" } " " a.button.quiet href="/category/pottery" { "or with a mug" } }
            }
            div.hero-art aria-hidden="true" {
                @for (art, variant) in [("loaf", 1), ("mug", 4), ("plant", 7), ("jar", 2)] {
                    img src={"/art/" (art) "/" (variant) ".svg"} alt="" width="200" height="200";
                }
            }
        }
        section aria-labelledby="popular" { h2 #popular { "Popular right now" } (grid(&products)) }
        section aria-labelledby="departments" {
            h2 #departments { "Departments" }
            ul.tiles {
                @for category in CATEGORIES {
                    li { a href={"/category/" (category.slug)} { b { (category.name) } span { (category.line) } } }
                }
            }
        }
        (makers(&stores))
    })
}

/// The new one: finding first, then one large thing, then shelves.
async fn renewed(shop: &Shop) -> Page {
    let mut popular = shelf::popular(&shop.db, 7, 0).await?;
    let first = (!popular.is_empty()).then(|| popular.remove(0));
    let stores = shelf::stores(&shop.db, 6).await?;
    let mut shelves = Vec::new();
    for category in CATEGORIES.iter().filter(|category| SHELVES.contains(&category.slug)) {
        let (goods, _) = shelf::list(&shop.db, category.slug, "", Sort::Popular, ON_A_SHELF, 0).await?;
        shelves.push((category, goods));
    }
    Ok(html! {
        (finder())
        @if let Some(product) = &first {
            section.front aria-labelledby="popular" {
                (feature(product))
                div { h2 #popular { "Popular right now" } (grid(&popular)) }
            }
        }
        @for (category, goods) in &shelves { (shelf_of(category, goods)) }
        (makers(&stores))
    })
}

fn finder() -> Markup {
    html! {
        section.finder {
            h1 { "What are you looking for?" }
            form.search action="/search" role="search" aria-label="Find something" {
                label.hidden for="find-in" { "Department" }
                select #find-in name="in" {
                    option value="" { "Everywhere" }
                    @for category in CATEGORIES { option value=(category.slug) { (category.name) } }
                }
                label.hidden for="find" { "What" }
                input #find type="search" name="q" placeholder="A loaf, a bowl, a present…" maxlength="80";
                button type="submit" { "Find" }
            }
            ul.chips aria-label="Asked for often" { @for word in ASKED { li { a href={"/search?q=" (word)} { (word) } } } }
        }
    }
}

fn feature(product: &Product) -> Markup {
    html! {
        article.feature {
            a href={"/product/" (product.slug)} {
                img src=(product.image_url) alt="" width="420" height="420";
                span.name { (product.name) }
            }
            p.maker { "by " (product.store_name) }
            p.row { b.price { (dollars(product.price_cents)) } (stars(product.rating_avg, product.rating_count)) }
        }
    }
}

fn shelf_of(category: &Category, goods: &[Product]) -> Markup {
    let id = format!("shelf-{}", category.slug);
    html! {
        section.shelf aria-labelledby=(id) {
            header { h2 id=(id) { (category.name) } p.muted { (category.line) } a href={"/category/" (category.slug)} { "All of " (category.name) } }
            (grid(goods))
        }
    }
}

fn makers(stores: &[Store]) -> Markup {
    html! {
        section aria-labelledby="makers" {
            h2 #makers { "Makers people love" }
            ul.tiles {
                @for store in stores {
                    li { a href={"/store/" (store.slug)} { b { (store.store_name) } span { (store.city) ", " (store.state) " · " (format!("★ {:.1}", store.rating_avg)) } } }
                }
            }
        }
    }
}
