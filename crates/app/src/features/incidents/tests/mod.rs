//! Behaviour of incidents, the same on both databases.

mod figures;
mod life;
mod words;

use qd_core::gate::{Actor, Role};

use super::{Incident, Open, Severity};
use crate::features::testing::{World, because, person};

fn mara() -> Actor {
    person(Role::Admin)
}

fn down(title: &str, severity: Severity) -> Open {
    Open {
        title: title.into(),
        severity,
        summary: String::new(),
        affected: vec!["API".into(), " checkout ".into(), "api".into()],
        tags: vec!["black friday".into()],
        owner_id: None,
        started_at: None,
        sla_mitigate_minutes: None,
        sla_close_minutes: None,
    }
}

async fn opened(world: &World, severity: Severity) -> Incident {
    super::open(&world.app, &mara(), down("Checkout is slow", severity), because()).await.unwrap().value
}
