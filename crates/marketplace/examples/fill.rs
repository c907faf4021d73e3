//! Fills a database: `cargo run --release --example fill -- URL [small|medium|large] [SEED]`, and says how long it took.

use std::time::Instant;

use marketplace::generate::progress;
use marketplace::{GenerateOptions, Size, generate};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next().ok_or("which database?")?;
    let size: Size = args.next().as_deref().unwrap_or("small").parse()?;
    let seed = args.next().map_or(Ok(1), |seed| seed.parse())?;
    let start = Instant::now();
    generate(&url, GenerateOptions::new(seed, size), progress::shown()).await?;
    println!("{} orders in {:.1} s", size.orders(), start.elapsed().as_secs_f64());
    Ok(())
}
