use std::env::var;

use azure_core::credentials::TokenCredential;
use azure_identity::ClientSecretCredential;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = var("AZURE_CLIENT_SECRET")?.into();
    let credential = ClientSecretCredential::new(&var("AZURE_TENANT_ID")?, var("AZURE_CLIENT_ID")?, secret, None)?;
    let token = credential.get_token(&["https://management.azure.com/.default"], None).await?;
    println!("a token of {} bytes", token.token.secret().len());
    Ok(())
}
