use google_cloud_auth::credentials::Builder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let credentials = Builder::default().build_access_token_credentials()?;
    println!("a token of {} bytes", credentials.access_token().await?.token.len());
    Ok(())
}
