//! Stylesheets, scripts, fonts and icons: embedded, bundled, named by their content, gzip kept in memory.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

/// Where the assets are served. The rest of the path is a key of [`get`].
pub const PREFIX: &str = "/assets/";
/// `Cache-Control` of every asset: its name changes with its content.
pub const CACHE: &str = "public, max-age=31536000, immutable";

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../assets"]
struct Files;

/// One file as it is served.
#[derive(Clone, Debug)]
pub struct Asset {
    /// The content.
    pub bytes: Bytes,
    /// The same, gzip-compressed; `None` for what is compressed already.
    pub gzip: Option<Bytes>,
    /// `Content-Type`.
    pub mime: &'static str,
    /// Strong `ETag` with its quotes.
    pub etag: String,
}

struct Shelf {
    /// `app.css` -> `/assets/app.0f3a….css`
    urls: BTreeMap<String, String>,
    /// `app.0f3a….css` -> content
    files: BTreeMap<String, Asset>,
}

/// What each bundle is made of, in order.
const BUNDLES: &[(&str, &[&str])] = &[
    ("app.css", &["css/tokens.css", "css/base.css", "css/components.css", "css/views.css", "vendor/uplot.min.css"]),
    ("app.js", &["vendor/htmx.min.js", "js/app.js", "js/dialogs.js", "js/live.js"]),
    ("charts.js", &["vendor/uplot.min.js", "js/charts.js"]),
    ("theme.js", &["js/theme.js"]),
];
/// Files that are served alone. Fonts come first: the stylesheet names them.
const SINGLE: &[&str] = &["fonts/inter.woff2", "fonts/mono.woff2", "icons.svg", "favicon.svg", "LICENSES.md"];

static SHELF: LazyLock<Shelf> = LazyLock::new(|| {
    let mut shelf = Shelf { urls: BTreeMap::new(), files: BTreeMap::new() };
    for name in SINGLE {
        shelf.put(name, read(name));
    }
    for (name, parts) in BUNDLES {
        let joined = parts.iter().map(|part| read(part)).collect::<Vec<_>>().join(&b'\n');
        let bytes = if name.ends_with(".css") { shelf.linked(&joined) } else { joined };
        shelf.put(name, bytes);
    }
    shelf
});

fn read(name: &str) -> Vec<u8> {
    Files::get(name).map(|file| file.data.into_owned()).unwrap_or_default()
}

impl Shelf {
    /// The stylesheet with the hashed addresses of its fonts, without comments and line starts.
    fn linked(&self, css: &[u8]) -> Vec<u8> {
        let mut text = String::from_utf8_lossy(css).into_owned();
        for (name, url) in &self.urls {
            text = text.replace(&format!("../{name}"), url);
        }
        squeeze(&text).into_bytes()
    }

    fn put(&mut self, name: &str, bytes: Vec<u8>) {
        let digest = hex::encode(Sha256::digest(&bytes));
        let short: String = digest.chars().take(12).collect();
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let file = format!("{stem}.{short}.{extension}");
        let mime = mime(extension);
        let asset = Asset { gzip: (extension != "woff2").then(|| gzip(&bytes)).flatten(), bytes: bytes.into(), mime, etag: format!("\"{short}\"") };
        self.urls.insert(name.to_owned(), format!("{PREFIX}{file}"));
        self.files.insert(file, asset);
    }
}

/// CSS without comments, indentation and line ends. Strings of ours hold neither `/*` nor line ends.
fn squeeze(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, tail)| tail);
    }
    out.push_str(rest);
    out.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn gzip(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

fn mime(extension: &str) -> &'static str {
    match extension {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "md" => "text/markdown; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Address of an asset by its plain name: `app.css`, `app.js`, `charts.js`, `theme.js`, `icons.svg`, `favicon.svg`,
/// `fonts/inter.woff2`, `fonts/mono.woff2`, `LICENSES.md`. An unknown name gives an address that answers 404.
pub fn url(name: &str) -> &'static str {
    SHELF.urls.get(name).map_or("/assets/missing", String::as_str)
}

/// The asset behind an address, without [`PREFIX`]; hashed names only.
pub fn get(path: &str) -> Option<Asset> {
    SHELF.files.get(path).cloned()
}

/// The whole answer to `GET /assets/{path}`: 200, 304 or 404 with all headers. `accept_encoding` and `if_none_match` are
/// the request's header values.
pub fn answer(path: &str, accept_encoding: Option<&str>, if_none_match: Option<&str>) -> Response<Bytes> {
    let Some(asset) = get(path) else {
        return plain(StatusCode::NOT_FOUND, Bytes::new());
    };
    let fresh = if_none_match.is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == asset.etag));
    let packed = asset.gzip.filter(|_| accept_encoding.is_some_and(|value| value.contains("gzip")));
    let mut response = match (fresh, &packed) {
        (true, _) => plain(StatusCode::NOT_MODIFIED, Bytes::new()),
        (false, Some(gzip)) => plain(StatusCode::OK, gzip.clone()),
        (false, None) => plain(StatusCode::OK, asset.bytes),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.mime));
    if let Ok(tag) = HeaderValue::from_str(&asset.etag) {
        headers.insert(header::ETAG, tag);
    }
    if packed.is_some() && !fresh {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn plain(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_content_and_bodies_are_packed() {
        let path = url("app.css").strip_prefix(PREFIX).unwrap();
        let css = get(path).unwrap();
        assert!(std::str::from_utf8(&css.bytes).unwrap().contains(url("fonts/inter.woff2")));
        assert!(css.gzip.unwrap().len() < css.bytes.len() / 3);
        assert!(get("app.css").is_none(), "only hashed names are immutable");
    }

    #[test]
    fn answers_304_and_gzip() {
        let path = url("app.js").strip_prefix(PREFIX).unwrap();
        let first = answer(path, Some("br, gzip"), None);
        assert_eq!(first.headers()[header::CONTENT_ENCODING], "gzip");
        assert!(first.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        let second = answer(path, None, Some(&tag));
        assert_eq!((second.status(), second.body().len()), (StatusCode::NOT_MODIFIED, 0));
        assert_eq!(answer("nothing.js", None, None).status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn every_part_exists_and_a_page_stays_light() {
        for part in BUNDLES.iter().flat_map(|(_, parts)| *parts).chain(SINGLE) {
            assert!(Files::get(part).is_some(), "{part}");
        }
        let sum: usize = ["app.css", "app.js", "charts.js", "theme.js", "icons.svg"]
            .iter()
            .map(|name| get(url(name).strip_prefix(PREFIX).unwrap()).unwrap().gzip.unwrap().len())
            .sum();
        assert!(sum < 90_000, "{sum} bytes of gzip leave too little for the page itself");
    }
}
