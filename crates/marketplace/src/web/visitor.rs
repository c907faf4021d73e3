//! Who asks for a page: the session's user, if any, and the cart.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use client::Context;
use serde_json::json;

use super::cart::Cart;
use super::fault::Fault;
use super::guard::Known;
use super::notice::{self, Notice};
use super::{Shop, cookies};
use crate::store::accounts::User;

/// Whoever asks.
#[derive(Debug, Default)]
pub struct Visitor {
    pub user: Option<User>,
    pub cart: Cart,
    /// What they should know of maintenance.
    pub notices: Vec<Notice>,
    /// Whether they see the new shop.
    pub v2: bool,
}

impl Visitor {
    /// The user, or a way to the sign-in page that comes back to `next`.
    pub fn signed_in(&self, next: &'static str) -> Result<&User, Fault> {
        self.user.as_ref().ok_or(Fault::SignIn(next))
    }

    /// The user and their shop.
    pub fn vendor(&self) -> Result<(&User, Uuid), Fault> {
        let user = self.signed_in("/vendor")?;
        let vendor = user.vendor_id.ok_or(Fault::Forbidden("The portal is for people who sell here."))?;
        Ok((user, vendor))
    }
}

impl FromRequestParts<Arc<Shop>> for Visitor {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, shop: &Arc<Shop>) -> Result<Self, Fault> {
        let cart = cookies::read(&parts.headers, cookies::CART).map(Cart::read).unwrap_or_default();
        let known = parts.extensions.get::<Known>().cloned().unwrap_or_default();
        let v2 = shop.control.flags.enabled("marketplace_v2", &context(&known), false).await;
        let notices = notice::notices(&shop.control.maintenance, known.user.as_ref(), &shop.zone);
        Ok(Self { user: known.user, cart, notices, v2 })
    }
}

/// What flags are asked for: who it is (an id, never an address), and as what.
fn context(known: &Known) -> Context {
    let vendor = known.user.as_ref().and_then(|user| user.vendor_id);
    let mut context = Context::new();
    context.insert("targetingKey".into(), json!(known.key));
    context.insert("role".into(), json!(if vendor.is_some() { "VENDOR" } else { "CUSTOMER" }));
    if let Some(vendor) = vendor {
        context.insert("vendorId".into(), json!(vendor));
    }
    context
}

/// A new session token: 256 random bits.
pub fn token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// What is stored of a token.
pub fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
