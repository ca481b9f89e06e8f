//! Where Redis is: what a URL says, and how a connection is made.

use super::RedisSettings;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo, ProtocolVersion,
    RedisError, RedisResult, TlsCertificates, TlsMode,
    aio::{AsyncPushSender, MultiplexedConnection},
    cluster::{ClusterClient, ClusterClientBuilder},
    cluster_async::ClusterConnection,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use std::time::Duration;
use tokio::sync::Mutex;
use url::Url;

/// A deployment of Redis.
pub(super) struct Target {
    kind: Kind,
    timeout: Duration,
}

enum Kind {
    Single(Client),
    Sentinel(Mutex<SentinelClient>),
    Cluster { nodes: Vec<String>, certificates: TlsCertificates },
}

/// An open connection; clones share it.
#[derive(Clone)]
pub(super) enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// What the URL says, before it is a deployment.
struct Place {
    is_tls: bool,
    nodes: Vec<(String, u16)>,
    username: Option<String>,
    password: Option<String>,
    /// The database, or the primary's name.
    path: String,
}

impl Target {
    /// Reads a URL; the error is for a person.
    pub(super) fn parse(url: &str, settings: &RedisSettings) -> Result<Self, String> {
        let (scheme, _) = url.split_once("://").ok_or("the URL has no ://")?;
        let wrong = |error: RedisError| error.to_string();
        let kind = match scheme {
            "redis" | "rediss" => {
                let info = format!("{url}{}protocol=resp3", if url.contains('?') { "&" } else { "?" });
                let info = info.as_str().into_connection_info().map_err(wrong)?;
                let client = if scheme == "rediss" {
                    Client::build_with_tls(info, certificates(settings))
                } else {
                    Client::open(info)
                };
                Kind::Single(client.map_err(wrong)?)
            }
            "redis+sentinel" | "rediss+sentinel" => {
                let sentinel = Place::parse(url)?.sentinel(settings).map_err(wrong)?;
                Kind::Sentinel(Mutex::new(sentinel))
            }
            _ => Kind::Cluster { nodes: Place::parse(url)?.urls(), certificates: certificates(settings) },
        };
        Ok(Self { kind, timeout: Duration::from_millis(settings.timeout_ms) })
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.kind, Kind::Cluster { .. })
    }

    /// A connection for commands.
    pub(super) async fn connect(&self) -> RedisResult<Connection> {
        match &self.kind {
            Kind::Cluster { nodes, certificates } => {
                let client = self.cluster(nodes, certificates).build()?;
                Ok(Connection::Cluster(self.in_time(client.get_async_connection()).await?))
            }
            _ => Ok(Connection::Single(self.single(self.config()).await?)),
        }
    }

    /// A connection whose pushes go to `sender`, subscribed to `channel`.
    pub(super) async fn subscribe(
        &self,
        channel: &str,
        sender: impl AsyncPushSender,
    ) -> RedisResult<Connection> {
        if let Kind::Cluster { nodes, certificates } = &self.kind {
            let client = self.cluster(nodes, certificates).push_sender(sender).build()?;
            let mut connection = self.in_time(client.get_async_connection()).await?;
            self.in_time(connection.ssubscribe(channel)).await?;
            return Ok(Connection::Cluster(connection));
        }
        let mut connection = self.single(self.config().set_push_sender(sender)).await?;
        self.in_time(connection.subscribe(channel)).await?;
        Ok(Connection::Single(connection))
    }

    fn config(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout))
    }

    async fn single(&self, config: AsyncConnectionConfig) -> RedisResult<MultiplexedConnection> {
        match &self.kind {
            Kind::Single(client) => client.get_multiplexed_async_connection_with_config(&config).await,
            Kind::Sentinel(sentinel) => {
                let mut sentinel = sentinel.lock().await;
                self.in_time(sentinel.get_async_connection_with_config(&config)).await
            }
            Kind::Cluster { .. } => unreachable!("a cluster has its own connections"),
        }
    }

    fn cluster(&self, nodes: &[String], certificates: &TlsCertificates) -> ClusterClientBuilder {
        let builder = ClusterClient::builder(nodes.to_vec())
            .use_protocol(ProtocolVersion::RESP3)
            .connection_timeout(self.timeout)
            .response_timeout(self.timeout)
            .retries(2);
        if nodes[0].starts_with("rediss:") { builder.certs(certificates.clone()) } else { builder }
    }

    /// Some steps have no time limit of their own.
    async fn in_time<T>(&self, step: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        match tokio::time::timeout(self.timeout * 2, step).await {
            Ok(result) => result,
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }
    }
}

impl Place {
    fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or("the URL has no ://")?;
        let (credentials, rest) = rest.rsplit_once('@').map_or((None, rest), |(c, rest)| (Some(c), rest));
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        // The parts of a list of hosts are read one by one, by a parser that knows percent signs.
        let read = |host: &str| {
            let one = format!("redis://{}{host}", credentials.map(|c| format!("{c}@")).unwrap_or_default());
            let one = Url::parse(&one).map_err(|error| format!("{host}: {error}"))?;
            let name = one.host_str().ok_or_else(|| format!("{host:?} is not a host"))?;
            Ok::<_, String>(((name.to_owned(), one.port().unwrap_or(6379)), one.clone()))
        };
        let read = hosts.split(',').map(read).collect::<Result<Vec<_>, _>>()?;
        let first = &read[0].1;
        let plain = |text: &str| percent(text);
        Ok(Self {
            is_tls: scheme.starts_with("rediss"),
            username: Some(plain(first.username())).filter(|name| !name.is_empty()),
            password: first.password().map(plain),
            path: path.to_owned(),
            nodes: read.into_iter().map(|(node, _)| node).collect(),
        })
    }

    fn urls(&self) -> Vec<String> {
        let scheme = if self.is_tls { "rediss" } else { "redis" };
        let url = |(host, port): &(String, u16)| {
            let mut url = Url::parse(&format!("{scheme}://{host}:{port}")).expect("made of parts of a URL");
            let set = "a URL with a host takes credentials";
            url.set_username(self.username.as_deref().unwrap_or_default()).expect(set);
            url.set_password(self.password.as_deref()).expect(set);
            url.to_string()
        };
        self.nodes.iter().map(url).collect()
    }

    fn sentinel(self, settings: &RedisSettings) -> RedisResult<SentinelClient> {
        let (tls, certificates) = (self.is_tls, certificates(settings));
        let address = |(host, port): (String, u16)| {
            if tls {
                ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
            } else {
                ConnectionAddr::Tcp(host, port)
            }
        };
        let nodes: Vec<_> = self.nodes.into_iter().map(address).collect();
        let (primary, db) = self.path.split_once('/').unwrap_or((&self.path, "0"));
        let mut builder = SentinelClientBuilder::new(nodes, primary, SentinelServerType::Master)?
            .set_client_to_redis_protocol(ProtocolVersion::RESP3)
            .set_client_to_redis_db(db.parse().unwrap_or(0));
        if tls {
            builder = builder
                .set_client_to_redis_tls_mode(TlsMode::Secure)
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_certificates(certificates);
        }
        if let Some(name) = &self.username {
            builder = builder.set_client_to_redis_username(name);
        }
        if let Some(password) = &self.password {
            builder = builder.set_client_to_redis_password(password);
        }
        if !settings.sentinel_username.is_empty() {
            builder = builder.set_client_to_sentinel_username(&settings.sentinel_username);
        }
        if !settings.sentinel_password.is_empty() {
            builder = builder.set_client_to_sentinel_password(&settings.sentinel_password);
        }
        builder.build()
    }
}

fn percent(text: &str) -> String {
    let form = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(form.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn certificates(settings: &RedisSettings) -> TlsCertificates {
    let bytes = |text: &str| Some(text.as_bytes().to_vec()).filter(|bytes| !bytes.is_empty());
    let own = bytes(&settings.tls_cert).zip(bytes(&settings.tls_key));
    TlsCertificates {
        client_tls: own.map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key }),
        root_cert: bytes(&settings.tls_ca),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_hosts_is_read_with_its_credentials() {
        let place = Place::parse("rediss+sentinel://ada:p%40ss@a:1,b,[::1]:3/chat").unwrap();
        assert!(place.is_tls);
        assert_eq!(place.nodes, [("a".into(), 1), ("b".into(), 6379), ("[::1]".to_owned(), 3)]);
        assert_eq!((place.username.as_deref(), place.password.as_deref()), (Some("ada"), Some("p@ss")));
        assert_eq!(place.path, "chat");
        assert_eq!(place.urls()[0], "rediss://ada:p%40ss@a:1");
        assert!(Place::parse("redis+cluster://a:port").is_err());
    }
}
