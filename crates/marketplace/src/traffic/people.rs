//! What visitors and vendors do. A failed request ends the visit: people go away and come back later.

use std::time::Duration;

use reqwest::StatusCode;

use super::Traffic;
use super::browser::{Browser, View};

const WORDS: &[&str] = &["honey", "gift", "mug", "sourdough", "wool", "fern", "tea", "soap", "vase", "print", "jam", "cedar"];
const DEPARTMENTS: &[&str] = &["bakery", "pantry", "dairy", "drinks", "candles", "pottery", "textiles", "bath", "garden", "paper"];

fn one(choices: &[&'static str]) -> &'static str {
    choices.get(rand::random_range(0..choices.len())).copied().unwrap_or_default()
}

fn chance(percent: u32) -> bool {
    rand::random_range(0..100) < percent
}

/// A customer who comes again and again, each time as somebody else.
pub async fn visitor(traffic: Traffic, number: usize) {
    let Ok(mut browser) = Browser::new(traffic.address) else { return };
    // Not all at the same moment.
    tokio::time::sleep(traffic.pause().mul_f64(number as f64 / 16.0)).await;
    loop {
        if let Err(error) = visit(&traffic, &mut browser).await {
            tracing::debug!(%error, "a visitor left");
        }
        browser.forget();
        traffic.think().await;
    }
}

async fn visit(traffic: &Traffic, browser: &mut Browser) -> reqwest::Result<()> {
    let mut view = browser.get("/").await?;
    let mut wanted = rand::random_range(0..4);
    for _ in 0..rand::random_range(2..7) {
        traffic.think().await;
        view = match (view.any("/product/"), rand::random_range(0..10)) {
            (Some(product), 0..6) => browser.get(&product).await?,
            (_, 6..8) => browser.get(&format!("/search?q={}", one(WORDS))).await?,
            _ => browser.get(&format!("/category/{}", one(DEPARTMENTS))).await?,
        };
        if let (Some(product), true) = (view.field("product"), wanted > 0 && view.text.contains("class=\"buy\"")) {
            traffic.think().await;
            let quantity = if chance(85) { "1" } else { "2" };
            view = browser.post("/cart", &[("product", &product), ("quantity", quantity)]).await?;
            wanted -= 1;
        }
        if view.status.is_server_error() {
            return Ok(());
        }
    }
    if view.text.contains("href=\"/cart\"") && chance(45) { buy(traffic, browser).await } else { Ok(()) }
}

async fn buy(traffic: &Traffic, browser: &mut Browser) -> reqwest::Result<()> {
    traffic.think().await;
    let cart = browser.get("/cart").await?;
    if !cart.text.contains("href=\"/checkout\"") {
        return Ok(());
    }
    traffic.think().await;
    let choices = browser.get(&format!("/sign-in?next=/checkout&turn={}", rand::random_range(0..60))).await?;
    let Some(account) = account(&choices, "Customers") else { return Ok(()) };
    traffic.think().await;
    let form = browser.post("/sign-in", &[("account", &account), ("next", "/checkout")]).await?;
    let (Some(key), Some(total)) = (form.field("key"), form.field("total")) else { return Ok(()) };
    traffic.think().await;
    browser.post("/checkout", &[("key", &key), ("total", &total)]).await?;
    Ok(())
}

/// One of the accounts that the sign-in page offers in a section.
fn account(page: &View, section: &str) -> Option<String> {
    let (_, rest) = page.text.split_once(&format!("aria-label=\"{section}\""))?;
    let section = rest.split("</section>").next()?;
    let emails: Vec<&str> = section.split("name=\"account\" value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    emails.get(rand::random_range(0..emails.len().max(1))).map(|email| (*email).to_owned())
}

/// A vendor who looks in every half minute: restocks, changes a price now and then, marks orders as made.
pub async fn vendor(traffic: Traffic, number: usize) {
    let Ok(mut browser) = Browser::new(traffic.address) else { return };
    loop {
        tokio::time::sleep(Duration::from_secs(15 + 15 * number as u64)).await;
        if let Err(error) = tend(&traffic, &mut browser).await {
            tracing::debug!(%error, "a vendor left");
        }
        browser.forget();
    }
}

async fn tend(traffic: &Traffic, browser: &mut Browser) -> reqwest::Result<()> {
    let choices = browser.get(&format!("/sign-in?next=/vendor&turn={}", rand::random_range(0..12))).await?;
    let Some(account) = account(&choices, "Vendors") else { return Ok(()) };
    let portal = browser.post("/sign-in", &[("account", &account), ("next", "/vendor")]).await?;
    for form in portal.text.split("action=\"/vendor/products/").skip(1) {
        let Some((id, rest)) = form.split_once('"') else { continue };
        let ware = View { status: portal.status, text: rest.split("</form>").next().unwrap_or_default().to_owned() };
        let (Some(price), Some(stock)) = (ware.field("price"), ware.field("stock")) else { continue };
        let few = stock.parse::<i64>().unwrap_or(0) < 15;
        if few || chance(3) {
            let stock = if few { "90".to_owned() } else { stock };
            let form = [("price", price.as_str()), ("stock", &stock), ("active", "yes")];
            traffic.think().await;
            // In maintenance: everything else would be refused as well.
            if browser.post(&format!("/vendor/products/{id}"), &form).await?.status == StatusCode::SERVICE_UNAVAILABLE {
                return Ok(());
            }
        }
    }
    let orders = browser.get("/vendor/orders").await?;
    for form in orders.text.split("action=\"/vendor/items/").skip(1).take(5) {
        let Some((id, _)) = form.split_once("/done\"") else { continue };
        traffic.think().await;
        if browser.post(&format!("/vendor/items/{id}/done"), &[]).await?.status == StatusCode::SERVICE_UNAVAILABLE {
            return Ok(());
        }
    }
    Ok(())
}
