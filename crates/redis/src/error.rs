//! What can go wrong, without a word of what was sent.

use std::fmt;

use redis::{ErrorKind, RedisError};

/// Redis cannot be reached or does not do what it was asked to.
///
/// The message has no password, key or record in it: of what the server says, it has only the error's code.
pub struct RedisStoreError(Problem);

pub(crate) enum Problem {
    /// The connection or the server.
    Redis(RedisError),
    /// Too few replicas confirmed a write.
    Replicas { confirmed: usize, wanted: usize },
    /// The response of a script is of another kind than expected.
    Response,
}

impl From<Problem> for RedisStoreError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<RedisError> for RedisStoreError {
    fn from(error: RedisError) -> Self {
        Self(Problem::Redis(error))
    }
}

impl fmt::Display for RedisStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Problem::Redis(error) => write_redis(error, f),
            Problem::Replicas { confirmed, wanted } => write!(
                f,
                "stored in Redis, but {confirmed} of {wanted} replicas confirmed it in time: check the replicas, or lower \
                 wait_for_replicas"
            ),
            Problem::Response => {
                f.write_str("cannot understand the response: check that the URL leads to Redis or Valkey")
            }
        }
    }
}

fn write_redis(error: &RedisError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if error.is_timeout() {
        return f.write_str("Redis does not respond in time: check the server and the network");
    }
    match error.kind() {
        ErrorKind::Io => write!(f, "cannot reach Redis: {error}"),
        ErrorKind::InvalidClientConfig => write!(
            f,
            "cannot use the URL of Redis: write redis://[user[:password]@]host[:port][/database], with rediss:// for TLS \
             (feature `rustls`)"
        ),
        ErrorKind::AuthenticationFailed => f.write_str("Redis refuses the user or the password: check the URL"),
        ErrorKind::MasterNameNotFoundBySentinel => {
            f.write_str("no sentinel knows a service of this name: check the name")
        }
        ErrorKind::NoValidReplicasFoundBySentinel | ErrorKind::EmptySentinelList => {
            f.write_str("no sentinel can be used: check their URLs")
        }
        _ => match code(error) {
            Some(code) => write!(f, "Redis reports {code}: {}", advice(&code)),
            None => f.write_str("Redis does not behave as expected: check that the URL leads to Redis or Valkey"),
        },
    }
}

/// The code of the server's error, as in `NOAUTH`.
pub(crate) fn code(error: &RedisError) -> Option<String> {
    let code = match error.code() {
        Some(code) => code.to_owned(),
        // Of the first command that failed.
        None => error.clone().into_server_errors()?.first()?.1.code().to_owned(),
    };
    let is_code = code.len() <= 16 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    is_code.then_some(code)
}

/// What to do about an error of the server.
fn advice(code: &str) -> &'static str {
    match code {
        "NOAUTH" | "WRONGPASS" => "check the user and the password in the URL",
        "NOPERM" => "let the user run EVAL, and WAIT where replicas are waited for, on the keys of this prefix",
        "READONLY" => "the server is a replica, perhaps after a failover; use the primary's address or Sentinel",
        "NOREPLICAS" => "the server has fewer replicas than min-replicas-to-write",
        "OOM" => "the server is out of memory; raise maxmemory",
        "MISCONF" => "the server cannot save to its disk",
        "LOADING" => "the server is starting; it will be tried again",
        "CLUSTERDOWN" | "MASTERDOWN" => "no primary can be reached at the moment, perhaps during a failover",
        "MOVED" | "ASK" | "CROSSSLOT" => {
            "the server is part of a cluster; connect with RedisStore::cluster (feature `cluster`)"
        }
        "FOREIGN" | "WRONGTYPE" => "another program uses a key with this prefix; choose another prefix",
        "BUSY" => "the server is running a script for too long",
        _ => "see the server's log",
    }
}

/// Prints the message, as `main` does for an error that it returns.
impl fmt::Debug for RedisStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for RedisStoreError {}
