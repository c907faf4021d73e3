//! One browser: it keeps cookies, follows redirects and reads links and forms out of pages.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Response, StatusCode};

/// Most of a page that is read.
const MAX_PAGE: usize = 512 * 1024;

/// A browser with its cookies.
pub struct Browser {
    client: Client,
    address: SocketAddr,
    cookies: BTreeMap<String, String>,
}

/// What the browser shows.
#[derive(Debug)]
pub struct View {
    pub status: StatusCode,
    pub text: String,
}

impl Browser {
    /// A browser without cookies.
    pub fn new(address: SocketAddr) -> reqwest::Result<Self> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(1)
            .no_proxy()
            .user_agent("Mozilla/5.0 (X11; Linux x86_64) FernmarketVisitor/1.0")
            .build()?;
        Ok(Self { client, address, cookies: BTreeMap::new() })
    }

    /// Forgets everything.
    pub fn forget(&mut self) {
        self.cookies.clear();
    }

    /// Opens a page.
    pub async fn get(&mut self, path: &str) -> reqwest::Result<View> {
        let request = self.client.get(self.url(path)).header("sec-fetch-site", "same-origin");
        let answer = request.header(COOKIE, self.jar()).send().await?;
        self.read(answer).await
    }

    /// Sends a form and opens where it leads.
    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> reqwest::Result<View> {
        let body = serde_urlencoded::to_string(form).unwrap_or_default();
        let request = self.client.post(self.url(path)).header("sec-fetch-site", "same-origin");
        let request = request.header("content-type", "application/x-www-form-urlencoded").header(COOKIE, self.jar());
        let answer = request.body(body).send().await?;
        let next = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let view = self.read(answer).await?;
        match next {
            Some(next) if view.status.is_redirection() => self.get(&next).await,
            _ => Ok(view),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn jar(&self) -> String {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    async fn read(&mut self, mut answer: Response) -> reqwest::Result<View> {
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if bytes.len() < MAX_PAGE {
                bytes.extend_from_slice(&chunk);
            }
        }
        Ok(View { status: answer.status(), text: String::from_utf8_lossy(&bytes).into_owned() })
    }
}

impl View {
    /// Every link that starts with `prefix`.
    pub fn links(&self, prefix: &str) -> Vec<String> {
        let start = format!("href=\"{prefix}");
        let rest = self.text.split(&start).skip(1);
        rest.filter_map(|rest| Some(format!("{prefix}{}", rest.split('"').next()?))).collect()
    }

    /// The value of the first field with this name.
    pub fn field(&self, name: &str) -> Option<String> {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\""))?;
        let (_, rest) = rest.split('>').next()?.split_once("value=\"")?;
        Some(rest.split('"').next()?.to_owned())
    }

    /// One of `links(prefix)`.
    pub fn any(&self, prefix: &str) -> Option<String> {
        let mut links = self.links(prefix);
        (!links.is_empty()).then(|| links.swap_remove(rand::random_range(0..links.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_fields_are_found() {
        let text = r#"<a href="/product/a">x</a><a href="/product/b"> <input type="hidden" name="key" value="7">"#;
        let view = View { status: StatusCode::OK, text: text.into() };
        assert_eq!(view.links("/product/"), ["/product/a", "/product/b"]);
        assert_eq!(view.field("key").as_deref(), Some("7"));
        assert_eq!(view.field("nothing"), None);
    }
}
