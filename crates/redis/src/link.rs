//! A connection that is opened when it is needed, and opened again after it broke.
//!
//! Not redis's `ConnectionManager`: it keeps the failure of its last attempt for the next call, stays on a connection whose
//! responses time out, and knows neither Sentinel nor Cluster.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
#[cfg(feature = "sentinel")]
use redis::sentinel::SentinelClient;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, Pipeline, RedisError};
#[cfg(feature = "cluster")]
use redis::{cluster::ClusterClient, cluster_async::ClusterConnection};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::error::code;

/// How long to connect, and how long to wait for a response. A source waits 5 s for both together.
pub(crate) const LIMIT: Duration = Duration::from_secs(2);

/// Where to connect to.
#[derive(Clone)]
pub(crate) enum Target {
    Node(Box<Client>),
    #[cfg(feature = "cluster")]
    Cluster(Box<ClusterClient>),
    /// Asks the sentinels for the primary.
    #[cfg(feature = "sentinel")]
    Sentinel(Arc<tokio::sync::Mutex<SentinelClient>>),
}

#[derive(Clone)]
enum Connection {
    Node(MultiplexedConnection),
    #[cfg(feature = "cluster")]
    Cluster(ClusterConnection),
}

impl Target {
    async fn connect(&self) -> Result<Connection, RedisError> {
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(LIMIT)).set_response_timeout(Some(LIMIT));
        match self {
            Self::Node(client) => {
                Ok(Connection::Node(client.get_multiplexed_async_connection_with_config(&config).await?))
            }
            #[cfg(feature = "cluster")]
            Self::Cluster(client) => Ok(Connection::Cluster(client.get_async_connection().await?)),
            #[cfg(feature = "sentinel")]
            Self::Sentinel(client) => {
                Ok(Connection::Node(client.lock().await.get_async_connection_with_config(&config).await?))
            }
        }
    }
}

/// A connection for all calls. Callers that find it closed share one attempt to open it.
pub(crate) struct Link {
    target: Target,
    current: Mutex<Arc<OnceCell<Connection>>>,
}

impl Link {
    pub(crate) fn new(target: Target) -> Self {
        Self { target, current: Mutex::default() }
    }

    /// Sends commands on one connection, and returns their responses. If the connection broke since the last call, sends them
    /// once more, so they must be safe to receive twice.
    pub(crate) async fn query<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, RedisError> {
        let cell = self.current();
        let was_open = cell.initialized();
        match self.try_query(&cell, commands).await {
            // The connection is replaced by the first caller that sees the error, so this is a new one.
            Err(error) if was_open && error.is_connection_dropped() => self.try_query(&self.current(), commands).await,
            result => result,
        }
    }

    async fn try_query<T: FromRedisValue>(
        &self,
        cell: &Arc<OnceCell<Connection>>,
        commands: &Pipeline,
    ) -> Result<T, RedisError> {
        let result = match self.open(cell).await {
            Ok(Connection::Node(mut connection)) => commands.query_async(&mut connection).await,
            #[cfg(feature = "cluster")]
            Ok(Connection::Cluster(mut connection)) => commands.query_async(&mut connection).await,
            Err(error) => Err(error),
        };
        if result.as_ref().is_err_and(is_broken) {
            self.forget(cell);
        }
        result
    }

    async fn open(&self, cell: &OnceCell<Connection>) -> Result<Connection, RedisError> {
        match timeout(LIMIT, cell.get_or_try_init(|| self.target.connect())).await {
            Ok(connection) => connection.cloned(),
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        }
    }

    fn current(&self) -> Arc<OnceCell<Connection>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has the next call connect, unless another caller saw to that already.
    fn forget(&self, broken: &Arc<OnceCell<Connection>>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, broken) {
            *current = Arc::default();
        }
    }
}

/// Whether another connection may work. After a time-out it may: the server's address can lead to another machine by now. A
/// replica that was the primary says that it is read-only.
fn is_broken(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_unrecoverable_error()
        || matches!(code(error).as_deref(), Some("READONLY" | "MASTERDOWN" | "NOAUTH"))
}
