//! Sealed records, with a file store that someone else can read or write.
#![cfg(all(feature = "file", feature = "seal"))]
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail as the test may")]

mod support;

use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use freshtoken::store::{Entry, FileStore, Key, Loaded, Seal, SealKey, Sealing, Store, StoreError, UnreadableRecord};
use freshtoken::{RefreshTokens, TokenPolicy, TokenSource};
use support::{Does, Issuer, acme, ask, every_text, s};

policy!(LogsIn = TokenPolicy::new("acme").refresh(RefreshTokens::SingleUse));
policy!(NeedsConsent = TokenPolicy::new("acme").login(false).refresh(RefreshTokens::SingleUse));

/// A directory of one test.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("freshtoken-seal-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    fn source<P: support::HasPolicy>(&self, issuer: &Issuer, account: &str, seal: Seal) -> TokenSource {
        let store = FileStore::open(&self.0).unwrap();
        TokenSource::builder(acme::<P>(issuer), "password".to_owned()).store(store, account).seal(seal).build()
    }

    /// The only file of this kind.
    fn record(&self) -> PathBuf {
        let mut records = files(&self.0).filter(|path| path.extension().is_some_and(|kind| kind == "record"));
        let record = records.next().unwrap();
        assert_eq!(records.next(), None);
        record
    }

    /// Where another account's record is.
    fn record_of(&self, account: &str) -> PathBuf {
        self.0.join(format!("{}.record", Key::new("acme", "https://acme.example", account, "").digest()))
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn files(dir: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path())
}

fn issuer() -> Issuer {
    Issuer::new(Does::issues_pairs(s(24 * 60 * 60)))
}

fn key(byte: u8) -> SealKey {
    SealKey::from_bytes(&[byte; 32]).unwrap()
}

#[tokio::test]
async fn a_stolen_file_has_no_token_and_other_processes_share_it() {
    let (dir, issuer) = (Dir::new(), issuer());
    let tokens = dir.source::<LogsIn>(&issuer, "a", Seal::new(key(1)));
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
    for path in files(&dir.0) {
        // The file of the lease is removed while this reads.
        let Ok(content) = fs::read_to_string(path) else { continue };
        for part in ["token-1", "refresh-1", "Bearer", "generation", "acme"] {
            assert!(!content.contains(part), "{content}");
        }
    }
    let other = dir.source::<LogsIn>(&issuer, "a", Seal::new(key(2)).also_opens(key(1)));
    assert_eq!(ask(&other).await.unwrap(), "token-1");
    assert_eq!(issuer.seen(), ["login"]);
}

#[tokio::test]
async fn a_record_whose_key_is_lost_can_be_forgotten() {
    let (dir, issuer) = (Dir::new(), issuer());
    assert_eq!(ask(&dir.source::<LogsIn>(&issuer, "a", Seal::new(key(1)))).await.unwrap(), "token-1");
    let other = dir.source::<LogsIn>(&issuer, "a", Seal::new(key(2)));
    let error = other.load_stored().await.unwrap_err();
    let mut causes = std::iter::successors(error.source(), |&error| error.source());
    assert!(causes.any(|cause| cause.is::<UnreadableRecord>()), "{error:?}");
    other.revoke().await.unwrap_err();
    other.forget().await.unwrap();
    other.load_stored().await.unwrap();
    assert_eq!(ask(&dir.source::<LogsIn>(&issuer, "a", Seal::new(key(2)))).await.unwrap(), "token-2");
    assert_eq!(issuer.seen(), ["login", "login"]);
}

#[tokio::test]
async fn a_record_moved_to_another_account_is_not_served() {
    let (dir, issuer) = (Dir::new(), issuer());
    let tokens = dir.source::<LogsIn>(&issuer, "a", Seal::new(key(1)));
    assert_eq!(ask(&tokens).await.unwrap(), "token-1");
    fs::copy(dir.record(), dir.record_of("b")).unwrap();
    let other = dir.source::<LogsIn>(&issuer, "b", Seal::new(key(1)));
    assert_eq!(ask(&other).await.unwrap(), "token-2", "of another login");
    assert_eq!(issuer.seen(), ["login", "login"]);
}

#[tokio::test]
async fn a_record_that_does_not_open_is_an_error_that_says_why() {
    let (dir, issuer) = (Dir::new(), issuer());
    let start = |seal: Seal| dir.source::<NeedsConsent>(&issuer, "a", seal);
    let tokens = TokenSource::builder(acme::<NeedsConsent>(&issuer), "password".to_owned());
    let tokens = tokens.refresh_token("start").store(FileStore::open(&dir.0).unwrap(), "a").seal(Seal::new(key(1)));
    assert_eq!(ask(&tokens.build()).await.unwrap(), "token-1");
    let sealed = fs::read(dir.record()).unwrap();

    for (seal, expected) in
        [(Seal::none(), "is sealed, and this source has no key"), (Seal::new(key(2)), "sealed with an unknown key")]
    {
        let text = every_text(&ask(&start(seal)).await.unwrap_err());
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(fs::read(dir.record()).unwrap(), sealed, "it is kept");
    assert_eq!(ask(&start(Seal::new(key(1)))).await.unwrap(), "token-1");
    assert_eq!(issuer.seen(), ["start"]);
}

#[tokio::test]
async fn a_plain_record_is_not_accepted_by_a_source_with_a_seal() {
    let (dir, issuer) = (Dir::new(), issuer());
    let planted = dir.source::<LogsIn>(&issuer, "a", Seal::none());
    assert_eq!(ask(&planted).await.unwrap(), "token-1");
    assert!(fs::read_to_string(dir.record()).unwrap().contains("token-1"));
    let tokens = dir.source::<LogsIn>(&issuer, "a", Seal::new(key(1)));
    assert_eq!(ask(&tokens).await.unwrap(), "token-2");
}

/// A file store that wants the choice of a seal to be made.
struct Strict(FileStore);

impl Store for Strict {
    type Lease = <FileStore as Store>::Lease;

    async fn load(&self, key: &Key) -> Result<Loaded, StoreError> {
        self.0.load(key).await
    }

    async fn compare_and_store(&self, key: &Key, expected: u64, entry: Entry) -> Result<bool, StoreError> {
        self.0.compare_and_store(key, expected, entry).await
    }

    async fn try_lease(
        &self,
        key: &Key,
        owner: &str,
        ttl: std::time::Duration,
    ) -> Result<Option<Self::Lease>, StoreError> {
        self.0.try_lease(key, owner, ttl).await
    }

    async fn renew_lease(&self, key: &Key, lease: &Self::Lease, ttl: std::time::Duration) -> Result<bool, StoreError> {
        self.0.renew_lease(key, lease, ttl).await
    }

    async fn release_lease(&self, key: &Key, lease: Self::Lease) -> Result<(), StoreError> {
        self.0.release_lease(key, lease).await
    }

    fn sealing(&self) -> Sealing {
        Sealing::Required
    }
}

#[tokio::test]
async fn a_store_that_requires_a_seal_gets_no_plain_record_unless_asked_by_name() {
    let (dir, issuer) = (Dir::new(), issuer());
    let builder = || {
        let store = Strict(FileStore::open(&dir.0).unwrap());
        TokenSource::builder(acme::<LogsIn>(&issuer), "password".to_owned()).store(store, "a")
    };
    let without = builder().build();
    let _ = ask(&without).await;
    assert!(files(&dir.0).all(|path| path.extension().is_none_or(|kind| kind != "record")));
    assert!(ask(&builder().seal(Seal::none()).build()).await.is_ok());
    assert!(dir.record().exists());
}

#[cfg(unix)]
#[test]
fn processes_that_start_together_get_the_same_key_from_a_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::new();
    let path = dir.0.join("new").join("key");
    let key = || SealKey::read_or_create(&path).unwrap().to_base64();
    let keys: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(key)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|one| *one == keys[0]) && keys[0] == key());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(files(&dir.0.join("new")).count(), 1, "nothing else is left");
    fs::write(&path, "no key\n").unwrap();
    assert!(SealKey::read_or_create(&path).unwrap_err().to_string().contains("is no key"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(SealKey::read_or_create(&path).unwrap_err().to_string().contains("others can access"));
}
