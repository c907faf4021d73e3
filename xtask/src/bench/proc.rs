//! What Linux knows of a process and of the machine.

use std::fs;
use std::time::Duration;

use crate::Result;

/// Clock ticks of `/proc/PID/stat`: 100 a second on every Linux of the last twenty years.
const TICKS: f64 = 100.0;

/// Resident memory of a process in bytes.
pub fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

/// Processor time that a process has used.
pub fn cpu(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may hold anything; the fields after it are numbers: 11 and 12 are user and system time.
    let rest = stat.rsplit_once(')').ok_or("no stat")?.1;
    let ticks: f64 = rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(Duration::from_secs_f64(ticks / TICKS))
}

/// Processor, cores, memory and system in one line.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| -> Option<String> {
        text.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim_start_matches([' ', '\t', ':', '=']).trim_matches('"').to_owned())
    };
    let model = field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".into());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = field(&read("/proc/meminfo"), "MemTotal").and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) >> 20;
    let system = field(&read("/etc/os-release"), "PRETTY_NAME").unwrap_or_else(|| std::env::consts::OS.into());
    format!("{cores} cores of {model}, {memory} GiB, {system}")
}
