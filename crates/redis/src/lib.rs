#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use freshtoken::store::{Entry, Key, Loaded, Sealing, Store, StoreError};
use redis::{Client, Cmd, IntoConnectionInfo, Pipeline, cmd};

use self::error::Problem;
pub use self::error::RedisStoreError;
use self::link::{Link, Target};
use self::script::{call, millis};

mod error;
mod link;
mod script;

/// A store in Redis or Valkey, for many machines. Clones share their connections.
///
/// See the [crate's documentation](crate) for what it stores and how it behaves.
#[derive(Clone)]
pub struct RedisStore {
    /// For what does not wait.
    calls: Arc<Link>,
    /// For writes that wait for replicas: a connection that waits does nothing else meanwhile.
    writes: Arc<Link>,
    prefix: Arc<str>,
    replicas: usize,
}

/// The beginning of every key.
const PREFIX: &str = "freshtoken:";

/// How long to wait for replicas. Less than for a response.
const REPLICA_LIMIT: Duration = Duration::from_secs(1);

impl RedisStore {
    /// Connects to a server: `redis://[user[:password]@]host[:port][/database]`, `rediss://…` for TLS, or
    /// `unix:///path/to/socket`.
    ///
    /// # Errors
    ///
    /// If the URL cannot be used, or the server cannot be reached. A program that should start while Redis is down uses
    /// [`RedisStore::lazy`].
    pub async fn connect(url: impl AsRef<str>) -> Result<Self, RedisStoreError> {
        Self::lazy(url)?.checked().await
    }

    /// Connects to a server when it is first needed.
    ///
    /// # Errors
    ///
    /// If the URL cannot be used.
    pub fn lazy(url: impl AsRef<str>) -> Result<Self, RedisStoreError> {
        let info = url.as_ref().into_connection_info()?;
        prepare_tls();
        Ok(Self::new(Target::Node(Box::new(Client::open(info)?))))
    }

    /// Connects to a Redis Cluster, by the URLs of some of its nodes. All keys of an account are in one hash slot.
    ///
    /// # Errors
    ///
    /// If a URL cannot be used, or no node can be reached.
    #[cfg(feature = "cluster")]
    pub async fn cluster(urls: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, RedisStoreError> {
        let nodes = urls.into_iter().map(|url| url.as_ref().into_connection_info()).collect::<Result<Vec<_>, _>>()?;
        prepare_tls();
        let client = redis::cluster::ClusterClient::builder(nodes)
            .connection_timeout(link::LIMIT)
            .response_timeout(link::LIMIT)
            .overall_response_timeout(Some(link::LIMIT))
            .build()?;
        Self::new(Target::Cluster(Box::new(client))).checked().await
    }

    /// Connects to the primary that the sentinels name, and to the new one after a failover.
    ///
    /// `service` is the name of the monitored primary. `node` is a URL with user, password, database and scheme for the
    /// primary; its host and port are not used.
    ///
    /// # Errors
    ///
    /// If a URL cannot be used, or no sentinel or primary can be reached.
    #[cfg(feature = "sentinel")]
    pub async fn sentinel(
        sentinels: impl IntoIterator<Item = impl AsRef<str>>,
        service: impl Into<String>,
        node: impl AsRef<str>,
    ) -> Result<Self, RedisStoreError> {
        use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
        use redis::{ConnectionAddr, TlsMode};

        let urls = sentinels.into_iter().map(|url| url.as_ref().into_connection_info());
        let urls = urls.collect::<Result<Vec<_>, _>>()?;
        prepare_tls();
        let node = node.as_ref().into_connection_info()?;
        let mut settings =
            SentinelNodeConnectionInfo::default().set_redis_connection_info(node.redis_settings().clone());
        if matches!(node.addr(), ConnectionAddr::TcpTls { .. }) {
            settings = settings.set_tls_mode(TlsMode::Secure);
        }
        let client = SentinelClient::build(urls, service.into(), Some(settings), SentinelServerType::Master)?;
        Self::new(Target::Sentinel(Arc::new(tokio::sync::Mutex::new(client)))).checked().await
    }

    fn new(target: Target) -> Self {
        let link = || Arc::new(Link::new(target.clone()));
        Self { calls: link(), writes: link(), prefix: PREFIX.into(), replicas: 0 }
    }

    async fn checked(self) -> Result<Self, RedisStoreError> {
        let _: Vec<String> = self.calls.query(Pipeline::new().add_command(cmd("PING"))).await?;
        Ok(self)
    }

    /// Sets the beginning of every key, `freshtoken:` by default.
    pub fn prefix(mut self, prefix: impl Into<Arc<str>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Waits after each write of a record until so many replicas have it, at most for a second. If fewer do, the write fails as
    /// "unknown", and a refresh token whose mark it was is not sent.
    pub fn wait_for_replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas;
        self
    }

    /// The keys of one account are in one hash slot of a cluster.
    fn name(&self, key: &Key, kind: &str) -> String {
        format!("{}{{{}}}:{kind}", self.prefix, key.digest())
    }

    async fn run<T: redis::FromRedisValue>(&self, call: Cmd) -> Result<T, RedisStoreError> {
        let results: Vec<T> = self.calls.query(Pipeline::new().add_command(call)).await?;
        results.into_iter().next().ok_or_else(|| Problem::Response.into())
    }

    /// Both commands on one connection: `WAIT` is about the writes of its own.
    async fn run_and_wait(&self, call: Cmd) -> Result<bool, RedisStoreError> {
        let mut commands = Pipeline::new();
        commands.add_command(call);
        commands.cmd("WAIT").arg(self.replicas).arg(millis(REPLICA_LIMIT));
        let (is_stored, confirmed): (bool, usize) = self.writes.query(&commands).await?;
        if is_stored && confirmed < self.replicas {
            return Err(Problem::Replicas { confirmed, wanted: self.replicas }.into());
        }
        Ok(is_stored)
    }
}

/// rustls panics if the program has two providers of cryptography and has chosen none.
fn prepare_tls() {
    #[cfg(feature = "rustls")]
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}

/// 32 hexadecimal digits, different in each call and each process. Its seeds are the system's random numbers.
fn unique_id() -> String {
    let number = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", number(), number())
}

/// What [`RedisStore`]'s load script returns.
type Row = (Option<String>, Option<String>, u64, u32);

impl Store for RedisStore {
    type Lease = RedisLease;

    async fn load(&self, key: &Key) -> Result<Loaded, StoreError> {
        let row: Row = self.run(call(script::LOAD, &self.name(key, "record"))).await?;
        let (generation, text, seconds, micros) = row;
        let entry = match (generation, text) {
            (None, _) => None,
            (Some(generation), Some(text)) => {
                let generation = generation.parse().map_err(|_| RedisStoreError::from(Problem::Response))?;
                Some(Entry::new(generation, text))
            }
            (Some(_), None) => return Err(RedisStoreError::from(Problem::Response).into()),
        };
        let now: SystemTime = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros.into());
        Ok(Loaded::from(entry).at(now))
    }

    async fn compare_and_store(&self, key: &Key, expected: u64, entry: Entry) -> Result<bool, StoreError> {
        let mut call = call(script::COMPARE_AND_STORE, &self.name(key, "record"));
        call.arg(expected).arg(entry.generation()).arg(entry.text()?.expose()).arg(unique_id());
        match entry.keep_for() {
            Some(time) => call.arg(millis(time)),
            None => call.arg(""),
        };
        Ok(if self.replicas == 0 { self.run(call).await? } else { self.run_and_wait(call).await? })
    }

    async fn try_lease(&self, key: &Key, owner: &str, ttl: Duration) -> Result<Option<RedisLease>, StoreError> {
        let lease = RedisLease { owner: format!("{owner}:{}", unique_id()) };
        let mut call = call(script::TAKE_LEASE, &self.name(key, "lease"));
        call.arg(&lease.owner).arg(millis(ttl));
        let is_taken: bool = self.run(call).await?;
        Ok(is_taken.then_some(lease))
    }

    async fn renew_lease(&self, key: &Key, lease: &RedisLease, ttl: Duration) -> Result<bool, StoreError> {
        let mut call = call(script::RENEW_LEASE, &self.name(key, "lease"));
        call.arg(&lease.owner).arg(millis(ttl));
        Ok(self.run(call).await?)
    }

    async fn release_lease(&self, key: &Key, lease: RedisLease) -> Result<(), StoreError> {
        let mut call = call(script::RELEASE_LEASE, &self.name(key, "lease"));
        call.arg(&lease.owner);
        let _was_held: bool = self.run(call).await?;
        Ok(())
    }

    /// Whoever can read the server has the records, so they are sealed unless that is declined by name.
    fn sealing(&self) -> Sealing {
        Sealing::Required
    }
}

/// The lease of a [`RedisStore`]. If it is dropped, it ends when its time is over.
pub struct RedisLease {
    owner: String,
}

/// Prints no URL: it may have a password.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("prefix", &self.prefix).field("replicas", &self.replicas).finish()
    }
}
