//! The flags that a fresh installation begins with: those that operators of the platform know. Made once; what is archived does not come back.

use qd_core::gate::{Actor, Change, Confirmation};
use qd_core::{App, Result, published};
use serde_json::{Map, Value};

use super::action::Seed;
use super::change::{self, person};
use super::{Definition, Flag, Percent, Scope, store};
use crate::features::flags::serve;

/// Key, scope, whether it is on for everybody or off for everybody, and what it is.
const DEFAULTS: [(&str, Scope, bool, &str); 5] = [
    ("ai_assist_parts", Scope::Vendor, true, "AI recipe parsing and product suggestions."),
    ("label_studio_pro", Scope::Vendor, false, "Advanced label designer."),
    ("marketplace_v2", Scope::Global, false, "New marketplace with a better search."),
    ("sse_realtime", Scope::Global, true, "Live updates by server-sent events."),
    ("vacation_fee_pause", Scope::Vendor, true, "Pauses platform fees while a vendor is on vacation."),
];

/// Makes the first flags, once in the life of a database. `actor` is the program itself.
///
/// # Errors
/// Those of the gate and the database.
pub async fn seed(app: &App, actor: &Actor) -> Result<()> {
    if store::seeded(&app.db).await? {
        return Ok(());
    }
    let now = app.now();
    let work = app.gate.transact(actor, Seed {}, Confirmation::because("The first flags of a new installation"), move |mut tx, permit| {
        Box::pin(async move {
            published::bump(&mut tx).await?;
            let first = store::mark_seeded(&mut tx, now).await?;
            let mut made = Map::new();
            for (key, scope, on, notes) in DEFAULTS.into_iter().filter(|_| first) {
                let rollout_percentage = if on { Percent::ALL } else { Percent::NONE };
                let definition = Definition { scope, enabled: on, rollout_percentage, notes: notes.into(), ..Definition::default() }.tidy();
                let by = person(permit.actor());
                let settled_at = definition.settled().then_some(now);
                let base = Flag { key: key.into(), definition, version: 1, settled_at, ..Flag::default() };
                let flag = Flag { created_at: now, updated_at: now, created_by: by.clone(), updated_by: by, ..base };
                if store::insert(&mut tx, &flag).await? {
                    store::add_revision(&mut tx, &flag, "flag.seed", permit.reason()).await?;
                    made.insert(flag.key.clone(), change::whole(&flag)?);
                }
            }
            Ok(Change::between(made.len(), None, Value::Object(made)))
        })
    });
    let done = serve::publish(app, work.await?).await;
    tracing::info!(flags = done.value, "first flags made");
    Ok(())
}
