//! From credentials in the environment to a call of WellnessLiving's API.
//!
//! Set `WELLNESSLIVING_CLIENT_ID` and `WELLNESSLIVING_CLIENT_SECRET` for the test system (UAT):
//!
//! ```sh
//! cargo run -p freshtoken --example wellnessliving
//! ```
//!
//! For the live system, also set `WELLNESSLIVING_SERVER=production` and
//! `WELLNESSLIVING_API_URL=https://api.wellnessliving.io`. Without credentials, against the sandbox:
//!
//! ```sh
//! cargo run -p freshtoken-sandbox -- wellnessliving -- cargo run -p freshtoken --example wellnessliving
//! ```

use freshtoken::{HttpClient, TokenSource, wellnessliving};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tokens = TokenSource::from_env::<wellnessliving::Endpoint>()?;

    // The token endpoint is on another host than the API.
    let url = std::env::var("WELLNESSLIVING_API_URL");
    let url = url.unwrap_or_else(|_| "https://uat-api.wellnessliving.io".to_owned());
    let api = HttpClient::new(tokens)?.base_url(url)?;
    let response = api.get("/v1/business").send().await?;
    println!("{}\n{}", response.status(), response.text().await?);
    Ok(())
}
