//! What every verb gets: database, gate, clock, board, bus, ports, configuration, and the state of features by type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use engine::Db;

use crate::audit::{Anchor, Signer};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::event::Bus;
use crate::gate::{Actor, Gate};
use crate::keys::Keys;
use crate::port::Ports;
use crate::published::Published;
use crate::reading::Board;
use crate::time::{Clock, Timestamp};

/// The running application. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<AppParts>);

/// The parts of an [`App`].
#[derive(Debug)]
pub struct AppParts {
    /// Our own database.
    pub db: Db,
    /// Where "now" comes from.
    pub clock: Clock,
    /// The configuration that holds.
    pub config: Config,
    /// The one gate.
    pub gate: Gate,
    /// The last reading of everything.
    pub board: Board,
    /// Events.
    pub bus: Bus,
    /// Systems outside.
    pub ports: Ports,
    /// What applications obey, and its revision.
    pub published: Published,
    /// Keys of tickets and fingerprints.
    pub keys: Keys,
    /// Signs checkpoints of the audit trail.
    pub signer: Signer,
    /// Keeps them outside the database.
    pub anchor: Anchor,
    /// When this process started.
    pub started: Timestamp,
    /// State of features, one value per type.
    pub state: StateMap,
}

/// One shared value per type.
#[derive(Debug, Default)]
pub struct StateMap(HashMap<TypeId, Arc<dyn Any + Send + Sync>, BuildHasherDefault<AsIs>>);

/// The compiler's ids of types are hashes already.
#[derive(Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl StateMap {
    /// Adds the value of a type; a second one replaces the first.
    pub fn insert<T: Any + Send + Sync>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(value));
    }
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: AppParts) -> Self {
        Self(Arc::new(parts))
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The state of a feature.
    ///
    /// # Errors
    /// [`Error::Broken`] when the wiring left it out.
    pub fn state<T: Any + Send + Sync>(&self) -> Result<Arc<T>> {
        let found = self.0.state.0.get(&TypeId::of::<T>()).cloned();
        let typed = found.and_then(|any| any.downcast::<T>().ok());
        typed.ok_or_else(|| Error::Broken(format!("no state of type {}", std::any::type_name::<T>())))
    }
}

/// What a job of ours runs with: the application, and the program itself as the one who acts.
#[derive(Clone, Debug)]
pub struct Runner {
    /// The application.
    pub app: App,
    /// `system:housekeeping`.
    pub actor: Actor,
}

impl Deref for App {
    type Target = AppParts;

    fn deref(&self) -> &AppParts {
        &self.0
    }
}
