#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let provider = gcp_auth::provider().await?;
    let token = provider.token(&["https://www.googleapis.com/auth/cloud-platform"]).await?;
    println!("a token of {} bytes", token.as_str().len());
    Ok(())
}
