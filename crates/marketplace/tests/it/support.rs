//! A marketplace of a test's own, and a browser to walk through it.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use engine::{Args, Db, DbOptions};
use marketplace::{Marketplace, MarketplaceOptions};
use reqwest::StatusCode;
use sqlx::{ConnectOptions, Executor};

/// Runs one body on SQLite, and on Postgres when the suite brings one.
#[macro_export]
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let t = $crate::support::Place::sqlite().await;
                super::$name(&t).await;
                t.remove().await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            #[ignore = "needs QD_TEST_POSTGRES; run by cargo xtask test"]
            async fn $name() {
                let t = $crate::support::Place::postgres().await;
                super::$name(&t).await;
                t.remove().await;
            })+
        }
    };
}

/// A database and a folder.
pub struct Place {
    pub url: String,
    pub dir: tempfile::TempDir,
    admin: Option<(String, String)>,
}

impl Place {
    pub async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite:{}", dir.path().join("market.db").display()), dir, admin: None }
    }

    pub async fn postgres() -> Self {
        let admin = std::env::var("QD_TEST_POSTGRES").expect("QD_TEST_POSTGRES names a Postgres server");
        let name = format!("market_{}", uuid::Uuid::now_v7().simple());
        admin_sql(&admin, format!("CREATE DATABASE {name}")).await;
        let (server, _) = admin.rsplit_once('/').expect("an admin URL with a database");
        Self { url: format!("{server}/{name}"), dir: tempfile::tempdir().unwrap(), admin: Some((admin, name)) }
    }

    pub fn options(&self) -> MarketplaceOptions {
        let mut options = MarketplaceOptions::new(&self.url, any_port(), self.dir.path());
        options.traffic = false;
        options
    }

    pub async fn market(&self) -> Marketplace {
        Marketplace::start(self.options()).await.unwrap()
    }

    pub async fn db(&self) -> Db {
        let db = Db::open(&self.url, DbOptions::default()).await.unwrap();
        marketplace::migrate(&db).await.unwrap();
        db
    }

    pub async fn remove(self) {
        if let Some((admin, name)) = self.admin {
            admin_sql(&admin, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

pub fn any_port() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

async fn admin_sql(url: &str, sql: String) {
    let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
    let mut conn = options.connect().await.unwrap();
    conn.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
    sqlx::Connection::close(conn).await.unwrap();
}

/// One number.
pub async fn number(db: &Db, sql: &'static str) -> i64 {
    number_of(db, sql, Args::none()).await
}

/// One number about something.
pub async fn number_of(db: &Db, sql: &'static str, args: Args) -> i64 {
    db.one::<(i64,)>(sql, args).await.unwrap_or_else(|error| panic!("{sql}: {error}")).0
}

/// Waits until `probe` gives a value, at most a minute.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut probe: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(Instant::now() < deadline, "gave up waiting: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A browser with cookies that shows redirects instead of following them.
#[derive(Clone)]
pub struct Browser {
    client: reqwest::Client,
    pub base: String,
    pub cookies: BTreeMap<String, String>,
}

/// An answer.
pub struct View {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl View {
    pub fn location(&self) -> &str {
        self.headers.get("location").map_or("", |value| value.to_str().unwrap())
    }

    /// The value of the first field with this name.
    pub fn field(&self, name: &str) -> String {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no {name}"));
        rest.split_once("value=\"").unwrap().1.split('"').next().unwrap().to_owned()
    }
}

impl Browser {
    pub fn new(market: &Marketplace) -> Self {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        Self { client: client.build().unwrap(), base: format!("http://{}", market.address), cookies: BTreeMap::new() }
    }

    pub async fn get(&mut self, path: &str) -> View {
        let request = self.client.get(format!("{}{path}", self.base));
        self.send(request).await
    }

    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> View {
        self.post_from(path, form, "same-origin").await
    }

    pub async fn post_from(&mut self, path: &str, form: &[(&str, &str)], site: &str) -> View {
        let body = serde_urlencoded::to_string(form).unwrap();
        let request = self.client.post(format!("{}{path}", self.base)).header("sec-fetch-site", site);
        self.send(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> View {
        let jar: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request.header("cookie", jar.join("; ")).send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        View { status: answer.status(), headers: answer.headers().clone(), text: answer.text().await.unwrap() }
    }

    /// Signs in as the demo account with this address.
    pub async fn sign_in(&mut self, email: &str) {
        let view = self.post("/sign-in", &[("account", email), ("next", "/cart")]).await;
        assert_eq!((view.status, view.location()), (StatusCode::SEE_OTHER, "/cart"), "{}", view.text);
    }

    /// Puts a product into the cart.
    pub async fn add(&mut self, product: uuid::Uuid, quantity: i64) {
        let form = [("product", product.to_string()), ("quantity", quantity.to_string())];
        let view = self.post("/cart", &form.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
        assert_eq!(view.location(), "/cart", "{}", view.text);
    }

    /// Opens the checkout and gives its key and total.
    pub async fn checkout(&mut self) -> (String, String) {
        let view = self.get("/checkout").await;
        assert_eq!(view.status, StatusCode::OK, "{}", view.text);
        (view.field("key"), view.field("total"))
    }
}

/// Some customer, by address.
pub async fn customer(db: &Db, skip: i64) -> String {
    let sql = "SELECT u.email FROM users u JOIN user_roles r ON r.user_id = u.id WHERE r.role = 'CUSTOMER'
        AND u.status = 'ACTIVE' AND u.zip_code NOT LIKE '0%' ORDER BY u.id LIMIT 1 OFFSET $1";
    db.one::<(String,)>(sql, engine::args![skip]).await.unwrap().0
}

/// A product in stock: id, slug, price and stock.
pub async fn product(db: &Db, skip: i64) -> (uuid::Uuid, String, i64, i64) {
    let sql = "SELECT id, slug, price_cents, stock FROM products WHERE active AND stock > 5 AND tags IS NOT NULL
        ORDER BY id LIMIT 1 OFFSET $1";
    db.one(sql, engine::args![skip]).await.unwrap()
}
