//! The frame around every page, and the small parts that pages share.

use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::notice;
use super::visitor::Visitor;
use crate::catalog::CATEGORIES;
use crate::money::dollars;
use crate::store::shelf::Product;

/// A page for `visitor`.
pub fn page(title: &str, visitor: &Visitor, query: &str, body: &Markup) -> Markup {
    frame(title, visitor, query, body)
}

/// A page for whom we do not know, as after a failure.
pub fn plain(title: &str, body: &Markup) -> Markup {
    frame(title, &Visitor::default(), "", body)
}

fn frame(title: &str, visitor: &Visitor, query: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light";
                meta name="theme-color" content="#23402f";
                title { (title) " · Fernmarket" }
                link rel="stylesheet" href=(super::art::style_path());
                link rel="icon" type="image/svg+xml" href="/art/plant/0.svg";
            }
            body.v2[visitor.v2] {
                a.skip href="#main" { "Skip to the goods" }
                (notice::lines(&visitor.notices))
                (banner(visitor, query))
                main #main .wrap tabindex="-1" { (body) }
                (ground())
            }
        }
    }
}

fn banner(visitor: &Visitor, query: &str) -> Markup {
    html! {
        header.top {
            div.wrap.top-row {
                a.brand href="/" aria-label="Fernmarket, home" { (fern()) span { "Fernmarket" } }
                (search(query, visitor.v2))
                (greeting(visitor))
            }
            nav.departments aria-label="Departments" {
                ul.wrap {
                    @for category in CATEGORIES {
                        li { a href={"/category/" (category.slug)} { (category.name) } }
                    }
                }
            }
        }
    }
}

/// The search of every page; the new shop's looks into a department, too.
fn search(query: &str, departments: bool) -> Markup {
    html! {
        form.search action="/search" role="search" {
            @if departments {
                label.hidden for="in" { "Department" }
                select #in name="in" {
                    option value="" { "Everywhere" }
                    @for category in CATEGORIES { option value=(category.slug) { (category.name) } }
                }
            }
            label.hidden for="q" { "Search the market" }
            input #q type="search" name="q" value=(query) placeholder="Honey, mugs, ferns…" maxlength="80";
            button type="submit" { "Search" }
        }
    }
}

fn ground() -> Markup {
    html! {
        footer.bottom {
            div.wrap {
                p { b { "Fernmarket" } " is where small makers sell what they make. It is a demonstration: nothing is charged and nothing is sent." }
                p { a href="/sign-in" { "Demo accounts" } " · " a href="/vendor" { "Vendor portal" } " · " a href="/orders" { "My orders" } }
            }
        }
    }
}

fn greeting(visitor: &Visitor) -> Markup {
    let pieces = visitor.cart.pieces();
    html! {
        nav.account aria-label="Account" {
            @match &visitor.user {
                Some(user) => {
                    @if user.vendor_id.is_some() { a href="/vendor" { "My shop" } }
                    @else { a href="/orders" { "Hi, " (user.short()) } }
                    form method="post" action="/sign-out" { button.link type="submit" { "Sign out" } }
                }
                None => a href="/sign-in" { "Sign in" },
            }
            a.cart href="/cart" aria-label={"Cart, " (pieces) " pieces"} {
                "Cart" span.count { (pieces) }
            }
        }
    }
}

fn fern() -> Markup {
    PreEscaped(
        "<svg viewBox=\"0 0 32 32\" width=\"30\" height=\"30\" aria-hidden=\"true\"><path d=\"M16 30V6\" stroke=\"#cfe3c4\" \
         stroke-width=\"2\" fill=\"none\"/><g fill=\"#9cc58a\"><path d=\"M16 25c-6 0-9-3-10-6 5-1 9 2 10 6z\"/><path d=\"M16 25c6 \
         0 9-3 10-6-5-1-9 2-10 6z\"/><path d=\"M16 18c-5 0-7-2-8-5 4-1 7 1 8 5z\"/><path d=\"M16 18c5 0 7-2 8-5-4-1-7 1-8 5z\"/>\
         <path d=\"M16 11c-3-2-3-6 0-9 3 3 3 7 0 9z\"/></g></svg>"
            .to_owned(),
    )
}

/// A grid of products.
pub fn grid(products: &[Product]) -> Markup {
    html! {
        ul.grid {
            @for product in products {
                li.card {
                    a.card-link href={"/product/" (product.slug)} {
                        img src=(product.image_url) alt="" width="240" height="240" loading="lazy";
                        span.name { (product.name) }
                    }
                    p.maker { (product.store_name) }
                    p.row { b.price { (dollars(product.price_cents)) } (stars(product.rating_avg, product.rating_count)) }
                    @if product.stock == 0 { p.note.out { "Sold out" } }
                    @else if product.stock <= 10 { p.note.few { "Only " (product.stock) " left" } }
                }
            }
        }
    }
}

/// A rating, for eyes and for ears.
pub fn stars(rating: f64, count: i64) -> Markup {
    html! {
        span.stars {
            span aria-hidden="true" { "★ " (format!("{rating:.1}")) }
            span.hidden { "Rated " (format!("{rating:.1}")) " of 5 by " (count) " customers" }
            span.muted aria-hidden="true" { " (" (count) ")" }
        }
    }
}

/// `Sun 22 Nov 2026, 18:04`
pub fn when(at: i64, zone: &TimeZone) -> String {
    crate::generate::calendar::at(at, zone).strftime("%a %-d %b %Y, %H:%M").to_string()
}

/// A status in words that customers use.
pub fn status(status: &str) -> Markup {
    let (words, tone) = match status {
        "PENDING" => ("Waiting for payment", "wait"),
        "PAID" => ("Paid", "go"),
        "CONFIRMED" => ("Confirmed", "go"),
        "PREPARING" | "IN_PRODUCTION" => ("Being made", "go"),
        "COMPLETED" => ("Done", "done"),
        "CANCELLED" => ("Canceled", "off"),
        "FAILED" => ("Payment failed", "off"),
        "REFUNDED" => ("Refunded", "off"),
        other => (other, "wait"),
    };
    html! { span class={"status " (tone)} { (words) } }
}
