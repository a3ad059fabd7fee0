//! A token in calls of a plain `reqwest::Client`, for code that can't use `HttpClient`: a call of Zenoti's API.
//!
//! Three lines are needed: the header, and a report of success or of a 401. If your code can use another client, `HttpClient`
//! does all of this, and sends a call once more after a 401.
//!
//! ```sh
//! cargo run -p freshtoken-sandbox -- zenoti -- cargo run -p freshtoken --example reqwest_call
//! ```

use freshtoken::{TokenSource, redirect_policy, zenoti};
use reqwest::StatusCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tokens = TokenSource::from_env::<zenoti::Endpoint>()?;
    let url = std::env::var("ZENOTI_API_URL").unwrap_or_else(|_| "https://api.zenoti.com".to_owned());
    // The token must not follow a redirect to another host.
    let http = reqwest::Client::builder().redirect(redirect_policy()).build()?;

    let header = tokens.header().await?;
    let call = http.get(format!("{url}/v1/centers")).header(tokens.header_name(), &header);
    let response = call.send().await?;
    match response.status() {
        StatusCode::UNAUTHORIZED => drop(tokens.rejected(&header)),
        status if status.is_success() => tokens.accepted(&header),
        _ => {}
    }
    println!("{}\n{}", response.status(), response.text().await?);
    Ok(())
}
