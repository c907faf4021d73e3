//! x
use clap::Args;
/// x
#[derive(Args)]
pub struct Options {}
pub fn run(_: &Options) -> crate::Result<()> {
    Ok(())
}
