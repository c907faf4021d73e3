//! `cargo xtask bench NAME`: figures of the product, on this machine, from the outside. `--write` puts them into `docs/benchmarks.md`.

mod audit;
mod build;
mod closed;
mod document;
mod edge;
mod health;
pub(crate) mod http;
mod load;
mod pages;
mod proc;
mod product;
mod queues;
mod queues_engine;
mod start;
mod streams;
mod table;

use std::path::PathBuf;
use std::process::Command;

use clap::{Args, ValueEnum};

use crate::process::Group;
use crate::{Result, repo};
use table::Table;

#[derive(Args)]
pub struct Options {
    /// What to measure
    #[arg(value_enum)]
    name: Name,
    /// Replace the section in docs/benchmarks.md
    #[arg(long)]
    write: bool,
    /// Measure this program instead of building the release
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Seconds of load, where there is load
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Writers, for `audit`
    #[arg(long, default_value_t = 8)]
    writers: u32,
    /// Listening applications, for `streams`
    #[arg(long, default_value_t = 5_000)]
    clients: u32,
    /// Failed jobs that a filter looks through, for `queues`
    #[arg(long, default_value_t = 1_000_000)]
    jobs: u64,
    /// Requests a second, for `health`
    #[arg(long, default_value_t = 500)]
    rate: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Time to the first 200, idle memory, size of the program
    Start,
    /// Server time, weight and requests of every page
    Pages,
    /// Latency of the health endpoint under steady load, with everything running
    Health,
    /// Durable appends to the audit trail, on SQLite and Postgres
    Audit,
    /// Flag evaluation over OFREP, against bare axum
    Flags,
    /// The maintenance gate, against bare axum
    Gate,
    /// Thousands of applications that listen for changes
    Streams,
    /// Jobs & Queues over BullMQ: pages, retry of all, retry by a filter
    Queues,
    /// The embedded queue: no-op jobs a second, from enqueued to started, retry of many
    Jobs,
    /// From an edited line to a check and to a running test
    Build,
    /// All of them
    All,
}

impl Name {
    fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Pages => "pages",
            Self::Health => "health",
            Self::Audit => "audit",
            Self::Flags => "flags",
            Self::Gate => "gate",
            Self::Streams => "streams",
            Self::Queues => "queues",
            Self::Jobs => "jobs",
            Self::Build => "build",
            Self::All => "all",
        }
    }
}

/// Measures, prints, and writes when asked to.
pub fn run(options: &Options) -> Result<()> {
    let names: &[Name] = match options.name {
        Name::All => {
            &[Name::Start, Name::Pages, Name::Health, Name::Audit, Name::Flags, Name::Gate, Name::Streams, Name::Queues, Name::Jobs, Name::Build]
        }
        ref one => std::slice::from_ref(one),
    };
    for name in names {
        let table = measure(*name, options)?;
        println!("\n{}\n{}", name.word(), table.markdown());
        if options.write {
            document::write(name.word(), &table)?;
        }
    }
    Ok(())
}

fn measure(name: Name, options: &Options) -> Result<Table> {
    match name {
        Name::Start => start::measure(&program(options)?),
        Name::Pages => pages::measure(&program(options)?),
        Name::Health => health::measure(&program(options)?, options.rate, options.seconds),
        Name::Audit => audit::measure(options.writers, options.seconds),
        Name::Flags => edge::flags(&program(options)?, options.seconds),
        Name::Gate => edge::gate(&program(options)?, options.seconds),
        Name::Streams => streams::measure(&program(options)?, options.clients),
        Name::Jobs => queues_engine::measure(),
        Name::Queues => queues::measure(&program(options)?, options.seconds, options.jobs),
        Name::Build => build::measure(),
        Name::All => Err("all is not one".into()),
    }
}

/// The program that is measured: the release build, unless another is named.
fn program(options: &Options) -> Result<PathBuf> {
    if let Some(binary) = &options.binary {
        return Ok(std::path::absolute(binary)?);
    }
    shown(&mut repo::cargo(["build", "--release"]))?;
    Ok(repo::binary("release"))
}

/// Runs a command whose progress the person sees.
fn shown(command: &mut Command) -> Result<()> {
    let status = Group::start(command)?.wait()?;
    if status.success() { Ok(()) } else { Err(format!("{} failed: {status}", command.get_program().to_string_lossy()).into()) }
}
