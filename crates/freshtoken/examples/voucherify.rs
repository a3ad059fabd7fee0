//! From credentials in the environment to a call of Voucherify's API.
//!
//! Set `VOUCHERIFY_APP_ID`, `VOUCHERIFY_APP_TOKEN` and `VOUCHERIFY_SCOPE`, such as `vouchers`:
//!
//! ```sh
//! cargo run -p freshtoken --example voucherify
//! ```
//!
//! A project outside Europe sets `VOUCHERIFY_SERVER` to `united_states` or `asia`, and `VOUCHERIFY_API_URL` to the same
//! server's URL. Without credentials, against the sandbox:
//!
//! ```sh
//! cargo run -p freshtoken-sandbox -- voucherify -- cargo run -p freshtoken --example voucherify
//! ```

use freshtoken::{HttpClient, TokenSource, voucherify};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tokens = TokenSource::from_env::<voucherify::Endpoint>()?;

    let url = std::env::var("VOUCHERIFY_API_URL").unwrap_or_else(|_| "https://api.voucherify.io".to_owned());
    let api = HttpClient::new(tokens.clone())?.base_url(url)?;
    let response = api.get("/v1/vouchers?limit=1").send().await?;
    println!("{}\n{}", response.status(), response.text().await?);

    // A project may have at most a thousand live tokens.
    tokens.revoke().await?;
    Ok(())
}
