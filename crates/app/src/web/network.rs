//! Who calls, from where: forwarding headers count only from configured proxies.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use ipnet::IpNet;
use qd_core::{Error, Result};

/// A list of networks.
#[derive(Clone, Debug, Default)]
pub struct Networks(Arc<[IpNet]>);

impl Networks {
    /// Reads CIDR networks or single addresses.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the first that is neither.
    pub fn parse(field: &str, list: &[String]) -> Result<Self> {
        let one = |text: &String| {
            let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
            net.ok_or_else(|| Error::invalid(field, format!("{text} is no address and no network such as 10.0.0.0/8.")))
        };
        Ok(Self(list.iter().map(one).collect::<Result<_>>()?))
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address lies in one of the networks.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|net| net.contains(&ip))
    }
}

/// The caller's address: the peer's, or, behind trusted proxies, the rightmost forwarded one that is not a proxy itself. A hop that is no
/// address ends the walk: what stands left of it, anybody may have written.
pub(super) fn caller(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> IpAddr {
    if !trusted.contains(peer) {
        return peer.to_canonical();
    }
    let lines = headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or_default());
    let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    let mut known = peer;
    for hop in hops.into_iter().rev() {
        match address(hop.trim()) {
            Some(next) if trusted.contains(known) => known = next,
            _ => break,
        }
    }
    known.to_canonical()
}

/// `203.0.113.9`, `203.0.113.9:51234`, `2001:db8::1` or `[2001:db8::1]:51234`.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()))
}

/// Whether the browser's side is TLS: said by a trusted proxy.
pub(super) fn is_secure(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> bool {
    trusted.contains(peer) && headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_header_counts_for_nothing() {
        let trusted = Networks::parse("t", &["10.0.0.0/8".into()]).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "127.0.0.1, 203.0.113.9, 10.0.0.7".parse().unwrap());
        let at = |peer: &str| caller(peer.parse().unwrap(), &headers, &trusted).to_string();
        assert_eq!(at("198.51.100.1"), "198.51.100.1");
        assert_eq!(at("10.0.0.2"), "203.0.113.9");
        for (forwarded, seen) in
            [("10.1.2.3, 203.0.113.9:51234", "203.0.113.9"), ("10.1.2.3, unknown", "10.0.0.2"), ("[2001:db8::1]:5", "2001:db8::1")]
        {
            headers.insert("x-forwarded-for", forwarded.parse().unwrap());
            assert_eq!(caller("10.0.0.2".parse().unwrap(), &headers, &trusted).to_string(), seen, "{forwarded}");
        }
        assert!(Networks::parse("t", &["nonsense".into()]).is_err());
    }
}
