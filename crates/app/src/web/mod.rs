//! The web frame: routes that declare who may enter, one handler in three shapes, the confirm dialog, sessions by trait, layers, OpenAPI.
//!
//! It knows no feature. Features hand in their [`Feature`] manifests; identity fills [`Sessions`], the views fill [`Chrome`].

mod answer;
mod assets;
mod body;
mod changes;
mod confirm;
mod context;
mod document;
pub mod etag;
mod events;
mod feature;
mod flash;
mod input;
mod layers;
mod network;
mod openapi;
mod own;
mod plane;
mod probes;
mod problem;
mod reply;
mod routes;
mod serve;
mod starter;

pub use body::read_limited;
pub use changes::{APPLICATIONS, MAX_STREAMS, Seats, VISITORS, changes};
pub use confirm::{Dialog, Form};
pub use context::{Chrome, Credentials, Ctx, Nothing, Page, Sessions};
pub use document::{document, error_body};
pub use feature::{Feature, MenuItem};
pub use network::Networks;
pub use probes::{keep_figures, recorder};
pub use problem::{Problem, json_response as problem_response, problem, status_of};
pub use reply::{Reply, Toast, Undo, View};
pub use routes::{API, Place, Plane, RouteEntry, Routes};
pub use serve::{Answering, Site, Web, WebParts, site};
pub use starter::{Starter, troubles};
