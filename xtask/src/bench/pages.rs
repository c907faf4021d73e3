//! Every page that the product lists of itself: server time over a kept connection, and weight and requests in a real browser with an empty cache.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::Value;

use super::http::Client;
use super::product::Demo;
use super::table::{Table, bytes, millis};
use crate::{Result, repo};

const REQUESTS: usize = 300;
/// Time for traffic to fill charts and lists.
const WARM: Duration = Duration::from_secs(60);

/// p50 and p99 of the server, weight and number of requests of each page.
pub fn measure(program: &Path) -> Result<Table> {
    let demo = Demo::start(program)?;
    std::thread::sleep(WARM);
    let headers = [("Cookie", demo.cookie.as_str()), ("Accept", "text/html"), ("Accept-Encoding", "gzip")];
    let mut client = Client::new(&demo.address, &headers);
    let pages = pages(&demo)?;
    let weights = weights(&demo, pages.values())?;
    let mut table = Table::new(["page", "p50", "p99 (< 20 ms)", "page gzip", "all without fonts (≤ 120 kB)", "requests (≤ 12)"]);
    for (pattern, path) in &pages {
        let (latency, wire) = time(&mut client, path)?;
        let weight = weights.get(path).ok_or_else(|| format!("the browser has not visited {path}"))?;
        let figure = |name: &str| weight.get(name).and_then(Value::as_u64).unwrap_or(0);
        let at = |quantile| millis(latency.value_at_quantile(quantile) as f64 / 1e9);
        table.row([format!("`{pattern}`"), at(0.5), at(0.99), bytes(wire), bytes(figure("bytes")), figure("requests").to_string()]);
    }
    table.note(format!(
        "{REQUESTS} requests a page, one after another, timed by the client to the last byte, while marketplace and samplers run. \
         Weight: bytes over the wire in Chromium with an empty cache; fonts and the event stream are not counted as bytes, but as requests."
    ));
    Ok(table)
}

fn time(client: &mut Client, path: &str) -> Result<(Histogram<u64>, u64)> {
    let mut latency = Histogram::new(3)?;
    let mut wire = 0;
    for _ in 0..REQUESTS {
        let asked = Instant::now();
        let answer = client.get(path)?;
        latency.record(u64::try_from(asked.elapsed().as_nanos())?)?;
        if answer.status != 200 {
            return Err(format!("{path} answered {}: {}", answer.status, answer.text().chars().take(300).collect::<String>()).into());
        }
        wire = answer.wire;
    }
    Ok((latency, wire))
}

/// Pattern and a path for it: the OpenAPI document names every page, and pages with an id in their path are found by following links.
fn pages(demo: &Demo) -> Result<BTreeMap<String, String>> {
    let mut client = Client::new(&demo.address, &[("Cookie", &demo.cookie), ("Accept", "text/html")]);
    let document: Value = serde_json::from_slice(&client.get("/api/openapi.json")?.body)?;
    let operations = document.get("paths").and_then(Value::as_object).into_iter().flat_map(|paths| paths.values());
    let patterns = operations.filter_map(|path| path.pointer("/get/x-html-path")?.as_str()).map(str::to_owned);
    let (open, plain): (Vec<String>, Vec<String>) = patterns.partition(|pattern| pattern.contains('{'));
    let mut pages: BTreeMap<String, String> = BTreeMap::new();
    let mut links = Vec::new();
    for path in plain {
        links.extend(hrefs(&client.get(&path)?.text()));
        pages.insert(path.clone(), path);
    }
    for pattern in open {
        if let Some(path) = links.iter().find(|link| fits(link, &pattern)) {
            pages.insert(pattern, path.clone());
        }
    }
    Ok(pages)
}

fn hrefs(html: &str) -> impl Iterator<Item = String> {
    html.split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|link| link.starts_with('/'))
        .map(|link| link.replace("&amp;", "&"))
}

fn fits(link: &str, pattern: &str) -> bool {
    let path = link.split(['?', '#']).next().unwrap_or(link);
    path.split('/').count() == pattern.split('/').count()
        && path.split('/').zip(pattern.split('/')).all(|(have, want)| want.starts_with('{') || have == want)
}

/// `{path: {bytes, requests}}` as Chromium sees it.
fn weights<'a>(demo: &Demo, paths: impl Iterator<Item = &'a String>) -> Result<BTreeMap<String, Value>> {
    let mut command = Command::new("node");
    command.current_dir(repo::e2e()).args(["tools/weight.mjs", &format!("http://{}", demo.address)]).args(paths).env("COOKIE", &demo.cookie);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(|fault| format!("can't run node: {fault}"))?;
    if !output.status.success() {
        return Err("the browser could not weigh the pages; run cargo xtask test --only e2e once, it installs what is needed".into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_fits_a_pattern_segment_by_segment() {
        assert!(fits("/incidents/INC-7?tab=timeline", "/incidents/{reference}"));
        assert!(!fits("/incidents/INC-7/close", "/incidents/{reference}"));
        assert!(!fits("/audit/7", "/incidents/{reference}"));
    }

    #[test]
    fn only_own_links_are_followed() {
        let found: Vec<String> = hrefs(r#"<a href="/a?x=1&amp;y=2">a</a><a href="https://example.com">b</a>"#).collect();
        assert_eq!(found, ["/a?x=1&y=2"]);
    }
}
