//! What the feature does, on both databases, with a job system in memory.

mod cadence;
mod chosen;
mod cohort;
mod crash;
mod memory;
mod memory_rows;
mod runs;
mod schedules;
mod trail;
mod undo;

use std::sync::Arc;

use qd_core::audit::{self, Row};
use qd_core::gate::{Actor, Confirmation, Role};
use qd_core::port::queue::{Cadence, JobState, ScheduleState};
use qd_core::port::{Ports, QueueSource};
use qd_core::{App, Result, Timestamp};
use uuid::Uuid;

use super::run::{Filter, Run, StartRun, Work};
use super::{changed, run};
use crate::features::testing::{World, because, person};
pub use memory::{Memory, QUEUE};

pub const SOURCE: &str = "shop";

/// A job system in memory beside a world, and the application that has it.
pub struct Shop {
    pub app: App,
    pub queue: Arc<Memory>,
}

impl Shop {
    pub fn of(world: &World) -> Self {
        let queue = Arc::new(Memory::new());
        let source = QueueSource { name: SOURCE.into(), queue: queue.clone() };
        Self { app: world.with(Ports { queues: vec![source], ..Ports::default() }), queue }
    }

    pub async fn start(&self, work: Work, filter: Filter) -> Result<Run> {
        self.start_at(work, filter, None).await
    }

    pub async fn start_at(&self, work: Work, filter: Filter, rate: Option<u32>) -> Result<Run> {
        let asked = StartRun { source: SOURCE.into(), queue: QUEUE.into(), work, filter, rate };
        Ok(run::start(&self.app, &boss(), asked, typed(work)).await?.value)
    }

    /// Does what the durable job does.
    pub async fn execute(&self, id: Uuid) -> Result<bool> {
        run::execute(&self.app, &system(), id, None).await
    }

    /// As the worker's first of several tries.
    pub async fn done(&self, work: Work, filter: Filter) -> Run {
        let started = self.start(work, filter).await.unwrap();
        assert!(self.execute(started.id).await.unwrap());
        self.run(started.id).await
    }

    pub async fn run(&self, id: Uuid) -> Run {
        run::find(&self.app, id).await.unwrap()
    }

    /// The newest audit rows, the latest first.
    pub async fn trail(&self, limit: u64) -> Vec<Row> {
        let filter = audit::Filter { limit: Some(limit), ..audit::Filter::default() };
        audit::list(&self.app.db, &filter).await.unwrap()
    }
}

/// What stands in a row of the trail.
pub fn json(text: &Option<String>) -> serde_json::Value {
    serde_json::from_str(text.as_ref().unwrap()).unwrap()
}

pub fn boss() -> Actor {
    person(Role::SuperAdmin)
}

pub fn system() -> Actor {
    Actor::system("housekeeping")
}

/// A reason, and the phrase where one is asked.
pub fn typed(work: Work) -> Confirmation {
    let verb = match work {
        Work::Remove => "PURGE",
        Work::Drain { .. } => "DRAIN",
        Work::Obliterate => "OBLITERATE",
        _ => return because(),
    };
    Confirmation { phrase: Some(format!("{verb} {QUEUE}")), ..because() }
}

pub fn failed() -> Filter {
    Filter::all(JobState::Failed)
}

pub fn named(name: &str) -> Filter {
    Filter { name: Some(name.into()), ..failed() }
}

pub fn schedule(id: &str) -> ScheduleState {
    ScheduleState {
        queue: QUEUE.into(),
        id: id.into(),
        job: id.into(),
        cadence: Cadence::Every(1_000),
        next_at: None,
        last_at: Some(Timestamp(7)),
        last_outcome: None,
        last_error: None,
        last_finished_at: None,
        paused: false,
        runs: None,
        overlap: String::new(),
        missed: String::new(),
        stopped: None,
    }
}

#[tokio::test]
async fn screens_hear_of_a_change() {
    let world = World::sqlite().await;
    let mut heard = world.app.bus.listen();
    changed(&world.app, "shop", "mail");
    let event = heard.recv().await.unwrap();
    assert_eq!((event.name.as_str(), event.subject.as_str()), ("queue.changed", "shop/mail"));
    world.end().await;
}
