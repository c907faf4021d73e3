//! All SQL about ramps and changes at a time.

use engine::{Db, Tx, args};
use qd_core::gate::GateTx;
use qd_core::{Error, Result, Timestamp};
use uuid::Uuid;

use super::{Ramp, RampState, ScheduleState, Scheduled};
use crate::features::flags::definition::{Percent, Person};

const BY_ID: &str = "SELECT * FROM flag_ramp WHERE id = $1";
const ACTIVE: &str = "SELECT * FROM flag_ramp WHERE flag_key = $1 AND state IN ('RUNNING', 'PAUSED')";
const ALL_ACTIVE: &str = "SELECT * FROM flag_ramp WHERE state IN ('RUNNING', 'PAUSED') LIMIT 2000";
const HISTORY: &str = "SELECT * FROM flag_ramp WHERE flag_key = $1 ORDER BY started_at DESC LIMIT $2";
const OVERDUE: &str = "SELECT id, next_at FROM flag_ramp WHERE state = 'RUNNING' AND next_at <= $1 ORDER BY next_at LIMIT 100";
const INSERT: &str = "INSERT INTO flag_ramp (id, flag_key, state, steps, next_step, next_at, wait_micros, started_at, started_by, \
     started_by_name, updated_at, ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const SAVE: &str = "UPDATE flag_ramp SET state = $2, next_step = $3, next_at = $4, wait_micros = $5, updated_at = $6, ended_at = $7 \
     WHERE id = $1 AND state IN ('RUNNING', 'PAUSED')";
const PAUSE: &str = "UPDATE flag_ramp SET state = 'PAUSED', wait_micros = CASE WHEN next_at > $2 THEN next_at - $2 ELSE 0 END, next_at = NULL, \
     updated_at = $2 WHERE flag_key = $1 AND state = 'RUNNING'";
const SCHEDULE: &str = "SELECT * FROM flag_schedule WHERE id = $1";
const SCHEDULES: &str = "SELECT * FROM flag_schedule WHERE flag_key = $1 ORDER BY at DESC LIMIT $2";
const PENDING: &str = "SELECT count(*) FROM flag_schedule WHERE flag_key = $1 AND state = 'PENDING'";
const UPCOMING: &str = "SELECT flag_key, min(at) FROM flag_schedule WHERE state = 'PENDING' GROUP BY flag_key LIMIT 2000";
const SCHEDULES_DUE: &str = "SELECT id FROM flag_schedule WHERE state = 'PENDING' AND at <= $1 ORDER BY at LIMIT 100";
const ADD_SCHEDULE: &str = "INSERT INTO flag_schedule (id, flag_key, at, enabled, basis_points, state, reason, created_at, created_by, \
     created_by_name) VALUES ($1, $2, $3, $4, $5, 'PENDING', $6, $7, $8, $9)";
const END_SCHEDULE: &str = "UPDATE flag_schedule SET state = $2, ended_at = $3, fault = $4 WHERE id = $1 AND state = 'PENDING'";
const DROP_SCHEDULES: &str = "UPDATE flag_schedule SET state = 'CANCELLED', ended_at = $2, fault = $3 WHERE flag_key = $1 AND state = 'PENDING'";
const DROP_ENABLING: &str = "UPDATE flag_schedule SET state = 'CANCELLED', ended_at = $2, fault = $3 \
     WHERE flag_key = $1 AND state = 'PENDING' AND enabled = $4";
/// Every static statement about ramps and changes at a time.
pub const STATEMENTS: &[&str] = &[
    BY_ID, ACTIVE, ALL_ACTIVE, HISTORY, OVERDUE, INSERT, SAVE, PAUSE, SCHEDULE, SCHEDULES, PENDING, UPCOMING, SCHEDULES_DUE, ADD_SCHEDULE,
    END_SCHEDULE, DROP_SCHEDULES, DROP_ENABLING,
];

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    flag_key: String,
    state: String,
    steps: String,
    next_step: i64,
    next_at: Option<i64>,
    wait_micros: Option<i64>,
    started_at: i64,
    started_by: String,
    started_by_name: String,
    updated_at: i64,
    ended_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct ScheduleRow {
    id: Uuid,
    flag_key: String,
    at: i64,
    enabled: Option<bool>,
    basis_points: Option<i64>,
    state: String,
    reason: Option<String>,
    created_at: i64,
    created_by: String,
    created_by_name: String,
    ended_at: Option<i64>,
    fault: Option<String>,
}

impl Row {
    fn ramp(self) -> Result<Ramp> {
        Ok(Ramp {
            state: RampState::parse(&self.state).ok_or_else(|| Error::Broken(format!("unknown state {} in flag_ramp", self.state)))?,
            steps: serde_json::from_str(&self.steps)?,
            id: self.id,
            flag: self.flag_key,
            next_step: usize::try_from(self.next_step).unwrap_or(0),
            next_at: self.next_at.map(Timestamp),
            wait_seconds: self.wait_micros.map(|micros| micros.div_euclid(1_000_000)),
            started_at: Timestamp(self.started_at),
            started_by: Person { id: self.started_by, name: self.started_by_name },
            updated_at: Timestamp(self.updated_at),
            ended_at: self.ended_at.map(Timestamp),
        })
    }
}

impl ScheduleRow {
    fn scheduled(self) -> Result<Scheduled> {
        Ok(Scheduled {
            state: ScheduleState::parse(&self.state).ok_or_else(|| Error::Broken(format!("unknown state {} in flag_schedule", self.state)))?,
            id: self.id,
            flag: self.flag_key,
            at: Timestamp(self.at),
            enabled: self.enabled,
            rollout_percentage: self.basis_points.and_then(Percent::of_basis_points),
            reason: self.reason,
            created_at: Timestamp(self.created_at),
            created_by: Person { id: self.created_by, name: self.created_by_name },
            ended_at: self.ended_at.map(Timestamp),
            fault: self.fault,
        })
    }
}

fn micros(seconds: Option<i64>) -> Option<i64> {
    seconds.map(|seconds| seconds.saturating_mul(1_000_000))
}

fn place(step: usize) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}

/// One ramp.
pub async fn by_id(db: &Db, id: Uuid) -> Result<Option<Ramp>> {
    db.maybe::<Row>(BY_ID, args![id]).await?.map(Row::ramp).transpose()
}

/// One ramp within a change.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Ramp>> {
    tx.maybe::<Row>(BY_ID, args![id]).await?.map(Row::ramp).transpose()
}

/// The running or paused ramp of a flag, within a change.
pub async fn active(tx: &mut Tx, flag: &str) -> Result<Option<Ramp>> {
    tx.maybe::<Row>(ACTIVE, args![flag]).await?.map(Row::ramp).transpose()
}

/// The running or paused ramp of a flag.
pub async fn current(db: &Db, flag: &str) -> Result<Option<Ramp>> {
    db.maybe::<Row>(ACTIVE, args![flag]).await?.map(Row::ramp).transpose()
}

/// All running and paused ramps, and the flags of those that can't be read.
pub async fn all_active(db: &Db) -> Result<(Vec<Ramp>, Vec<String>)> {
    let (mut ramps, mut stuck) = (Vec::new(), Vec::new());
    for row in db.all::<Row>(ALL_ACTIVE, args![]).await? {
        let flag = row.flag_key.clone();
        match row.ramp() {
            Ok(ramp) => ramps.push(ramp),
            Err(fault) => {
                tracing::error!(%fault, flag, "a ramp can't be read");
                stuck.push(flag);
            }
        }
    }
    Ok((ramps, stuck))
}

/// Lets a flag's running ramp wait, without reading its steps; whether there was one.
pub async fn pause(tx: &mut GateTx<'_>, flag: &str, now: Timestamp) -> Result<bool> {
    Ok(tx.exec(PAUSE, args![flag, now.0]).await? > 0)
}

/// Ramps of a flag, the latest first.
pub async fn history(db: &Db, flag: &str, limit: i64) -> Result<Vec<Ramp>> {
    db.all::<Row>(HISTORY, args![flag, limit]).await?.into_iter().map(Row::ramp).collect()
}

/// Running ramps whose next step is due, with its time; at most 100.
pub async fn overdue(db: &Db, now: Timestamp) -> Result<Vec<(Uuid, i64)>> {
    Ok(db.all(OVERDUE, args![now.0]).await?)
}

/// Adds a ramp.
pub async fn insert(tx: &mut GateTx<'_>, ramp: &Ramp) -> Result<()> {
    let row = args![
        ramp.id,
        ramp.flag.as_str(),
        ramp.state.word(),
        serde_json::to_string(&ramp.steps)?,
        place(ramp.next_step),
        ramp.next_at.map(|at| at.0),
        micros(ramp.wait_seconds),
        ramp.started_at.0,
        ramp.started_by.id.as_str(),
        ramp.started_by.name.as_str(),
        ramp.updated_at.0,
        ramp.ended_at.map(|at| at.0)
    ];
    tx.exec(INSERT, row).await?;
    Ok(())
}

/// Writes where a ramp stands, unless it is over.
pub async fn save(tx: &mut GateTx<'_>, ramp: &Ramp) -> Result<()> {
    let row = args![
        ramp.id,
        ramp.state.word(),
        place(ramp.next_step),
        ramp.next_at.map(|at| at.0),
        micros(ramp.wait_seconds),
        ramp.updated_at.0,
        ramp.ended_at.map(|at| at.0)
    ];
    match tx.exec(SAVE, row).await? {
        1 => Ok(()),
        _ => Err(Error::Conflict("The ramp is over. Nothing was changed.".into())),
    }
}

/// One change at a time.
pub async fn schedule(db: &Db, id: Uuid) -> Result<Option<Scheduled>> {
    db.maybe::<ScheduleRow>(SCHEDULE, args![id]).await?.map(ScheduleRow::scheduled).transpose()
}

/// Changes of a flag at a time, the latest first.
pub async fn schedules(db: &Db, flag: &str, limit: i64) -> Result<Vec<Scheduled>> {
    db.all::<ScheduleRow>(SCHEDULES, args![flag, limit]).await?.into_iter().map(ScheduleRow::scheduled).collect()
}

/// How many changes of a flag wait for their time.
pub async fn pending(tx: &mut Tx, flag: &str) -> Result<i64> {
    Ok(tx.one::<(i64,)>(PENDING, args![flag]).await?.0)
}

/// When the next change of each flag is due.
pub async fn upcoming(db: &Db) -> Result<Vec<(String, i64)>> {
    Ok(db.all(UPCOMING, args![]).await?)
}

/// Changes whose time has come, at most 100.
pub async fn schedules_due(db: &Db, now: Timestamp) -> Result<Vec<Uuid>> {
    Ok(db.all::<(Uuid,)>(SCHEDULES_DUE, args![now.0]).await?.into_iter().map(|(id,)| id).collect())
}

/// Adds a change at a time.
pub async fn add_schedule(tx: &mut GateTx<'_>, new: &Scheduled) -> Result<()> {
    let row = args![
        new.id,
        new.flag.as_str(),
        new.at.0,
        new.enabled,
        new.rollout_percentage.map(Percent::basis_points),
        new.reason.clone(),
        new.created_at.0,
        new.created_by.id.as_str(),
        new.created_by.name.as_str()
    ];
    tx.exec(ADD_SCHEDULE, row).await?;
    Ok(())
}

/// Ends a waiting change; false when it no longer waits.
pub async fn end_schedule(tx: &mut GateTx<'_>, id: Uuid, state: ScheduleState, fault: Option<&str>, now: Timestamp) -> Result<bool> {
    Ok(tx.exec(END_SCHEDULE, args![id, state.word(), now.0, fault.map(str::to_owned)]).await? == 1)
}

/// Takes all waiting changes of a flag back.
pub async fn drop_schedules(tx: &mut GateTx<'_>, flag: &str, why: &str, now: Timestamp) -> Result<u64> {
    Ok(tx.exec(DROP_SCHEDULES, args![flag, now.0, why]).await?)
}

/// Takes those back that would turn it on.
pub async fn drop_enabling(tx: &mut GateTx<'_>, flag: &str, why: &str, now: Timestamp) -> Result<u64> {
    Ok(tx.exec(DROP_ENABLING, args![flag, now.0, why, true]).await?)
}
