//! A fleet: 64 replicas that share a token through a store, when none of them has one.
//!
//! Each replica has a source and a connection or a directory handle of its own. The issuer holds back its response until all
//! wait. The time runs from the end of the call that stores the token until the last replica has it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use freshtoken::store::{Entry, FileStore, Key, Loaded, Seal, SealKey, Store, StoreError};
use freshtoken::{TokenSource, voucherify};
use freshtoken_redis::RedisStore;
use futures_util::future::join_all;
use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::contenders::BoxError;
use crate::contenders::freshtoken::credentials;
use crate::issuer::{Issuer, Reply};
use crate::report::{Goal, Section, Verdict};
use crate::statistics::{Spread, milliseconds};

const LIFETIME: Duration = Duration::from_secs(3_600);

const REPLICAS: usize = 64;

/// The longest that the last replica may wait, in milliseconds.
const MOST: f64 = 300.0;

/// How many calls of the store a renewal may take.
const MOST_CALLS: usize = 6;

/// After this time, every replica has looked at the store and waits.
const SETTLE: Duration = Duration::from_millis(600);

/// Runs so many fleets over each store.
///
/// # Errors
///
/// If a replica gets no token.
pub fn run(rounds: usize) -> Result<Section, BoxError> {
    let (mut rows, mut goals) = (Vec::new(), Vec::new());
    let folder = Folder::new()?;
    fleet("FileStore", rounds, &mut rows, &mut goals, async |round| {
        Ok(FileStore::open(folder.0.join(round.to_string()))?)
    })?;
    let mut intro = format!("{REPLICAS} replicas, each with a store of its own over the same data, sealed.");
    match Redis::start(&folder.0) {
        Ok(redis) => fleet("RedisStore", rounds, &mut rows, &mut goals, async |round| {
            Ok(RedisStore::connect(redis.url()).await?.prefix(format!("bench-{round}")))
        })?,
        Err(error) => intro += &format!(" RedisStore is not measured: `redis-server` does not start ({error})."),
    }
    Ok(Section {
        title: "A fleet",
        intro,
        head: [
            "",
            "requests for a token",
            "from the store to the last replica",
            "calls of the store for a renewal",
            "loads of a waiting replica in a second",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
        goals,
    })
}

/// Runs fleets over one store, and adds a row and the goals.
fn fleet<S: Store>(
    name: &str,
    rounds: usize,
    rows: &mut Vec<Vec<String>>,
    goals: &mut Vec<Goal>,
    open: impl AsyncFn(usize) -> Result<S, BoxError>,
) -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let rounds = (0..rounds).map(|round| runtime.block_on(shared(round, &open))).collect::<Result<Vec<_>, _>>()?;
    let requests = rounds.iter().map(|round| round.requests).max().unwrap_or_default();
    let loads = rounds.iter().map(|round| round.loads).fold(0.0, f64::max);
    let millis = Spread::of(rounds.iter().map(|round| round.took.as_secs_f64() * 1e3).collect());
    let calls = renewal(&runtime, &open)?;
    let [median, lower, upper] = [millis.median, millis.lower, millis.upper].map(milliseconds);
    let took = format!("{median} ({lower} – {upper})");
    rows.push(vec![
        name.to_owned(),
        requests.to_string(),
        took.clone(),
        format!("{}: {}", calls.len(), calls.join(", ")),
        format!("{loads:.1}"),
    ]);
    let goal = |what: &str, limit: String, measured: String, verdict: Verdict| Goal {
        what: format!("a fleet over {name}: {what}"),
        limit,
        measured,
        verdict,
    };
    goals.extend([
        goal("requests for a token", "1".to_owned(), requests.to_string(), (requests == 1).into()),
        goal("from the store to the last replica", format!("{MOST:.0} ms"), took, Verdict::at_most(MOST, millis)),
        goal(
            "calls for a renewal",
            MOST_CALLS.to_string(),
            calls.len().to_string(),
            (calls.len() <= MOST_CALLS).into(),
        ),
        goal("loads of a waiting replica", "10 a second".to_owned(), format!("{loads:.1}"), (loads <= 10.0).into()),
    ]);
    Ok(())
}

struct Round {
    requests: usize,
    took: Duration,
    /// Loads of a waiting replica in a second.
    loads: f64,
}

async fn shared<S: Store>(round: usize, open: &impl AsyncFn(usize) -> Result<S, BoxError>) -> Result<Round, BoxError> {
    let issuer = Issuer::start(Reply::token(LIFETIME));
    issuer.close();
    let seal = SealKey::generate()?;
    let log = Log::default();
    let mut replicas = Vec::new();
    for _ in 0..REPLICAS {
        let store = Logged { store: open(round).await?, log: log.clone() };
        replicas.push(replica(issuer.url(), store, seal.clone())?);
    }
    let callers: Vec<_> = replicas
        .into_iter()
        .map(|tokens| {
            tokio::spawn(async move {
                tokens.header().await?;
                // The source lives on, as it does in a service.
                Ok::<_, freshtoken::Error>((Instant::now(), tokens))
            })
        })
        .collect();
    sleep(SETTLE).await;
    log.clear();
    let began = Instant::now();
    sleep(Duration::from_secs(1)).await;
    let loads = log.names().iter().filter(|name| **name == "load").count() as f64 / (REPLICAS - 1) as f64;
    let loads = loads / began.elapsed().as_secs_f64();
    log.clear();
    issuer.open();
    let mut last = None;
    for caller in join_all(callers).await {
        last = last.max(Some(caller??.0));
    }
    let stored = log.last("compare_and_store").ok_or("nothing was stored")?;
    let took = last.ok_or("no replica")?.saturating_duration_since(stored);
    Ok(Round { requests: issuer.requests(), took, loads })
}

/// Returns the calls of the store during one renewal.
fn renewal<S: Store>(
    runtime: &Runtime,
    open: &impl AsyncFn(usize) -> Result<S, BoxError>,
) -> Result<Vec<&'static str>, BoxError> {
    runtime.block_on(async {
        let issuer = Issuer::start(Reply::token(LIFETIME));
        let log = Log::default();
        let store = Logged { store: open(usize::MAX).await?, log: log.clone() };
        let tokens = replica(issuer.url(), store, SealKey::generate()?)?;
        let header = tokens.header().await?;
        // The holder releases its lease after the caller has been served.
        log.wait_for("release_lease").await?;
        log.clear();
        tokens.rejected(&header);
        tokens.header().await?;
        log.wait_for("release_lease").await?;
        Ok(log.names())
    })
}

fn replica<S: Store>(url: &str, store: S, key: SealKey) -> Result<TokenSource, BoxError> {
    let builder = TokenSource::builder(voucherify::Endpoint::at(url)?, credentials());
    Ok(builder.store(store, "account").seal(Seal::new(key)).build())
}

/// The calls of a store, each with the time at which it ended.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(&'static str, Instant)>>>);

impl Log {
    fn with<T>(&self, look: impl FnOnce(&mut Vec<(&'static str, Instant)>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn clear(&self) {
        self.with(Vec::clear);
    }

    fn names(&self) -> Vec<&'static str> {
        self.with(|calls| calls.iter().map(|(name, _)| *name).collect())
    }

    fn last(&self, wanted: &str) -> Option<Instant> {
        self.with(|calls| calls.iter().rev().find(|(name, _)| *name == wanted).map(|(_, at)| *at))
    }

    async fn wait_for(&self, wanted: &str) -> Result<(), BoxError> {
        let end = Instant::now() + Duration::from_secs(5);
        while self.last(wanted).is_none() {
            if Instant::now() > end {
                return Err(format!("the store got no `{wanted}`").into());
            }
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

/// A store whose calls are logged.
struct Logged<S> {
    store: S,
    log: Log,
}

impl<S> Logged<S> {
    async fn call<T>(&self, name: &'static str, call: impl Future<Output = T>) -> T {
        let result = call.await;
        self.log.with(|calls| calls.push((name, Instant::now())));
        result
    }
}

impl<S: Store> Store for Logged<S> {
    type Lease = S::Lease;

    async fn load(&self, key: &Key) -> Result<Loaded, StoreError> {
        self.call("load", self.store.load(key)).await
    }

    async fn compare_and_store(&self, key: &Key, expected: u64, entry: Entry) -> Result<bool, StoreError> {
        self.call("compare_and_store", self.store.compare_and_store(key, expected, entry)).await
    }

    async fn try_lease(&self, key: &Key, owner: &str, ttl: Duration) -> Result<Option<S::Lease>, StoreError> {
        self.call("try_lease", self.store.try_lease(key, owner, ttl)).await
    }

    async fn renew_lease(&self, key: &Key, lease: &S::Lease, ttl: Duration) -> Result<bool, StoreError> {
        self.call("renew_lease", self.store.renew_lease(key, lease, ttl)).await
    }

    async fn release_lease(&self, key: &Key, lease: S::Lease) -> Result<(), StoreError> {
        self.call("release_lease", self.store.release_lease(key, lease)).await
    }

    async fn changed(&self, key: &Key) {
        self.store.changed(key).await;
    }
}

/// A folder of this run, removed when this is dropped.
pub(crate) struct Folder(pub(crate) std::path::PathBuf);

impl Folder {
    pub(crate) fn new() -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("freshtoken-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A `redis-server` on a socket in this folder, killed when this is dropped.
struct Redis {
    socket: String,
    server: Child,
}

impl Redis {
    fn start(folder: &Path) -> Result<Self, BoxError> {
        let socket = folder.join("redis.sock").display().to_string();
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--unixsocket", &socket, "--save", "", "--dir"]).arg(folder);
        let server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let redis = Self { socket, server };
        let end = Instant::now() + Duration::from_secs(10);
        while std::os::unix::net::UnixStream::connect(&redis.socket).is_err() {
            if Instant::now() > end {
                return Err("it opens no socket in 10 s".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(redis)
    }

    fn url(&self) -> String {
        format!("unix://{}", self.socket)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}
