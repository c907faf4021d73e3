//! Deploys through the public face: CI, Render, GitHub, instances, rollback.

mod hooks;
mod records;
mod render;
mod rollback;

use serde_json::Value;

use crate::support::{Client, World};

/// What CI sends.
pub async fn ci(world: &World) -> Client {
    world.machine(&["deploys:write"]).await
}

/// Deploys as the API lists them.
pub async fn history(client: &Client) -> Vec<Value> {
    client.get("/api/admin/ops/deployment/history?limit=100").await.expect(200).json()["deployments"].as_array().unwrap().clone()
}
