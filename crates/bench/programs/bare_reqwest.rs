use std::env::var;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let request = reqwest::Client::new()
        .post("https://api.voucherify.io/v1/oauth/token")
        .header("x-app-id", var("VOUCHERIFY_APP_ID")?)
        .header("x-app-token", var("VOUCHERIFY_APP_TOKEN")?)
        .form(&[("grant_type", "client_credentials"), ("scope", "api")]);
    let response: serde_json::Value = request.send().await?.error_for_status()?.json().await?;
    let token = response["access_token"].as_str().ok_or("no token")?;
    println!("a header of {} bytes", format!("Bearer {token}").len());
    Ok(())
}
