//! Schedules, and those that stopped.

use qd_core::port::Queue;
use qd_core::port::queue::{Cadence, JobState, ScheduleState};

use super::library::Library;
use super::server::Server;

async fn schedules(server: &Server) -> Vec<ScheduleState> {
    server.driver("bull").schedules().await.unwrap()
}

fn of<'a>(all: &'a [ScheduleState], id: &str) -> &'a ScheduleState {
    all.iter().find(|schedule| schedule.id == id).unwrap_or_else(|| panic!("no schedule {id}"))
}

#[tokio::test]
#[ignore = "needs QD_TEST_CLIENTS_NODE and QD_TEST_NODE; cargo xtask test sets them"]
async fn schedules_of_both_releases_are_those_of_the_library() {
    for version in [5, 6] {
        let server = Server::start().await;
        let mut library = Library::node(version, server.port, "bull");
        let told = library.js("return (await fill()).ticks.schedules");
        let all = schedules(&server).await;
        assert_eq!(all.len(), told.as_array().unwrap().len());
        for said in told.as_array().unwrap() {
            let ours = of(&all, said["key"].as_str().unwrap());
            assert_eq!((ours.queue.as_str(), ours.job.as_str()), ("ticks", said["name"].as_str().unwrap()));
            assert_eq!(ours.next_at.map(|at| at.micros() / 1_000), said["next"].as_i64());
            assert_eq!(ours.runs, said["iterationCount"].as_u64());
            let cadence = match said["every"].as_u64() {
                Some(ms) => Cadence::Every(ms),
                None => Cadence::Cron { pattern: said["pattern"].as_str().unwrap().into(), zone: said["tz"].as_str().unwrap_or_default().into() },
            };
            assert_eq!((&ours.cadence, &ours.stopped, &ours.last_at), (&cadence, &None, &None), "{ours:?}");
            assert_eq!(ours.overlap.contains("BullMQ 5"), said["name"] == "legacy");
        }
    }
}

/// BullMQ's own drain cuts a schedule's job out of its list: nothing fires any more, and its own count still says one.
#[tokio::test]
#[ignore = "needs QD_TEST_CLIENTS_NODE and QD_TEST_NODE; cargo xtask test sets them"]
async fn a_schedule_whose_job_is_lost_is_stopped() {
    let server = Server::start().await;
    let mut library = Library::node(6, server.port, "bull");
    let before = "const q = queue('mail'); await q.add('a', {}); await q.add('b', {}); \
                  await q.upsertJobScheduler('tick', { every: 3600000 }, { name: 'tick' }); await q.add('c', {}); await q.add('d', {});";
    library.js(before);
    assert_eq!(of(&schedules(&server).await, "tick").stopped, None, "it waits in the list");
    library.js("await queue('mail').drain()");
    assert_eq!(library.js("return await queue('mail').getJobSchedulersCount()"), 1);
    let stopped = of(&schedules(&server).await, "tick").stopped.clone().unwrap();
    assert!(stopped.contains("pending job is gone"), "{stopped}");
    library.js("await queue('mail').upsertJobScheduler('later', { pattern: '0 3 * * *' }, { name: 'later' })");
    assert_eq!(of(&schedules(&server).await, "later").stopped, None);
    let (ids, _) = server.driver("bull").ids("mail", JobState::Delayed, None).await.unwrap();
    let _: i64 = server.run_command(&["ZREM", "bull:mail:delayed", &ids[0]]).await;
    assert!(of(&schedules(&server).await, "later").stopped.is_some(), "also before its time");
}

#[tokio::test]
#[ignore = "needs QD_TEST_CLIENTS_NODE and QD_TEST_NODE; cargo xtask test sets them"]
async fn the_last_run_is_told_while_its_job_is_kept() {
    let server = Server::start().await;
    let mut library = Library::node(6, server.port, "bull");
    let code = "const q = queue('mail'); await q.upsertJobScheduler('good', { every: 3600000 }, { name: 'good' }); \
                await q.upsertJobScheduler('bad', { every: 3600000 }, { name: 'bad' }); \
                worker('mail', async (job) => { if (job.name === 'bad') throw new Error('no luck') }); \
                await until('both', async () => { const c = await q.getJobCounts(); return c.completed === 1 && c.failed === 1 && c.delayed === 2 })";
    library.js(code);
    let all = schedules(&server).await;
    let (good, bad) = (of(&all, "good"), of(&all, "bad"));
    assert_eq!((good.last_outcome.as_deref(), bad.last_outcome.as_deref()), (Some("completed"), Some("failed")));
    assert_eq!((bad.last_error.as_deref(), &good.last_error, &good.stopped, &bad.stopped), (Some("no luck"), &None, &None, &None));
    assert!(good.last_at.is_some() && good.last_finished_at >= good.last_at && good.next_at > good.last_finished_at);
}
