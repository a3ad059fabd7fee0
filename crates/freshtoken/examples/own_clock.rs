//! A clock of one's own, for tests: an hour goes by at once. `cargo run --package freshtoken --example own_clock`

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use freshtoken::{Clock, CredentialSource, Failure, Issued, Now, Policy, TokenSource, Vendor};

/// Seconds since it was made.
#[derive(Clone, Default)]
struct Clockwork(Arc<AtomicU64>);

impl Clock for Clockwork {
    fn now(&self) -> Now {
        let time = Duration::from_secs(self.0.load(Ordering::Relaxed));
        Now::new(time, UNIX_EPOCH + time)
    }

    /// Nobody waits here. In a test where a source may back off, it has to end when the clock has been moved so far.
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }
}

/// It says what time it is.
struct Acme(Clockwork);

impl Vendor for Acme {
    type Credentials = ();
    const POLICY: Policy = Policy::new("acme");

    fn server(&self) -> String {
        "https://acme.example".to_owned()
    }

    async fn login(&self, _: &CredentialSource<()>) -> Result<Issued, Failure> {
        let hour = self.0.0.load(Ordering::Relaxed) / 3_600;
        Ok(Issued::new(format!("the-token-of-hour-{hour}")).expires_in(Duration::from_secs(3_600)))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), freshtoken::Error> {
    let clock = Clockwork::default();
    let tokens = TokenSource::builder(Acme(clock.clone()), ()).clock(clock.clone()).build();
    assert_eq!(tokens.header().await?, "Bearer the-token-of-hour-0");
    clock.0.fetch_add(3_600, Ordering::Relaxed);
    assert_eq!(tokens.header().await?, "Bearer the-token-of-hour-1");
    println!("{:?}", tokens.status());
    Ok(())
}
