use std::env::var;

use middle::{Authorizer, BasicClientCredentialAuthorizer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = url::Url::parse("https://issuer.example/token")?;
    let builder = BasicClientCredentialAuthorizer::basic_builder(&var("CLIENT_ID")?, &var("CLIENT_SECRET")?, url);
    let authorizer = builder.add_scope("api").build().await?;
    println!("a header of {} bytes", authorizer.authorization_header()?.len());
    Ok(())
}
