//! Logs in at WellnessLiving's UAT, makes a call, prints what came:
//! `WELLNESSLIVING_CLIENT_ID=… WELLNESSLIVING_CLIENT_SECRET=… cargo run --package freshtoken --example wellnessliving`

use std::env::var;

use freshtoken::{HttpClient, TokenSource, wellnessliving};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let credentials = wellnessliving::Credentials {
        client_id: var("WELLNESSLIVING_CLIENT_ID")?,
        client_secret: var("WELLNESSLIVING_CLIENT_SECRET")?.into(),
        scope: None,
    };
    let endpoint = match var("WELLNESSLIVING_AUTH_URL") {
        Ok(url) => wellnessliving::Endpoint::at(url),
        Err(_) => wellnessliving::Endpoint::uat(),
    };
    let api = HttpClient::new(TokenSource::new(endpoint, credentials))?;
    let url = var("WELLNESSLIVING_URL").unwrap_or_else(|_| "https://uat-api.wellnessliving.io".to_owned());
    let answer = api.send(api.get(format!("{url}/v1/business"))).await?;
    println!("{}\n{}", answer.status(), answer.text().await?);
    Ok(())
}
