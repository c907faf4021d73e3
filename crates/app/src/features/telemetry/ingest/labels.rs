//! How many names are told apart. What comes beyond counts under "(other)", so that a bad route label costs detail and not memory or disk.

use std::collections::HashMap;
use std::sync::Arc;

use qd_core::Timestamp;

use crate::features::telemetry::endpoints::{Endpoint, Place};

/// The name of everything beyond the limit.
pub(super) const OTHER: &str = "(other)";
/// Services that are told apart.
const SERVICES: usize = 100;
/// Seconds after which a silent endpoint gives its place to a new one.
const SILENT: i64 = 3_600;

/// Known names.
#[derive(Debug)]
pub(super) struct Labels {
    max_routes: usize,
    services: HashMap<Arc<str>, Routes>,
    other: Arc<str>,
    told_services: bool,
    told_routes: bool,
}

#[derive(Debug, Default)]
struct Routes {
    seen: HashMap<(&'static str, Arc<str>), i64>,
    swept_at: i64,
}

impl Labels {
    pub(super) fn new(max_routes: usize) -> Self {
        Self { max_routes: max_routes.max(1), services: HashMap::new(), other: OTHER.into(), told_services: false, told_routes: false }
    }

    /// The service's name, or [`OTHER`].
    pub(super) fn service(&mut self, name: &str) -> Arc<str> {
        if let Some((known, _)) = self.services.get_key_value(name) {
            return Arc::clone(known);
        }
        if self.services.len() >= SERVICES && !std::mem::replace(&mut self.told_services, true) {
            tracing::warn!(limit = SERVICES, service = name, "too many services: from now on new ones count as {OTHER}");
        }
        let name: Arc<str> = if self.services.len() < SERVICES { name.into() } else { Arc::clone(&self.other) };
        self.services.entry(Arc::clone(&name)).or_default();
        name
    }

    /// Takes in a name that was stored before.
    pub(super) fn know(&mut self, service: &Arc<str>, place: Place, now: Timestamp) {
        let routes = self.services.entry(Arc::clone(service)).or_default();
        if routes.seen.len() < self.max_routes && place.1.as_ref() != OTHER {
            routes.seen.insert(place, now.seconds());
        }
    }

    /// Method and route of an endpoint of a [known](Self::service) service, or [`OTHER`] for both.
    pub(super) fn endpoint(&mut self, service: &Arc<str>, endpoint: &Endpoint, now: Timestamp) -> Place {
        let routes = self.services.entry(Arc::clone(service)).or_default();
        let mut place = (endpoint.method, Arc::from(endpoint.route.as_str()));
        if let Some(seen) = routes.seen.get_mut(&place) {
            *seen = now.seconds();
            return place;
        }
        if routes.seen.len() >= self.max_routes && now.seconds() - routes.swept_at > 60 {
            routes.swept_at = now.seconds();
            routes.seen.retain(|_, seen| now.seconds() - *seen < SILENT);
        }
        if routes.seen.len() >= self.max_routes {
            if !std::mem::replace(&mut self.told_routes, true) {
                let (service, route, limit) = (service.as_ref(), endpoint.route.as_str(), self.max_routes);
                tracing::warn!(limit, service, route, "too many routes: new ones count as {OTHER}. Is http.route a template?");
            }
            place = ("", Arc::clone(&self.other));
        } else {
            routes.seen.insert(place.clone(), now.seconds());
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::telemetry::endpoints::Kind;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn endpoint(route: String) -> Endpoint {
        Endpoint { kind: Kind::Server, method: "GET", route }
    }

    #[test]
    fn routes_beyond_the_limit_are_other_until_old_ones_fall_silent() {
        let mut labels = Labels::new(3);
        let web = labels.service("web");
        let mut name = |n: i64, now| labels.endpoint(&web, &endpoint(format!("/{n}")), now).1.to_string();
        assert_eq!((0..5).map(|n| name(n, NOW)).collect::<Vec<_>>(), ["/0", "/1", "/2", OTHER, OTHER]);
        assert_eq!(name(1, NOW.plus_seconds(3_000)), "/1");
        assert_eq!(name(9, NOW.plus_seconds(3_700)), "/9");
        assert_eq!(name(1, NOW.plus_seconds(3_700)), "/1");
    }

    #[test]
    fn services_beyond_the_limit_are_other() {
        let mut labels = Labels::new(3);
        (0..SERVICES).for_each(|n| drop(labels.service(&format!("s{n}"))));
        assert_eq!((labels.service("s7").as_ref(), labels.service("new").as_ref()), ("s7", OTHER));
    }
}
