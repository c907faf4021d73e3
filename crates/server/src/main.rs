//! The `quarterdeck` program.

use std::process::ExitCode;

use clap::Parser;
use server::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => {
            eprintln!("quarterdeck: no threads: {fault}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(server::commands::run(cli));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match outcome {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("quarterdeck: {fault}");
            ExitCode::FAILURE
        }
    }
}
