//! A program without a runtime, such as a cron job: a call of WellnessLiving's API.
//!
//! Set `WELLNESSLIVING_CLIENT_ID` and `WELLNESSLIVING_CLIENT_SECRET`:
//!
//! ```sh
//! cargo run -p freshtoken --example blocking
//! ```
//!
//! Without credentials, against the sandbox:
//!
//! ```sh
//! cargo run -p freshtoken-sandbox -- wellnessliving -- cargo run -p freshtoken --example blocking
//! ```

use freshtoken::blocking::{HttpClient, TokenSource};
use freshtoken::wellnessliving;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tokens = TokenSource::from_env::<wellnessliving::Endpoint>()?;
    let url = std::env::var("WELLNESSLIVING_API_URL");
    let url = url.unwrap_or_else(|_| "https://uat-api.wellnessliving.io".to_owned());
    let api = HttpClient::new(tokens)?.base_url(url)?;
    let response = api.get("/v1/business").send()?;
    println!("{}\n{}", response.status(), response.text()?);
    Ok(())
}
