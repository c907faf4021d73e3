//! Who asks for a page: the session's user, if any, and the cart.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::cart::Cart;
use super::fault::Fault;
use super::{Shop, cookies};
use crate::ids;
use crate::store::accounts::{self, User};

/// Whoever asks.
#[derive(Debug, Default)]
pub struct Visitor {
    pub user: Option<User>,
    pub cart: Cart,
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
        let user = match cookies::read(&parts.headers, cookies::SESSION) {
            Some(token) => accounts::by_session(&shop.db, hash(token), ids::now()).await?,
            None => None,
        };
        Ok(Self { user, cart })
    }
}

/// A new session token: 256 random bits.
pub fn token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// What is stored of a token.
pub fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
