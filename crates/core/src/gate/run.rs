//! `transact` for changes in our own database, `perform` for changes outside.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use engine::{Db, Tx};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::{Instrument, error, info};

use super::idempotency::Key;
use super::permit::{Change, Done, GateTx, Permit};
use super::refusals::{self, Fate, Refusals};
use super::{Action, ActionInfo, Actor, ActorKind, Confirmation, Target, check, intent};
use crate::audit::{self, Entry, Kind};
use crate::error::{Error, Result};
use crate::event::{self, Event};
use crate::ledger;
use crate::time::Clock;

/// The one gate. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Gate {
    db: Db,
    clock: Clock,
    refusals: Refusals,
}

/// What an action's call is made of, kept together on its way through the gate.
struct Call<A> {
    action: A,
    actor: Actor,
    reason: Option<String>,
    key: Option<Key>,
    entry: Entry,
}

impl<A: Action> Call<A> {
    fn new(actor: &Actor, action: A, given: Confirmation) -> Result<Self> {
        let reason = given.reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
        let key = Key::of(actor, &action, given.idempotency_key.as_deref())?;
        let entry = Entry { reason: reason.clone(), preview_digest: given.preview_digest, ..Entry::about(actor, &action) };
        Ok(Self { action, actor: actor.clone(), reason, key, entry })
    }
}

impl Gate {
    /// The gate over our own database.
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock, refusals: Refusals::default() }
    }

    /// Whether `actor` could run this with this confirmation. Nothing is written.
    pub fn check<A: Action>(&self, actor: &Actor, action: &A, given: &Confirmation) -> Result<()> {
        check::role::<A>(actor).and_then(|()| check::confirmation(action, given))
    }

    /// A change in our own database: `work` and its audit row are one transaction. On failure everything of `work` is rolled back and a
    /// failure row is written in a transaction of its own.
    ///
    /// # Errors
    /// [`Error::Forbidden`] (recorded), [`Error::Invalid`] for reason or phrase, [`Error::Conflict`] for a running idempotency key, and
    /// whatever `work` gives.
    pub async fn transact<A, T, F>(&self, actor: &Actor, action: A, given: Confirmation, work: F) -> Result<Done<T>>
    where
        A: Action,
        T: Serialize + DeserializeOwned + Send + 'static,
        F: for<'t> FnOnce(GateTx<'t>, Permit<A>) -> BoxFuture<'t, Result<Change<T>>> + Send + 'static,
    {
        self.admit(actor, &action, &given).await?;
        let gate = self.clone();
        let call = Call::new(actor, action, given)?;
        // In a task of its own: a caller who hangs up must not take the failure row with it.
        let task = async move { gate.write_recorded(call, work).await };
        tokio::spawn(task.in_current_span()).await.map_err(|fault| Error::Broken(format!("{}: {fault}", A::NAME)))?
    }

    /// A change outside our database: an intent row, then `work`, then an outcome row. `work` runs in a task of its own: a caller that hangs
    /// up cancels nothing half way.
    ///
    /// # Errors
    /// As [`Gate::transact`].
    pub async fn perform<A, T, F>(&self, actor: &Actor, action: A, given: Confirmation, work: F) -> Result<Done<T>>
    where
        A: Action,
        T: Serialize + DeserializeOwned + Send + 'static,
        F: FnOnce(Permit<A>) -> BoxFuture<'static, Result<Change<T>>> + Send + 'static,
    {
        self.admit(actor, &action, &given).await?;
        let gate = self.clone();
        let call = Call::new(actor, action, given)?;
        let task = async move { gate.intent_then_outcome(call, work).await };
        tokio::spawn(task.in_current_span()).await.map_err(|fault| Error::Broken(format!("{}: {fault}", A::NAME)))?
    }

    /// Records that somebody who is known was not let in to an action, where the action itself could not be made yet. Of many within a minute
    /// the first have rows of their own, the rest one row with their number.
    pub async fn refuse(&self, actor: &Actor, info: ActionInfo, target: Target, fault: &Error) -> Result<()> {
        let entry = Entry { error: Some(fault.to_string()), ..Entry::refused(actor, info, target) };
        let (fate, before) = self.refusals.take(entry, self.clock.now());
        if let Some(before) = before {
            self.append(before).await?;
        }
        match fate {
            Fate::Recorded(entry) => self.append(*entry).await?,
            Fate::Counted { first: true } => self.settle_later(),
            Fate::Counted { first: false } => {}
        }
        Ok(())
    }

    /// Writes the number of refusals that were only counted: those whose minute is over, or, when the program stops, all.
    ///
    /// # Errors
    /// Those of our database.
    pub async fn settle_refusals(&self, stopping: bool) -> Result<()> {
        for entry in self.refusals.over((!stopping).then(|| self.clock.now())) {
            self.append(entry).await?;
        }
        Ok(())
    }

    fn settle_later(&self) {
        let gate = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(refusals::WINDOW.unsigned_abs() + 1)).await;
            if let Err(fault) = gate.settle_refusals(false).await {
                error!(%fault, "number of refusals not recorded");
            }
        });
    }

    /// Role, reason and phrase; a refusal by role is recorded.
    async fn admit<A: Action>(&self, actor: &Actor, action: &A, given: &Confirmation) -> Result<()> {
        if let Err(refused) = check::role::<A>(actor) {
            self.refuse(actor, ActionInfo::of::<A>(), action.target(), &refused).await?;
            return Err(refused);
        }
        check::confirmation(action, given)
    }

    async fn write_recorded<A, T, F>(&self, call: Call<A>, work: F) -> Result<Done<T>>
    where
        A: Action,
        T: Serialize + DeserializeOwned + Send + 'static,
        F: for<'t> FnOnce(GateTx<'t>, Permit<A>) -> BoxFuture<'t, Result<Change<T>>> + Send + 'static,
    {
        let (failed, clock) = (call.entry.clone(), self.clock.clone());
        let run = self.db.write_with(move |tx| Box::pin(async move { in_transaction(tx, call, clock, work).await }));
        let result = run.await;
        match &result {
            Ok(done) => info!(audit_seq = done.audit_seq, action = A::NAME, replayed = done.replayed, "action done"),
            // The program looked at a thing just before somebody changed it: nothing was done, nobody asked for it, and it looks again.
            Err(Error::Outdated(why)) if failed.actor_kind == ActorKind::System.word() => info!(action = A::NAME, why, "nothing to do any more"),
            Err(error) => self.record_failure(failed, error).await,
        }
        result
    }

    async fn intent_then_outcome<A, T, F>(&self, mut call: Call<A>, work: F) -> Result<Done<T>>
    where
        A: Action,
        T: Serialize + DeserializeOwned + Send + 'static,
        F: FnOnce(Permit<A>) -> BoxFuture<'static, Result<Change<T>>> + Send + 'static,
    {
        let seq = match self.write_intent(call.key.clone(), call.entry.clone()).await? {
            Begun::Earlier(done) => return Ok(done),
            Begun::Intent(seq) => seq,
        };
        let permit = Permit::new(call.action, call.actor, call.reason);
        let lease = self.keep_lease(seq);
        let run = AssertUnwindSafe(async move { work(permit).await }).catch_unwind();
        // A panic is a failure like any other: without this the intent would stay open and its lease be renewed for ever.
        let result = run.await.unwrap_or_else(|_| Err(Error::Broken(format!("{} panicked", A::NAME))));
        lease.abort();
        call.entry.kind = Kind::Outcome;
        call.entry.intent_seq = Some(seq);
        let (key, entry, clock) = (call.key, call.entry, self.clock.clone());
        self.db.write_with(move |tx| Box::pin(async move { outcome(tx, seq, key, entry, clock, result).await })).await?
    }

    async fn write_intent<T: DeserializeOwned + Send + 'static>(&self, key: Option<Key>, entry: Entry) -> Result<Begun<T>> {
        let now = self.clock.now();
        let entry = Entry { kind: Kind::Intent, ..entry };
        let write = self.db.write_with(move |tx| {
            Box::pin(async move {
                if let Some(done) = replay(tx, key.as_ref(), now).await? {
                    return Ok(Begun::Earlier(done));
                }
                let seq = audit::append(tx, entry, now).await?.seq;
                intent::open(tx, seq, now).await?;
                Ok(Begun::Intent(seq))
            })
        });
        write.await
    }

    /// Renews the lease of a running intent until aborted.
    fn keep_lease(&self, seq: i64) -> tokio::task::AbortHandle {
        let gate = self.clone();
        let renew = async move {
            let mut tick = tokio::time::interval(Duration::from_secs(intent::LEASE_SECONDS as u64 / 3));
            loop {
                tick.tick().await;
                if let Err(fault) = intent::renew(&gate.db, seq, gate.clock.now()).await {
                    error!(seq, %fault, "intent lease not renewed");
                }
            }
        };
        tokio::spawn(renew).abort_handle()
    }

    async fn record_failure(&self, entry: Entry, error: &Error) {
        // A fault in recording must not hide the first one; it is logged, and the request fails all the same.
        let entry = Entry { kind: Kind::Failed, error: Some(format!("{}: {error}", error.code())), ..entry };
        if let Err(fault) = self.append(entry).await {
            error!(%fault, "failure row not written");
        }
    }

    async fn append(&self, entry: Entry) -> Result<()> {
        let now = self.clock.now();
        self.db.write_with(move |tx| Box::pin(async move { audit::append(tx, entry, now).await.map(|_| ()) })).await
    }
}

enum Begun<T> {
    Earlier(Done<T>),
    Intent(i64),
}

/// The stored answer of an earlier call with the same key.
async fn replay<T: DeserializeOwned>(tx: &mut Tx, key: Option<&Key>, now: crate::Timestamp) -> Result<Option<Done<T>>> {
    let Some(key) = key else { return Ok(None) };
    let Some(earlier) = key.claim(tx, now).await? else { return Ok(None) };
    let value = serde_json::from_value(earlier.response)?;
    Ok(Some(Done { value, audit_seq: earlier.audit_seq, replayed: true }))
}

async fn in_transaction<A, T, F>(tx: &mut Tx, call: Call<A>, clock: Clock, work: F) -> Result<Done<T>>
where
    A: Action,
    T: Serialize + DeserializeOwned + Send + 'static,
    F: for<'t> FnOnce(GateTx<'t>, Permit<A>) -> BoxFuture<'t, Result<Change<T>>> + Send + 'static,
{
    let now = clock.now();
    if let Some(done) = replay(tx, call.key.as_ref(), now).await? {
        return Ok(done);
    }
    let permit = Permit::new(call.action, call.actor, call.reason);
    let change = work(GateTx::new(&mut *tx), permit).await?;
    record(tx, call.key, call.entry, change, now).await
}

/// Ledger, event, then the audit row as the last statement but the key's own.
async fn record<T: Serialize>(tx: &mut Tx, key: Option<Key>, mut entry: Entry, change: Change<T>, now: crate::Timestamp) -> Result<Done<T>> {
    let response = serde_json::to_string(&change.value)?;
    if let Some(id) = &change.target_id {
        entry.target.id.clone_from(id);
    }
    ledger::append(tx, &entry, change.before.as_ref(), change.after.as_ref(), change.undo.as_ref(), now).await?;
    event::emit(tx, Event::of_action(&entry, change.after.clone(), now)).await?;
    let row = audit::append(tx, Entry { before: change.before, after: change.after, ..entry }, now).await?;
    if let Some(key) = key {
        key.finish(tx, response, row.seq).await?;
    }
    Ok(Done { value: change.value, audit_seq: row.seq, replayed: false })
}

/// Writes what became of an intent. The outer result is about the writing, the inner one is the action's.
async fn outcome<T: Serialize>(
    tx: &mut Tx,
    seq: i64,
    key: Option<Key>,
    entry: Entry,
    clock: Clock,
    result: Result<Change<T>>,
) -> Result<Result<Done<T>>> {
    let now = clock.now();
    if !intent::close(tx, seq).await? {
        error!(seq, "an intent was swept as interrupted while it still ran");
    }
    match result {
        Ok(change) => Ok(Ok(record(tx, key, entry, change, now).await?)),
        Err(error) => {
            let entry = Entry { error: Some(format!("{}: {error}", error.code())), ..entry };
            audit::append(tx, entry, now).await?;
            if let Some(key) = key {
                key.release(tx).await?;
            }
            Ok(Err(error))
        }
    }
}
