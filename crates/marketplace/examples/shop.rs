//! The marketplace alone: `cargo run --example shop -- DIR [PORT] [SCENARIO] [SIZE] [DATABASE]`.

use std::net::{Ipv4Addr, SocketAddr};

use marketplace::{MarketplaceOptions, run};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let word = |index: usize, other: &str| args.get(index).map_or(other.to_owned(), Clone::clone);
    let dir = word(1, "marketplace-data");
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, word(2, "7071").parse()?));
    std::fs::create_dir_all(&dir)?;
    let mut options = MarketplaceOptions::new(word(5, &format!("sqlite:{dir}/marketplace.db")), listen, dir);
    options.scenario = word(3, "calm").parse()?;
    options.size = word(4, "small").parse()?;
    options.traffic = std::env::var_os("NO_TRAFFIC").is_none();
    options.stop_on_stdin_eof = std::env::var_os("STOP_ON_EOF").is_some();
    run(options).await.map_err(Into::into)
}
