//! Logs in at Voucherify, makes a call, prints what came:
//! `VOUCHERIFY_APP_ID=… VOUCHERIFY_APP_TOKEN=… cargo run --package freshtoken --example voucherify`

use std::env::var;

use freshtoken::{HttpClient, TokenSource, voucherify};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = var("VOUCHERIFY_URL").unwrap_or_else(|_| "https://api.voucherify.io".to_owned());
    let credentials = voucherify::Credentials {
        app_id: var("VOUCHERIFY_APP_ID")?.into(),
        app_token: var("VOUCHERIFY_APP_TOKEN")?.into(),
        scope: [voucherify::types::Scope::Vouchers].into(),
    };
    let tokens = TokenSource::new(voucherify::Endpoint::at(&url), credentials);

    let api = HttpClient::new(tokens.clone())?;
    let answer = api.send(api.get(format!("{url}/v1/vouchers?limit=1"))).await?;
    println!("{}\n{}", answer.status(), answer.text().await?);

    // The project may have a thousand live tokens at most.
    tokens.revoke().await?;
    Ok(())
}
