//! Where a Redis is: one server, one behind sentinels, or a cluster; from a URL.

use std::fmt;

use qd_core::secret::Secret;
use qd_core::{Error, Result};
use redis::cluster::ClusterClient;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisResult, TlsCertificates, TlsMode};

use super::{CONNECT, RESPONSE};

const FORMS: &str = "Give redis://user:password@host:6379/0 (rediss:// with TLS), redis+sentinel://user:password@host:26379,host:26379/master-name/0 \
                     or redis+cluster://user:password@host:7000,host:7001.";

/// How a Redis is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    One,
    Sentinel,
    Cluster,
}

/// A checked address. Nothing is connected.
pub struct Target {
    form: Form,
    tls: bool,
    /// One URL of the `redis` crate for each host, with the login.
    nodes: Vec<ConnectionInfo>,
    hosts: String,
    master: String,
    login: Option<(String, String)>,
    sentinel_login: Option<(String, String)>,
    certificates: Option<TlsCertificates>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("form", &self.form).field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// What is behind `?`.
#[derive(Default)]
struct Options {
    ca: Option<String>,
    sentinel_user: String,
    sentinel_password: Option<String>,
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another form, and for an authority's file that can't be read; the text does not repeat the URL.
    pub fn parse(url: &Secret) -> Result<Self> {
        let invalid = |why: &str| Error::invalid("url", why);
        let url = url.expose();
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let (scheme, rest) = address.split_once("://").ok_or_else(|| invalid(FORMS))?;
        let (tls, form) = match scheme {
            "redis" => (false, Form::One),
            "rediss" => (true, Form::One),
            "redis+sentinel" => (false, Form::Sentinel),
            "rediss+sentinel" => (true, Form::Sentinel),
            "redis+cluster" => (false, Form::Cluster),
            "rediss+cluster" => (true, Form::Cluster),
            _ => return Err(invalid(FORMS)),
        };
        // The last @ ends the login: a password may hold another one.
        let (login, place) = rest.rsplit_once('@').map_or(("", rest), |(login, place)| (login, place));
        let (hosts, path) = place.split_once('/').unwrap_or((place, ""));
        let (master, db) = match form {
            Form::One => ("", path),
            Form::Sentinel => path.split_once('/').unwrap_or((path, "")),
            Form::Cluster => ("", ""),
        };
        if (form == Form::Sentinel) == master.is_empty() || (form == Form::One && hosts.contains(',')) {
            return Err(invalid(FORMS));
        }
        let options = options(query)?;
        let port = if form == Form::Sentinel { 26_379 } else { 6_379 };
        let at = if login.is_empty() { String::new() } else { format!("{login}@") };
        let nodes = hosts.split(',').map(|host| {
            let url = format!("{}://{at}{}/{db}", if tls { "rediss" } else { "redis" }, with_port(host.trim(), port));
            url.as_str().into_connection_info()
        });
        let nodes: RedisResult<Vec<ConnectionInfo>> = nodes.collect();
        let nodes = nodes.map_err(|_| invalid(FORMS))?;
        let login = nodes.first().and_then(|node| login_of(node.redis_settings()));
        let sentinel_login = options.sentinel_password.map(|password| (options.sentinel_user, password));
        let certificates = options.ca.as_deref().map(certificates).transpose()?;
        Ok(Self { form, tls, nodes, hosts: hosts.to_owned(), master: master.to_owned(), login, sentinel_login, certificates })
    }

    /// Where it is, for people: no login.
    pub fn place(&self) -> String {
        let db = self.nodes.first().map_or(0, |node| node.redis_settings().db());
        match self.form {
            Form::One => format!("{}/{db}", self.hosts),
            Form::Sentinel => format!("{}/{db} by sentinels at {}", self.master, self.hosts),
            Form::Cluster => format!("cluster at {}", self.hosts),
        }
    }

    /// Whether keys are spread over several servers.
    pub fn is_cluster(&self) -> bool {
        self.form == Form::Cluster
    }

    /// The client of one server; `None` for the other forms.
    pub(super) fn one(&self) -> Option<RedisResult<Client>> {
        let node = (self.form == Form::One).then(|| self.nodes.first().cloned()).flatten()?;
        Some(match &self.certificates {
            Some(certificates) if self.tls => Client::build_with_tls(node, certificates.clone()),
            _ => Client::open(node),
        })
    }

    /// The client that asks sentinels for the master; `None` for the other forms.
    pub(super) fn sentinel(&self) -> Option<RedisResult<SentinelClient>> {
        (self.form == Form::Sentinel).then(|| self.sentinel_client())
    }

    fn sentinel_client(&self) -> RedisResult<SentinelClient> {
        let nodes: Vec<ConnectionAddr> = self.nodes.iter().map(|node| node.addr().clone()).collect();
        let db = self.nodes.first().map_or(0, |node| node.redis_settings().db());
        let mut builder = SentinelClientBuilder::new(nodes, &self.master, SentinelServerType::Master)?.set_client_to_redis_db(db);
        if let Some((user, password)) = &self.login {
            builder = builder.set_client_to_redis_password(password);
            if !user.is_empty() {
                builder = builder.set_client_to_redis_username(user);
            }
        }
        if let Some((user, password)) = &self.sentinel_login {
            builder = builder.set_client_to_sentinel_password(password);
            if !user.is_empty() {
                builder = builder.set_client_to_sentinel_username(user);
            }
        }
        if self.tls {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
            if let Some(certificates) = &self.certificates {
                builder = builder.set_client_to_redis_certificates(certificates.clone()).set_client_to_sentinel_certificates(certificates.clone());
            }
        }
        builder.build()
    }

    /// The client of a cluster; `None` for the other forms.
    pub(super) fn cluster(&self) -> Option<RedisResult<ClusterClient>> {
        (self.form == Form::Cluster).then(|| {
            let mut builder = ClusterClient::builder(self.nodes.clone());
            builder = builder.connection_timeout(CONNECT).response_timeout(RESPONSE).retries(1);
            if let Some(certificates) = &self.certificates {
                builder = builder.certs(certificates.clone());
            }
            builder.build()
        })
    }
}

fn options(query: &str) -> Result<Options> {
    let mut options = Options::default();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match key.as_ref() {
            "ca" => options.ca = Some(value.into_owned()),
            "sentinel_username" => options.sentinel_user = value.into_owned(),
            "sentinel_password" => options.sentinel_password = Some(value.into_owned()),
            _ => return Err(Error::invalid("url", "Behind the question mark may stand: ca, sentinel_username, sentinel_password.")),
        }
    }
    Ok(options)
}

fn with_port(host: &str, port: u16) -> String {
    let behind = host.rsplit_once(']').map_or(host, |(_, behind)| behind);
    if behind.contains(':') { host.to_owned() } else { format!("{host}:{port}") }
}

fn login_of(settings: &RedisConnectionInfo) -> Option<(String, String)> {
    let password = settings.password()?;
    Some((settings.username().unwrap_or_default().to_owned(), password.to_owned()))
}

fn certificates(path: &str) -> Result<TlsCertificates> {
    let pem = std::fs::read(path).map_err(|fault| Error::invalid("url", format!("The file of ca= can't be read: {fault}.")))?;
    Ok(TlsCertificates { client_tls: None, root_cert: Some(pem) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Option<String> {
        Target::parse(&Secret::new(url)).ok().map(|target| target.place())
    }

    #[test]
    fn every_form_is_known_and_no_login_is_told() {
        assert_eq!(place("redis://redis-prod:6379/2").unwrap(), "redis-prod:6379/2");
        assert_eq!(place("rediss://me:p%40ss@redis-prod").unwrap(), "redis-prod/0");
        assert_eq!(place("redis+sentinel://:p@a,b:26380/main/3?sentinel_password=x").unwrap(), "main/3 by sentinels at a,b:26380");
        assert_eq!(place("rediss+cluster://u:p@[::1]:7000,b").unwrap(), "cluster at [::1]:7000,b");
        let wrong =
            ["http://a", "redis", "redis+sentinel://a:1", "redis://a,b", "redis://a/x", "redis+http://a", "redis://a?db=1", "rediss://a?ca=/no/such"];
        for wrong in wrong {
            assert!(place(wrong).is_none(), "{wrong}");
        }
        let target = Target::parse(&Secret::new("redis+sentinel://u:hidden1@a/m?sentinel_password=hidden2")).unwrap();
        assert!(!format!("{target:?} {}", target.place()).contains("hidden"));
        let refused = Target::parse(&Secret::new("http://u:hidden@a")).unwrap_err();
        assert!(!format!("{refused:?}").contains("hidden"));
    }

    #[test]
    fn logins_go_to_the_servers_that_they_are_for() {
        let target = Target::parse(&Secret::new("redis+sentinel://me:p%40ss@a/m?sentinel_username=s&sentinel_password=t%2F")).unwrap();
        assert_eq!(target.login, Some(("me".into(), "p@ss".into())));
        assert_eq!(target.sentinel_login, Some(("s".into(), "t/".into())));
        assert!(target.sentinel().unwrap().is_ok() && target.one().is_none() && target.cluster().is_none());
        assert_eq!(with_port("[::1]", 1), "[::1]:1");
        assert_eq!(with_port("[::1]:2", 1), "[::1]:2");
    }
}
