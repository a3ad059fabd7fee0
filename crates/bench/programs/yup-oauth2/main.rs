use yup_oauth2::ServiceAccountAuthenticator;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let key = yup_oauth2::read_service_account_key("key.json").await?;
    let authenticator = ServiceAccountAuthenticator::builder(key).build().await?;
    let token = authenticator.token(&["https://www.googleapis.com/auth/cloud-platform"]).await?;
    println!("a token of {} bytes", token.token().unwrap_or_default().len());
    Ok(())
}
