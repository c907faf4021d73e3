//! Who acts. Actors are made in the few places that `tests/it/architecture.rs` lists, and nowhere else.

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Role;

/// What kind of actor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ActorKind {
    /// Nobody is known.
    Anonymous,
    /// A person with a session.
    User,
    /// A machine with an API token.
    Token,
    /// Somebody at the command line of the server.
    Cli,
    /// The program itself: schedules, sweeps.
    System,
}

impl ActorKind {
    /// The word in the audit row.
    pub fn word(self) -> &'static str {
        match self {
            Self::Anonymous => "ANONYMOUS",
            Self::User => "USER",
            Self::Token => "TOKEN",
            Self::Cli => "CLI",
            Self::System => "SYSTEM",
        }
    }
}

/// From where the actor came: hashed into the audit row as stored.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// Address of the caller, after trusted proxies.
    pub ip: Option<String>,
    /// `User-Agent`, cut to 300 characters.
    pub user_agent: Option<String>,
    /// Id of the request.
    pub request_id: Option<String>,
    /// W3C trace id of the request, if it carried one.
    pub trace_id: Option<String>,
}

/// Who acts: kind, id, name, rights and origin. Cheap to clone, but for the origin.
#[derive(Clone, Debug)]
pub struct Actor {
    who: Arc<Who>,
    client: Client,
}

#[derive(Clone, Debug)]
struct Who {
    kind: ActorKind,
    id: String,
    name: String,
    role: Option<Role>,
    scopes: Vec<String>,
    session: Option<Uuid>,
}

impl Who {
    fn new(kind: ActorKind, id: String, name: String, role: Option<Role>) -> Self {
        Self { kind, id, name, role, scopes: Vec::new(), session: None }
    }

    fn from(self, client: Client) -> Actor {
        Actor { who: Arc::new(self), client }
    }
}

static NOBODY: LazyLock<Arc<Who>> = LazyLock::new(|| Arc::new(Who::new(ActorKind::Anonymous, "anonymous".into(), "anonymous".into(), None)));

impl Actor {
    /// A caller of whom nothing is known.
    pub fn anonymous(client: Client) -> Self {
        Self { who: Arc::clone(&NOBODY), client }
    }

    /// A person with a valid session.
    pub fn user(id: Uuid, name: impl Into<String>, role: Role, session: Uuid, client: Client) -> Self {
        Who { session: Some(session), ..Who::new(ActorKind::User, id.to_string(), name.into(), Some(role)) }.from(client)
    }

    /// A machine with a valid token.
    pub fn token(id: Uuid, name: impl Into<String>, scopes: Vec<String>, client: Client) -> Self {
        Who { scopes, ..Who::new(ActorKind::Token, id.to_string(), name.into(), None) }.from(client)
    }

    /// The same actor in another request.
    #[must_use]
    pub fn seen_from(&self, client: Client) -> Self {
        Self { who: Arc::clone(&self.who), client }
    }

    /// Somebody at the command line of the server: whoever can run it there can read the files anyway.
    pub fn cli(user: impl Into<String>) -> Self {
        let user = user.into();
        Who::new(ActorKind::Cli, format!("cli:{user}"), user, Some(Role::SuperAdmin)).from(Client::default())
    }

    /// The program itself, acting as one of its parts (`housekeeping`, `demo`).
    pub fn system(part: &'static str) -> Self {
        Who::new(ActorKind::System, format!("system:{part}"), part.into(), Some(Role::SuperAdmin)).from(Client::default())
    }

    /// What kind of actor it is.
    pub fn kind(&self) -> ActorKind {
        self.who.kind
    }

    /// Id of the user or token; a word for the others.
    pub fn id(&self) -> &str {
        &self.who.id
    }

    /// The id as UUID, for users and tokens.
    pub fn uuid(&self) -> Option<Uuid> {
        Uuid::parse_str(&self.who.id).ok()
    }

    /// Name for people.
    pub fn name(&self) -> &str {
        &self.who.name
    }

    /// Role, if it is a person.
    pub fn role(&self) -> Option<Role> {
        self.who.role
    }

    /// The session it came with, if any.
    pub fn session(&self) -> Option<Uuid> {
        self.who.session
    }

    /// Where it came from.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether a token carries this scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.who.scopes.iter().any(|own| own == scope)
    }

    /// Whether anybody is known at all.
    pub fn is_anonymous(&self) -> bool {
        self.who.kind == ActorKind::Anonymous
    }
}
