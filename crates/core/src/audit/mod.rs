//! The audit trail: a gapless, hash-chained, append-only table. This module is its only writer (law 3).

mod chain;
mod checkpoint;
mod read;
mod verify;

use engine::{Tx, args};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub use chain::{GENESIS, canonical, digest, hash_of};
pub(crate) use checkpoint::private_file;
pub use checkpoint::{Anchor, Checkpoint, Signer, Trusted, checkpoint_due_by_rows, checkpoint_if_due, checkpoint_last, checkpoints};
pub use read::{Filter, by_seq, export_page, get, list, matching_after, related};
pub use verify::{Break, Report, Verifier, verify};

use crate::error::{Error, Result};
use crate::gate::{Action, ActionInfo, Actor, AuditEvent, Target};
use crate::time::Timestamp;

/// What a row tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A change in our own database that was done.
    Done,
    /// A change that failed; nothing of it is left.
    Failed,
    /// A change outside that is about to be tried.
    Intent,
    /// What became of an intent; names its `seq`.
    Outcome,
    /// Somebody was not allowed.
    Refused,
}

impl Kind {
    /// The word in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Intent => "intent",
            Self::Outcome => "outcome",
            Self::Refused => "refused",
        }
    }
}

/// A row that is to be written.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(crate) kind: Kind,
    pub(crate) intent_seq: Option<i64>,
    pub(crate) actor_kind: String,
    pub(crate) actor_id: String,
    pub(crate) actor_name: String,
    pub(crate) actor_role: Option<String>,
    pub(crate) ip: Option<String>,
    pub(crate) user_agent: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) trace_id: Option<String>,
    pub(crate) scope: String,
    pub(crate) event: String,
    pub(crate) action: String,
    pub(crate) target: Target,
    pub(crate) reason: Option<String>,
    pub(crate) severity: String,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
    pub(crate) error: Option<String>,
    pub(crate) preview_digest: Option<String>,
}

impl Entry {
    fn by(actor: &Actor, kind: Kind, event: AuditEvent, action: &str, target: Target, severity: &str) -> Self {
        let client = actor.client();
        Self {
            kind,
            intent_seq: None,
            actor_kind: actor.kind().word().into(),
            actor_id: actor.id().into(),
            actor_name: actor.name().into(),
            actor_role: actor.role().map(|role| role.word().into()),
            ip: client.ip.clone(),
            user_agent: client.user_agent.clone(),
            request_id: client.request_id.clone(),
            trace_id: client.trace_id.clone(),
            scope: event.scope().into(),
            event: event.0.into(),
            action: action.into(),
            target,
            reason: None,
            severity: severity.into(),
            before: None,
            after: None,
            error: None,
            preview_digest: None,
        }
    }

    pub(crate) fn about<A: Action>(actor: &Actor, action: &A) -> Self {
        Self::by(actor, Kind::Done, A::EVENT, A::NAME, action.target(), A::DANGER.severity())
    }

    pub(crate) fn refused(actor: &Actor, info: ActionInfo, target: Target) -> Self {
        Self::by(actor, Kind::Refused, info.event, info.name, target, "WARNING")
    }

    /// The skeleton of an outcome: who, what and why as in its intent.
    pub(crate) fn following(intent: &Row) -> Self {
        Self {
            kind: Kind::Outcome,
            intent_seq: Some(intent.seq),
            actor_kind: intent.actor_kind.clone(),
            actor_id: intent.actor_id.clone(),
            actor_name: intent.actor_name.clone(),
            actor_role: intent.actor_role.clone(),
            ip: intent.ip.clone(),
            user_agent: intent.user_agent.clone(),
            request_id: intent.request_id.clone(),
            trace_id: intent.trace_id.clone(),
            scope: intent.scope.clone(),
            event: intent.event.clone(),
            action: intent.action.clone(),
            target: Target::new(&intent.target_kind, &intent.target_id),
            reason: intent.reason.clone(),
            severity: intent.severity.clone(),
            before: None,
            after: None,
            error: None,
            preview_digest: intent.preview_digest.clone(),
        }
    }
}

/// A row of the trail, as exported and as hashed: `hash` = SHA-256(0x00 ‖ `prev_hash` ‖ canonical JSON of all other fields).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::FromRow)]
pub struct Row {
    /// Gapless number, from 1.
    pub seq: i64,
    /// Microseconds since 1970-01-01 UTC.
    pub at: i64,
    /// done | failed | intent | outcome | refused
    pub kind: String,
    /// The intent that this is the outcome of.
    pub intent_seq: Option<i64>,
    /// USER | TOKEN | CLI | SYSTEM | ANONYMOUS
    pub actor_kind: String,
    /// Id of the actor.
    pub actor_id: String,
    /// Name of the actor.
    pub actor_name: String,
    /// Role of the actor, if it is a person.
    pub actor_role: Option<String>,
    /// Address of the caller.
    pub ip: Option<String>,
    /// User agent of the caller.
    pub user_agent: Option<String>,
    /// Id of the request.
    pub request_id: Option<String>,
    /// W3C trace id.
    pub trace_id: Option<String>,
    /// AUTH | USER | CONFIG | OPS
    pub scope: String,
    /// Name in the audit catalogue: INCIDENT_CREATED.
    pub event: String,
    /// Name of the action: incident.open.
    pub action: String,
    /// Kind of the target.
    pub target_kind: String,
    /// Id of the target.
    pub target_id: String,
    /// Why.
    pub reason: Option<String>,
    /// INFO | NOTICE | WARNING | CRITICAL
    pub severity: String,
    /// State before, canonical JSON.
    pub before: Option<String>,
    /// State after, canonical JSON.
    pub after: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// Digest of the preview that was shown.
    pub preview_digest: Option<String>,
    /// Hash of the row before, hex; 64 zeros for the first.
    pub prev_hash: String,
    /// Hash of this row, hex.
    pub hash: String,
}

const LOCK: &str = "SELECT 1::bigint FROM (SELECT pg_advisory_xact_lock(7165494)) AS held";
const HEAD: &str = "SELECT seq, hash FROM audit_event ORDER BY seq DESC LIMIT 1";
const INSERT: &str = "INSERT INTO audit_event (seq, at, kind, intent_seq, actor_kind, actor_id, actor_name, actor_role, ip, user_agent, \
     request_id, trace_id, scope, event, action, target_kind, target_id, reason, severity, before, after, error, preview_digest, prev_hash, hash) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)";
/// All statements of the trail.
pub(crate) const STATEMENTS: &[&[&str]] = &[&[HEAD, INSERT], read::STATEMENTS, checkpoint::STATEMENTS];

/// Appends a row. Appends are serialised: SQLite has one writer; on Postgres an advisory lock is held to the end of the transaction, so this
/// is called last.
pub(crate) async fn append(tx: &mut Tx, entry: Entry, now: Timestamp) -> Result<Row> {
    // Differs because SQLite's single writer needs no lock.
    if tx.dialect() == engine::Dialect::Postgres {
        let _: (i64,) = tx.one(LOCK, args![]).await?;
    }
    let head: Option<(i64, String)> = tx.maybe(HEAD, args![]).await?;
    let (last, prev_hash) = head.unwrap_or((0, GENESIS.into()));
    let row = chain::seal(row_of(entry, last + 1, now)?, prev_hash)?;
    tx.exec(INSERT, insert_args(&row)).await?;
    Ok(row)
}

fn row_of(entry: Entry, seq: i64, now: Timestamp) -> Result<Row> {
    let text = |value: Option<Value>| value.map(|value| canonical(&value)).transpose();
    Ok(Row {
        seq,
        at: now.0,
        kind: entry.kind.word().into(),
        intent_seq: entry.intent_seq,
        actor_kind: entry.actor_kind,
        actor_id: entry.actor_id,
        actor_name: entry.actor_name,
        actor_role: entry.actor_role,
        ip: entry.ip,
        user_agent: entry.user_agent,
        request_id: entry.request_id,
        trace_id: entry.trace_id,
        scope: entry.scope,
        event: entry.event,
        action: entry.action,
        target_kind: entry.target.kind,
        target_id: entry.target.id,
        reason: entry.reason,
        severity: entry.severity,
        before: text(entry.before)?,
        after: text(entry.after)?,
        error: entry.error,
        preview_digest: entry.preview_digest,
        prev_hash: String::new(),
        hash: String::new(),
    })
}

fn insert_args(row: &Row) -> engine::Args {
    let row = row.clone();
    args![
        row.seq, row.at, row.kind, row.intent_seq, row.actor_kind, row.actor_id, row.actor_name, row.actor_role, row.ip, row.user_agent,
        row.request_id, row.trace_id, row.scope, row.event, row.action, row.target_kind, row.target_id, row.reason, row.severity, row.before,
        row.after, row.error, row.preview_digest, row.prev_hash, row.hash
    ]
}

/// Records what is no action but must be in the trail: signing in and out, and failures of it.
pub async fn record(tx: &mut Tx, actor: &Actor, event: AuditEvent, target: Target, fault: Option<&Error>, now: Timestamp) -> Result<Row> {
    let (kind, severity) = if fault.is_some() { (Kind::Refused, "WARNING") } else { (Kind::Done, "INFO") };
    let action = event.0.to_ascii_lowercase().replacen('_', ".", 1);
    let entry = Entry { error: fault.map(ToString::to_string), ..Entry::by(actor, kind, event, &action, target, severity) };
    append(tx, entry, now).await
}
