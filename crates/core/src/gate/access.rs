//! Who may enter: four roles, token scopes, and the rule that each route and action declares.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Actor;

/// What a person may do. `SUPER_ADMIN` > `ADMIN` > `STAFF_ADMIN`; `AUDITOR` stands beside them and reads the audit trail only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// What loses data, blocks users or changes the system.
    SuperAdmin,
    /// Operational work.
    Admin,
    /// Reads everything but secrets, changes nothing.
    StaffAdmin,
    /// Reads the audit trail, nothing else.
    Auditor,
}

impl Role {
    /// All roles, the strongest first.
    pub const ALL: [Self; 4] = [Self::SuperAdmin, Self::Admin, Self::StaffAdmin, Self::Auditor];

    /// The word on screens, in JSON and in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::SuperAdmin => "SUPER_ADMIN",
            Self::Admin => "ADMIN",
            Self::StaffAdmin => "STAFF_ADMIN",
            Self::Auditor => "AUDITOR",
        }
    }

    /// The role of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// What a person with this role can do, in one sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::SuperAdmin => "Everything: also users, their sessions and sign-in links, and API tokens.",
            Self::Admin => "Operational work: incidents. Reads everything but secrets.",
            Self::StaffAdmin => "Reads everything but secrets. Changes nothing but the own account.",
            Self::Auditor => "Reads the audit trail. Nothing else, and changes nothing but the own account.",
        }
    }

    /// Whether this role includes `lowest`. `AUDITOR` includes and is included by itself only.
    pub fn includes(self, lowest: Self) -> bool {
        let rank = |role| match role {
            Self::SuperAdmin => 3,
            Self::Admin => 2,
            Self::StaffAdmin => 1,
            Self::Auditor => 0,
        };
        match (self, lowest) {
            (Self::Auditor, _) | (_, Self::Auditor) => self == lowest,
            _ => rank(self) >= rank(lowest),
        }
    }
}

/// The rule at a route or an action. There is no default: whoever declares a route says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Access {
    /// Anybody, signed in or not: sign-in, probes, assets.
    Anyone,
    /// Any signed-in person, whatever the role: own account, own sessions.
    SignedIn,
    /// A person with at least this role.
    Role(Role),
    /// Those who may read the audit trail: `STAFF_ADMIN` and up, and `AUDITOR`.
    Audit,
    /// A machine with a token of this scope.
    Scope(&'static str),
    /// A person with at least this role, or a machine with a token of this scope.
    RoleOrScope(Role, &'static str),
}

impl Access {
    /// Everything but secrets may be read by `STAFF_ADMIN` and up.
    pub const READ: Self = Self::Role(Role::StaffAdmin);
    /// Operational work.
    pub const OPERATE: Self = Self::Role(Role::Admin);
    /// What loses data, blocks users or changes the system.
    pub const RULE: Self = Self::Role(Role::SuperAdmin);

    /// Whether `actor` may enter.
    pub fn admits(self, actor: &Actor) -> bool {
        let role = |lowest| actor.role().is_some_and(|role| role.includes(lowest));
        match self {
            Self::Anyone => true,
            Self::SignedIn => actor.role().is_some(),
            Self::Role(lowest) => role(lowest),
            Self::Audit => role(Role::StaffAdmin) || role(Role::Auditor),
            Self::Scope(scope) => actor.has_scope(scope),
            Self::RoleOrScope(lowest, scope) => role(lowest) || actor.has_scope(scope),
        }
    }

    /// The rule in words, for refusals and documentation.
    pub fn words(self) -> String {
        match self {
            Self::Anyone => "anybody".into(),
            Self::SignedIn => "anybody who is signed in".into(),
            Self::Role(role) => at_least(role),
            Self::Audit => "STAFF_ADMIN or higher, or AUDITOR".into(),
            Self::Scope(scope) => format!("a token with scope {scope}"),
            Self::RoleOrScope(role, scope) => format!("{}, or a token with scope {scope}", at_least(role)),
        }
    }
}

fn at_least(role: Role) -> String {
    match role {
        // Nothing is higher than the first, and nothing includes the last.
        Role::SuperAdmin | Role::Auditor => role.word().into(),
        Role::Admin | Role::StaffAdmin => format!("{} or higher", role.word()),
    }
}

#[cfg(test)]
mod tests {
    use super::Role::{Admin, Auditor, StaffAdmin, SuperAdmin};

    #[test]
    fn the_auditor_stands_beside_the_ladder() {
        assert!(SuperAdmin.includes(StaffAdmin) && SuperAdmin.includes(Admin) && Admin.includes(StaffAdmin));
        assert!(!StaffAdmin.includes(Admin) && !Admin.includes(SuperAdmin));
        assert!(!SuperAdmin.includes(Auditor) && !Auditor.includes(StaffAdmin) && Auditor.includes(Auditor));
    }
}
