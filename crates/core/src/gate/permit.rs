//! The three things that only the gate can make, and what a change gives back.

use std::ops::{Deref, DerefMut};

use engine::Tx;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Actor;

/// The right to run one action once. A changing verb takes it by value.
#[derive(Debug)]
pub struct Permit<A> {
    action: A,
    actor: Actor,
    reason: Option<String>,
    warrant: Warrant,
}

impl<A> Permit<A> {
    pub(super) fn new(action: A, actor: Actor, reason: Option<String>) -> Self {
        Self { action, actor, reason, warrant: Warrant { _made_by_the_gate: () } }
    }

    /// What was asked for.
    pub fn action(&self) -> &A {
        &self.action
    }

    /// Who asked.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Why.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The right in the form that a port's changing methods take: they can't name an action.
    pub fn warrant(&self) -> &Warrant {
        &self.warrant
    }
}

/// Proof, for a port, that the gate let this change through.
#[derive(Debug)]
pub struct Warrant {
    _made_by_the_gate: (),
}

/// The transaction of a change. Store functions that write operator-owned tables take this type, so they can't be called round the gate.
pub struct GateTx<'t>(&'t mut Tx);

impl<'t> GateTx<'t> {
    pub(super) fn new(tx: &'t mut Tx) -> Self {
        Self(tx)
    }
}

impl Deref for GateTx<'_> {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        self.0
    }
}

impl DerefMut for GateTx<'_> {
    fn deref_mut(&mut self) -> &mut Tx {
        self.0
    }
}

/// How to take a change back: a request that the caller may send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    /// What the button says: "Reopen INC-7".
    pub label: String,
    /// Path of the action to post to.
    pub path: String,
    /// Body of the request.
    pub body: Value,
}

/// What a closure under the gate gives back: the value for the caller, and the state before and after for audit and ledger.
#[derive(Debug)]
pub struct Change<T> {
    /// For the caller; stored for replays of the same idempotency key.
    pub value: T,
    /// State before; `None` where there was none.
    pub before: Option<Value>,
    /// State after; `None` where nothing is left.
    pub after: Option<Value>,
    /// How to take it back.
    pub undo: Option<Undo>,
    /// Replaces the target when the id is only known after the change (a created record).
    pub target_id: Option<String>,
}

impl<T> Change<T> {
    /// A change without a recorded before and after.
    pub fn of(value: T) -> Self {
        Self { value, before: None, after: None, undo: None, target_id: None }
    }

    /// A change from one state to another. Never put secrets or personal data into either.
    pub fn between(value: T, before: impl Into<Option<Value>>, after: impl Into<Option<Value>>) -> Self {
        Self { before: before.into(), after: after.into(), ..Self::of(value) }
    }

    /// Names the record that the change created.
    #[must_use]
    pub fn on(mut self, id: impl ToString) -> Self {
        self.target_id = Some(id.to_string());
        self
    }

    /// Says how to take it back.
    #[must_use]
    pub fn undo(mut self, undo: Undo) -> Self {
        self.undo = Some(undo);
        self
    }
}

/// A change that is done and recorded.
#[derive(Clone, Debug)]
pub struct Done<T> {
    /// What the closure gave.
    pub value: T,
    /// Number of the audit row.
    pub audit_seq: i64,
    /// True when this was answered from the idempotency key and nothing was done now.
    pub replayed: bool,
}
