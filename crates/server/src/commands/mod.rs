//! What the subcommands do.

mod accounts;
mod audit;
mod checks;
mod deploy;
mod flags;
mod maintenance;

use std::path::PathBuf;
use std::process::ExitCode;

use qd_core::config::Config;
use qd_core::{Clock, Result};

use crate::cli::{Cli, Command};
use crate::{logging, running, wiring};

/// Runs a subcommand.
///
/// # Errors
/// One sentence that says what to do.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    let json = cli.json;
    let file = cli.config.clone();
    match cli.command {
        Command::Serve { port } => serve(&load(file)?, port).await,
        #[cfg(feature = "demo")]
        Command::Demo(options) => crate::demo::run(options, json).await,
        #[cfg(feature = "demo")]
        Command::Marketplace(options) => crate::demo::marketplace(options).await,
        Command::Migrate => migrate(&load(file)?).await,
        Command::Doctor => checks::doctor(&load(file)?, json).await,
        Command::Admin(command) => accounts::admin(load(file)?, command, json).await,
        Command::Token(command) => accounts::token(load(file)?, command, json).await,
        Command::Deploy(crate::cli::Deploy::Record(options)) => deploy::record(*options, json).await,
        Command::Flags(command) => flags::run(load(file)?, command, json).await,
        Command::Maintenance(command) => maintenance::run(load(file)?, command, json).await,
        Command::Audit(command) => audit::run(load(file)?, command, json).await,
        Command::Config(command) => checks::config(file, command, json),
    }
}

/// The configuration: `--config` must exist, `quarterdeck.toml` may.
pub(crate) fn load(file: Option<PathBuf>) -> Result<Config> {
    let required = file.is_some();
    Config::load(&file.unwrap_or_else(|| DEFAULT_FILE.into()), required, &[])
}

/// Read from the current directory when no other file is named; it may be missing.
pub(crate) const DEFAULT_FILE: &str = "quarterdeck.toml";

async fn serve(config: &Config, port: Option<u16>) -> Result<ExitCode> {
    let mut config = config.clone();
    if let (Some(port), Ok(mut address)) = (port, config.server.listen.parse::<std::net::SocketAddr>()) {
        address.set_port(port);
        config.server.listen = address.to_string();
    }
    let listener = running::bind(&config.server.listen).await?;
    wiring::data_dir(&config.storage.data_dir)?;
    let _guard = logging::start(&config.log, &config.storage.data_dir, true);
    let app = wiring::assemble(config, Clock::system()).await?;
    let running = running::Running::start(app, listener).await?;
    running::asked_to_stop().await;
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

async fn migrate(config: &Config) -> Result<ExitCode> {
    wiring::data_dir(&config.storage.data_dir)?;
    wiring::open_own(config).await?.close().await;
    println!("The database is up to date.");
    Ok(ExitCode::SUCCESS)
}

/// Prints a value as JSON, or as the given text.
pub(crate) fn print(json: bool, value: &serde_json::Value, text: &str) {
    if json { println!("{value}") } else { println!("{text}") }
}
