//! Who asks, found out once for a request, and what they may do while the shop is in maintenance.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use client::{MaintenanceLayer, VendorId};

use super::fault::Fault;
use super::visitor::hash;
use super::{Shop, cookies, notice};
use crate::ids;
use crate::store::accounts::{self, User};

/// A browser that we know nothing of but that it came before.
const BROWSER: &str = "fm_browser";

/// Whoever sent a request: put into its extensions by [`recognise`].
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub user: Option<User>,
    /// Stays the same from visit to visit: the user's id, or the browser's.
    pub key: String,
}

/// Finds out who asks. A browser without a name gets one, so that it sees the same shop next time.
pub async fn recognise(State(shop): State<Arc<Shop>>, mut request: Request, next: Next) -> Response {
    let user = match cookies::read(request.headers(), cookies::SESSION) {
        Some(token) => match accounts::by_session(&shop.db, hash(token), ids::now()).await {
            Ok(user) => user,
            Err(error) => return Fault::from(error).into_response(),
        },
        None => None,
    };
    let named = cookies::read(request.headers(), BROWSER).filter(|name| is_name(name)).map(str::to_owned);
    let fresh = named.is_none().then(|| URL_SAFE_NO_PAD.encode(rand::random::<[u8; 12]>()));
    let browser = named.or_else(|| fresh.clone()).unwrap_or_default();
    let key = user.as_ref().map_or(browser, |user| user.id.to_string());
    request.extensions_mut().insert(Known { user, key });
    let mut answer = next.run(request).await;
    if let Some(fresh) = fresh {
        let (name, value) = cookies::write(BROWSER, &fresh, cookies::MONTH);
        answer.headers_mut().append(name, value);
    }
    answer
}

fn is_name(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Refuses writes while the control center says so. The vendor is whose session it is, wherever they write.
pub fn maintenance(shop: &Arc<Shop>) -> MaintenanceLayer<impl Fn(&http::Request<Body>) -> Option<VendorId> + Clone + use<>> {
    let vendor = |request: &http::Request<Body>| {
        let user = request.extensions().get::<Known>()?.user.as_ref()?;
        user.vendor_id.map(|id| VendorId(id.to_string()))
    };
    let zone = shop.zone.clone();
    MaintenanceLayer::new(shop.control.maintenance.clone(), vendor).page(move |blocked| notice::closed(blocked, &zone))
}
