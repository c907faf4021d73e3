//! What the data plane is measured against: axum handlers that read the body and give fixed bytes back. `cargo xtask bench flags` and
//! `bench gate` start it beside the product. The first line of its standard input is the answer's body.

use std::io::BufRead;

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::routing::{get, post};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut body = String::new();
    std::io::stdin().lock().read_line(&mut body)?;
    let body = Bytes::from(body.trim_end().to_owned());
    let answer = move |_read: Bytes| async move { ([(header::CONTENT_TYPE, "application/json")], body) };
    let router = Router::new().route("/evaluate", post(answer)).route("/gate", get(|| async { StatusCode::NO_CONTENT }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}
