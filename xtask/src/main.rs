//! Chores: `cargo xtask test`, `cargo xtask bench NAME`, `cargo xtask conformance DIR`, `cargo xtask licences`.

mod bench;
mod conformance;
mod licences;
mod process;
mod repo;
mod scratch;
mod servers;
mod test;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Errors of chores are sentences for a person.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Tests, benchmarks and chores of Quarterdeck")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run the whole suite: format, lints, licences, Rust tests, browser tests
    Test(test::Options),
    /// Start the tests' servers and print their addresses, for tests run from an editor; Ctrl-C stops them
    Servers,
    /// Measure the product and print a table
    Bench(bench::Options),
    /// Run published scenarios of feature flags, from a folder that holds them, with the real Python client
    Conformance(conformance::Options),
    /// List the licences of everything that is linked into the program
    Licences,
}

fn main() -> ExitCode {
    if let Err(error) = process::stop_on_signals() {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    let outcome = match Cli::parse().chore {
        Chore::Test(options) => test::run(&options),
        Chore::Servers => test::servers().map(|()| true),
        Chore::Bench(options) => bench::run(&options).map(|()| true),
        Chore::Conformance(options) => conformance::run(&options),
        Chore::Licences => licences::run().map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
