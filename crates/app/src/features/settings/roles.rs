//! Who may do what, read from the actions themselves: there is no second list.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use qd_core::gate::{Access, ActionInfo, Danger, Role};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::Routes;

/// One action, and which roles may run it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Right {
    /// Name of the action: "incident.close".
    pub action: &'static str,
    /// Its event in the audit trail.
    pub event: &'static str,
    /// How much of a confirmation it takes.
    pub danger: Danger,
    /// Who may, in words.
    pub who: String,
    /// Roles that may.
    pub roles: Vec<Role>,
}

/// A role and what it is for.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct RoleInfo {
    /// Role.
    pub role: Role,
    /// What a person with it can do, in one sentence.
    pub meaning: &'static str,
}

/// All roles, the strongest first.
pub fn roles() -> Vec<RoleInfo> {
    Role::ALL.into_iter().map(|role| RoleInfo { role, meaning: role.meaning() }).collect()
}

/// Every action of the product, by name.
pub fn rights() -> &'static [Right] {
    static RIGHTS: LazyLock<Vec<Right>> = LazyLock::new(|| {
        let routes = crate::features().iter().fold(Routes::default(), |routes, feature| (feature.routes)(routes));
        let actions = routes.entries().iter().filter_map(|entry| entry.action).map(|action| (action.name, action));
        actions.collect::<BTreeMap<_, _>>().into_values().map(right).collect()
    });
    &RIGHTS
}

fn right(action: ActionInfo) -> Right {
    let roles = Role::ALL.into_iter().filter(|role| allows(action.who, *role)).collect();
    Right { action: action.name, event: action.event.0, danger: action.danger, who: action.who.words(), roles }
}

/// Whether a person with this role passes the rule.
fn allows(who: Access, role: Role) -> bool {
    match who {
        Access::Anyone | Access::SignedIn => true,
        Access::Role(lowest) | Access::RoleOrScope(lowest, _) => role.includes(lowest),
        Access::Audit => role.includes(Role::StaffAdmin) || role == Role::Auditor,
        Access::Scope(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_says_what_the_gate_says() {
        use qd_core::gate::{Actor, Client};
        let rules = [Access::Anyone, Access::SignedIn, Access::READ, Access::OPERATE, Access::RULE, Access::Role(Role::Auditor), Access::Audit];
        let more = [Access::Scope("ingest"), Access::RoleOrScope(Role::Admin, "ingest")];
        for rule in rules.into_iter().chain(more) {
            for role in Role::ALL {
                let actor = Actor::user(uuid::Uuid::nil(), "x", role, uuid::Uuid::nil(), Client::default());
                assert_eq!(allows(rule, role), rule.admits(&actor), "{rule:?} {role:?}");
            }
        }
    }
}
