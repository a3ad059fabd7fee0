//! Logs in at Zenoti, makes a call, prints what came:
//! `ZENOTI_ACCOUNT=… ZENOTI_USER=… ZENOTI_PASSWORD=… ZENOTI_APP_ID=… ZENOTI_APP_SECRET=… \`
//! `cargo run --package freshtoken --example zenoti`

use std::env::var;

use freshtoken::{CredentialSource, HttpClient, TokenSource, zenoti};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = var("ZENOTI_URL").unwrap_or_else(|_| "https://api.zenoti.com".to_owned());
    // Asked for at each login, so that no password stays in memory.
    let credentials = CredentialSource::ask(|| async {
        Ok(zenoti::Credentials {
            account_name: var("ZENOTI_ACCOUNT")?,
            user_name: var("ZENOTI_USER")?,
            password: var("ZENOTI_PASSWORD")?.into(),
            app_id: var("ZENOTI_APP_ID")?,
            app_secret: var("ZENOTI_APP_SECRET")?.into(),
            device_id: "freshtoken-example".into(),
        })
    });
    let tokens = TokenSource::new(zenoti::Endpoint::at(&url), credentials);
    let token = tokens.token().await?;
    println!("a token until {:?}", token.expires_at());

    let api = HttpClient::new(tokens)?;
    let answer = api.send(api.get(format!("{url}/v1/centers"))).await?;
    println!("{}\n{}", answer.status(), answer.text().await?);
    Ok(())
}
