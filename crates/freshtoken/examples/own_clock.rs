//! A movable clock for tests: an hour passes at once.
//!
//! ```sh
//! cargo run -p freshtoken --example own_clock
//! ```

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use freshtoken::clock::{Clock, Now};
use freshtoken::{CredentialSource, GrantError, IssuedTokens, TokenPolicy, TokenSource, Vendor};

/// The seconds since it was created.
#[derive(Clone, Default)]
struct Clockwork(Arc<AtomicU64>);

impl Clock for Clockwork {
    fn now(&self) -> Now {
        let time = Duration::from_secs(self.0.load(Ordering::Relaxed));
        Now::new(time, UNIX_EPOCH + time)
    }

    /// Never completes, because this example never waits. In a test with a backoff, complete when the clock has been moved
    /// that far.
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }
}

/// An issuer whose tokens contain the hour.
struct Acme(Clockwork);

impl Vendor for Acme {
    type Credentials = ();
    const POLICY: TokenPolicy = TokenPolicy::new("acme");

    fn server(&self) -> String {
        "https://acme.example".to_owned()
    }

    async fn login(&self, _: &CredentialSource<()>) -> Result<IssuedTokens, GrantError> {
        let hour = self.0.0.load(Ordering::Relaxed) / 3_600;
        Ok(IssuedTokens::new(format!("the-token-of-hour-{hour}")).expires_in(Duration::from_secs(3_600)))
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
