//! Processes that must not outlive us: each is the head of its own process group, which is stopped on drop, on Ctrl-C and on SIGTERM.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::{Result, scratch};

/// Ids of the process groups that run now.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());
/// Set once a signal has come: nothing new may start.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// How long a group may take to stop before it is killed.
const PATIENCE: Duration = Duration::from_secs(8);
const POLL: Duration = Duration::from_millis(10);

/// A running process with everything that it has started.
pub struct Group(Child);

impl Group {
    /// Starts `command` in a process group of its own.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        while STOPPING.load(Ordering::SeqCst) {
            std::thread::park();
        }
        let child = command.process_group(0).spawn()?;
        running(|groups| groups.push(child.id()));
        Ok(Self(child))
    }

    /// The process id of the head, which is also the id of the group.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// The pipe from its standard output, once.
    pub fn stdout(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }

    /// The pipe to its standard input, once.
    pub fn stdin(&mut self) -> Option<ChildStdin> {
        self.0.stdin.take()
    }

    /// The status of the head when it has ended.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// Waits until the head has ended.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.0.wait()
    }

    /// Sends SIGINT to the group and says how long it took to end; kills what is left after `PATIENCE`.
    pub fn stop(&mut self) -> Duration {
        let started = Instant::now();
        signal(self.id(), "INT");
        while started.elapsed() < PATIENCE && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::sleep(POLL);
        }
        let took = started.elapsed();
        signal(self.id(), "KILL");
        // The head may have ended by itself; either way it is reaped here, and there is nobody to tell about an error.
        let _ = self.0.wait();
        took
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.stop();
        } else {
            signal(self.id(), "KILL");
        }
        running(|groups| groups.retain(|id| *id != self.0.id()));
    }
}

/// Stops every group and removes every scratch directory when we are told to end.
pub fn stop_on_signals() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            STOPPING.store(true, Ordering::SeqCst);
            let groups = running(|groups| groups.clone());
            groups.iter().for_each(|id| signal(*id, "INT"));
            let started = Instant::now();
            while started.elapsed() < PATIENCE && groups.iter().any(|id| alive(*id)) {
                std::thread::sleep(POLL);
            }
            groups.iter().for_each(|id| signal(*id, "KILL"));
            scratch::remove_all();
            eprintln!("\nstopped");
            std::process::exit(130);
        }
    });
    Ok(())
}

fn running<T>(act: impl FnOnce(&mut Vec<u32>) -> T) -> T {
    act(&mut RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// Signals a whole group. The shell's own `kill` does it: the standard library has no call for it, and /bin/kill is a package of its own.
fn signal(group: u32, name: &str) {
    let script = format!("kill -s {name} -- -{group}");
    // A group that has ended already is what we want.
    let _ = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).stderr(Stdio::null()).status();
}

fn alive(group: u32) -> bool {
    let script = format!("kill -s 0 -- -{group}");
    let zombie = std::fs::read_to_string(format!("/proc/{group}/stat")).is_ok_and(|stat| stat.contains(") Z "));
    !zombie && Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
