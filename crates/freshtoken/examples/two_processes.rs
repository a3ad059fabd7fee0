//! Two processes share one token: one logs in, the other adopts the token. When it expires, one refreshes it.
//!
//! Set the variables of `examples/zenoti.rs`, name a directory for the tokens, and start it twice:
//!
//! ```sh
//! cargo run -p freshtoken --example two_processes -- target/tokens
//! ```
//!
//! Without credentials, against the sandbox, with tokens that expire after 4 seconds:
//!
//! ```sh
//! cargo build -p freshtoken --example two_processes
//! cargo run -p freshtoken-sandbox -- zenoti --lifetime 4s -- sh -c 'P=target/debug/examples/two_processes; $P target/tokens & $P target/tokens; wait'
//! ```
//!
//! The sandbox's summary counts two requests: one login and one refresh.

use std::error::Error;
use std::time::Duration;

use freshtoken::env::FromEnv;
use freshtoken::store::FileStore;
use freshtoken::{TokenSource, zenoti};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args_os().nth(1).ok_or("name a directory for the tokens")?;
    let (endpoint, credentials) = zenoti::Endpoint::from_env()?;
    let store = FileStore::open(dir)?;
    let tokens = TokenSource::builder(endpoint, credentials).store(store, "example").build();

    let (mut generation, mut before) = (0, tokens.status().counters);
    // The first token, and the one after it.
    for _ in 0..2 {
        while tokens.token().await?.generation() == generation {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        generation = tokens.token().await?.generation();
        let now = tokens.status().counters;
        let how = if now.logins > before.logins {
            "logged in"
        } else if now.refreshes > before.refreshes {
            "refreshed"
        } else {
            "adopted the token of the other process"
        };
        println!("process {}: {how}", std::process::id());
        before = now;
    }
    Ok(())
}
