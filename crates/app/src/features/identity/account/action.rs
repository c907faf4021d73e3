//! What can be asked for about accounts.

use qd_core::gate::{Access, Action, AuditEvent, Danger, Role, Target};
use serde::Serialize;
use uuid::Uuid;

/// A new account. Its owner gets a one-time link and chooses the password.
#[derive(Clone, Debug, Serialize)]
pub struct CreateUser {
    /// Email to sign in with.
    pub email: String,
    /// Name for people.
    pub name: String,
    /// Role.
    pub role: Role,
}

/// Another role.
#[derive(Clone, Debug, Serialize)]
pub struct SetRole {
    /// Whose.
    pub user: Uuid,
    /// The new role.
    pub role: Role,
}

/// No more signing in; all sessions end.
#[derive(Clone, Debug, Serialize)]
pub struct DisableUser {
    /// Who.
    pub user: Uuid,
}

/// Signing in works again.
#[derive(Clone, Debug, Serialize)]
pub struct EnableUser {
    /// Who.
    pub user: Uuid,
}

/// The password and all sessions end; a one-time link lets the owner choose a new one.
#[derive(Clone, Debug, Serialize)]
pub struct ResetPassword {
    /// Whose.
    pub user: Uuid,
}

/// One's own new password. The passwords themselves are no part of the action.
#[derive(Clone, Debug, Serialize)]
pub struct ChangePassword {
    /// Whose: the caller's own.
    pub user: Uuid,
}

/// One's own name.
#[derive(Clone, Debug, Serialize)]
pub struct Rename {
    /// Whose: the caller's own.
    pub user: Uuid,
    /// The new name.
    pub name: String,
}

macro_rules! action {
    ($type:ty, $name:literal, $event:literal, $who:expr, $danger:expr, $this:ident => $id:expr) => {
        impl Action for $type {
            const NAME: &'static str = $name;
            const EVENT: AuditEvent = AuditEvent($event);
            const WHO: Access = $who;
            const DANGER: Danger = $danger;

            fn target(&self) -> Target {
                let $this = self;
                Target::new("user", $id)
            }
        }
    };
}

// The id of a new account is only known afterwards.
action!(CreateUser, "user.create", "USER_CREATED", Access::RULE, Danger::Guarded, _this => "new");
action!(SetRole, "user.role", "USER_ROLE_CHANGED", Access::RULE, Danger::Guarded, this => this.user);
action!(DisableUser, "user.disable", "USER_DISABLED", Access::RULE, Danger::Guarded, this => this.user);
action!(EnableUser, "user.enable", "USER_ENABLED", Access::RULE, Danger::Guarded, this => this.user);
action!(ResetPassword, "user.password", "USER_PASSWORD_RESET", Access::RULE, Danger::Guarded, this => this.user);
action!(ChangePassword, "user.own_password", "USER_PASSWORD_CHANGED", Access::SignedIn, Danger::Routine, this => this.user);
action!(Rename, "user.own_name", "USER_RENAMED", Access::SignedIn, Danger::Routine, this => this.user);
