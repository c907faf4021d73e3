//! Workers among the clients of the server: they name their connection after their queue.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A worker's connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The queue that it works on.
    pub queue: String,
    /// The worker's own name, or `client 17`.
    pub name: String,
    /// Where it comes from.
    pub address: Option<String>,
    /// Seconds that it is connected.
    pub age: Option<i64>,
}

/// The worker in one line of `CLIENT LIST`, if it is one. Its name is the prefix and the queue, with `:w:<name>` behind them when it has one; the
/// queue is in base64, or, by BullMQ for Python, as it is. What could be both is the queue that `known` knows.
pub fn client(line: &str, prefix: &str, known: impl Fn(&str) -> bool) -> Option<Client> {
    let value = |wanted: &str| line.split(' ').find_map(|pair| pair.strip_prefix(wanted)?.strip_prefix('='));
    let rest = value("name")?.strip_prefix(prefix)?.strip_prefix(':')?;
    let (queue, own) = match rest.split_once(':') {
        None => (rest, None),
        Some((queue, suffix)) => (queue, Some(suffix.strip_prefix("w:")?)),
    };
    let decoded = STANDARD.decode(queue).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let decoded = decoded.filter(|name| known(name) || !known(queue));
    let queue = decoded.unwrap_or_else(|| queue.to_owned());
    let name = own.filter(|own| !own.is_empty()).map_or_else(|| format!("client {}", value("id").unwrap_or("?")), ToOwned::to_owned);
    let address = value("addr").filter(|address| !address.is_empty()).map(ToOwned::to_owned);
    let age = value("age").and_then(|age| age.parse().ok());
    (!queue.is_empty()).then_some(Client { queue, name, address, age })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(line: &str) -> Option<Client> {
        client(line, "bull", |name| name == "cafe")
    }

    #[test]
    fn workers_are_told_from_other_clients() {
        let line = "id=17 addr=10.0.0.7:5100 laddr=10.0.0.1:6379 fd=9 name=bull:bWFpbA==:w:w-1 age=62 idle=0 cmd=bzpopmin";
        let named = worker(line).unwrap();
        assert_eq!(
            (named.queue.as_str(), named.name.as_str(), named.address.as_deref(), named.age),
            ("mail", "w-1", Some("10.0.0.7:5100"), Some(62))
        );
        assert_eq!(worker("id=17 name=bull:bWFpbA==").unwrap().name, "client 17");
        let plain = worker("id=5 name=bull:mail.a:w:snake").unwrap();
        assert_eq!((plain.queue.as_str(), plain.name.as_str()), ("mail.a", "snake"), "as BullMQ for Python names it");
        assert_eq!(worker("id=5 name=bull:cafe").unwrap().queue, "cafe", "what is both is the known one");
        for other in ["id=1 name=bull:bWFpbA==:qe", "id=1 name=", "id=1 name=other:bWFpbA==", "", "name=bull:"] {
            assert_eq!(worker(other), None, "{other}");
        }
    }
}
