//! Real proxies in front of a small shop, with the configurations of `docs/gate` as they stand but for their addresses.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::until;

/// What the network between a proxy and the gate does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Line {
    Open,
    /// Takes everything and gives nothing back.
    Slow,
}

/// The way from a proxy to Quarterdeck, which can be made slow or cut.
pub struct Wire {
    pub port: u16,
    line: watch::Sender<Line>,
    task: JoinHandle<()>,
}

impl Wire {
    pub async fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (line, state) = watch::channel(Line::Open);
        let target = target.trim_start_matches("http://").to_owned();
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                if let Ok(far) = TcpStream::connect(&target).await {
                    open.spawn(join(near, far, state.clone()));
                }
            }
        });
        Self { port, line, task }
    }

    pub fn slow(&self) {
        self.line.send_replace(Line::Slow);
    }

    pub fn open(&self) {
        self.line.send_replace(Line::Open);
    }

    /// Nobody listens any more, and what was open is closed.
    pub async fn cut(&self) {
        self.task.abort();
        let port = self.port;
        until("the gate is gone", || async move { TcpStream::connect(("127.0.0.1", port)).await.is_err() }).await;
    }
}

async fn join(near: TcpStream, far: TcpStream, mut state: watch::Receiver<Line>) {
    let ((mut from_near, mut to_near), (mut from_far, mut to_far)) = (near.into_split(), far.into_split());
    let asked = async move { tokio::io::copy(&mut from_near, &mut to_far).await };
    let answered = async move {
        let mut buffer = vec![0; 16_384];
        while let Ok(length @ 1..) = from_far.read(&mut buffer).await {
            if state.wait_for(|line| *line == Line::Open).await.is_err() || to_near.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        _ = asked => {}
        () = answered => {}
    }
}

/// Answers everything with what it was asked; `/forbidden` with a 403 of its own.
pub async fn shop() -> u16 {
    let answer = |request: Request| async move {
        let status = if request.uri().path() == "/forbidden" { StatusCode::FORBIDDEN } else { StatusCode::OK };
        (status, format!("shop: {} {}", request.method(), request.uri()))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    port
}

/// A proxy, and what it was started with.
pub struct Proxy {
    pub url: String,
    children: Vec<Child>,
    _directory: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Asked, not killed: nginx's master takes its workers with it.
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
    }
}

fn configuration(name: &str, addresses: &[(&str, String)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/gate").join(name);
    let mut text = std::fs::read_to_string(path).unwrap();
    for (from, to) in addresses {
        assert!(text.contains(from), "{name} names {from}");
        text = text.replace(from, to);
    }
    text
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

async fn up(port: u16) {
    until("the proxy listens", || async move { TcpStream::connect(("127.0.0.1", port)).await.is_ok() }).await;
}

fn program(variable: &str) -> PathBuf {
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} names the program; run cargo xtask test")).into()
}

fn nginx_child(directory: &Path, include: &str) -> Child {
    let own: String =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {}/{kind};", directory.display())).concat();
    let (file, dir) = (directory.join("nginx.conf"), directory.display());
    std::fs::write(&file, format!("daemon off; pid {dir}/pid; error_log {dir}/error.log; events {{}} http {{ access_log off; {own}\n{include}\n}}"))
        .unwrap();
    Command::new(program("QD_TEST_NGINX")).arg("-p").arg(directory).arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// nginx in front of the shop.
pub async fn nginx(gate: u16, shop: u16) -> Proxy {
    let (directory, port) = (TempDir::new().unwrap(), free_port().await);
    let cache = format!("{}/", directory.path().display());
    let addresses = [
        ("127.0.0.1:7070", format!("127.0.0.1:{gate}")),
        ("127.0.0.1:3000", format!("127.0.0.1:{shop}")),
        ("listen 80", format!("listen 127.0.0.1:{port}")),
        ("/var/cache/nginx/", cache),
    ];
    let child = nginx_child(directory.path(), &configuration("nginx.conf", &addresses));
    up(port).await;
    Proxy { url: format!("http://127.0.0.1:{port}"), children: vec![child], _directory: directory }
}

/// Caddy in front of the shop; with the gate cache between it and the gate, or without.
pub async fn caddy(gate: u16, shop: u16, cache: bool) -> Proxy {
    let (directory, port, fallback, kept) = (TempDir::new().unwrap(), free_port().await, free_port().await, free_port().await);
    let mut children = Vec::new();
    if cache {
        let own = directory.path().join("nginx");
        std::fs::create_dir(&own).unwrap();
        let addresses = [
            ("127.0.0.1:7070", format!("127.0.0.1:{gate}")),
            ("127.0.0.1:7071", format!("127.0.0.1:{kept}")),
            ("/var/cache/nginx/", format!("{}/", own.display())),
        ];
        children.push(nginx_child(&own, &configuration("gate-cache.nginx.conf", &addresses)));
        up(kept).await;
    }
    let asked = if cache { kept } else { gate };
    let addresses = [
        ("127.0.0.1:7070", format!("127.0.0.1:{asked}")),
        (":7072", format!(":{fallback}")),
        ("127.0.0.1:3000", format!("127.0.0.1:{shop}")),
        (":80 {", format!("http://:{port} {{\n\tbind 127.0.0.1")),
    ];
    let file = directory.path().join("Caddyfile");
    std::fs::write(&file, format!("{{\n\tadmin off\n\tauto_https off\n}}\n{}", configuration("Caddyfile", &addresses))).unwrap();
    let mut command = Command::new(program("QD_TEST_CADDY"));
    for home in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env(home, directory.path());
    }
    children
        .push(command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    up(port).await;
    Proxy { url: format!("http://127.0.0.1:{port}"), children, _directory: directory }
}

/// Asks a proxy, within a limit that a visitor would bear.
pub async fn visit(proxy: &Proxy, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, reqwest::header::HeaderMap, String) {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
    let mut request = client.request(method.parse().unwrap(), format!("{}{path}", proxy.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap_or_else(|fault| panic!("{method} {path}: {fault}"));
    (answer.status().as_u16(), answer.headers().clone(), answer.text().await.unwrap())
}
