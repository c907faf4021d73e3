//! How fast it starts, and what it weighs while nothing happens.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::http::Client;
use super::proc;
use super::product::Serve;
use super::table::{Table, bytes, millis, spread};
use crate::Result;
use crate::scratch::Scratch;

const RUNS: usize = 7;
const IDLE: Duration = Duration::from_secs(10);

/// Time to the first 200 on an empty directory and on one with data, memory after ten idle seconds, and the size of the file.
pub fn measure(program: &Path) -> Result<Table> {
    let (mut fresh, mut again, mut stop, mut memory) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for run in 0..RUNS {
        let files = Scratch::new("start")?;
        let mut first = Serve::start(program, files.path())?;
        fresh.push(first.first_answer.as_secs_f64());
        if run == 0 {
            // One look at a page, as a load balancer or a person would have taken.
            Client::new(&first.address, &[]).get("/login")?;
            std::thread::sleep(IDLE);
            memory = proc::resident(first.group.id())?;
        }
        stop.push(first.group.stop().as_secs_f64());
        again.push(Serve::start(program, files.path())?.first_answer.as_secs_f64());
    }
    let mut table = Table::new(["what", "measured", "bar"]);
    table.row(["start to first 200, empty directory (migrates)".into(), spread(fresh, millis), "< 300 ms".into()]);
    table.row(["start to first 200, existing data".into(), spread(again, millis), "< 300 ms".into()]);
    table.row(["stop after Ctrl-C".into(), spread(stop, millis), "< 5 s".into()]);
    table.row(["resident memory after 10 s idle".into(), bytes(memory), "< 80 MB".into()]);
    table.row(["size of the program".into(), bytes(fs::metadata(program)?.len()), "< 60 MB".into()]);
    table.note(format!("Median of {RUNS} starts (smallest to largest); the file is in the system's page cache."));
    Ok(table)
}
