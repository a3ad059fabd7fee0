//! Your own vendor: an implementation of one trait.
//!
//! ```sh
//! ACME_URL=… ACME_ID=… ACME_SECRET=… cargo run -p freshtoken --example own_vendor
//! ```

use std::time::Duration;

use freshtoken::{CredentialSource, GrantError, IssuedTokens, TokenPolicy, TokenSource, Vendor};

struct Acme {
    http: reqwest::Client,
    url: String,
}

impl Vendor for Acme {
    /// The id and the secret of an app.
    type Credentials = (String, freshtoken::Secret);
    const POLICY: TokenPolicy = TokenPolicy::new("acme");

    fn server(&self) -> String {
        self.url.clone()
    }

    async fn login(&self, credentials: &CredentialSource<Self::Credentials>) -> Result<IssuedTokens, GrantError> {
        let app = credentials.get().await?;
        let request = self.http.post(&self.url).basic_auth(&app.0, Some(app.1.expose()));
        let response = request.send().await.map_err(|error| GrantError::transient(error.without_url()))?;
        if !response.status().is_success() {
            return Err(GrantError::of_status(response.status().as_u16(), "acme refused the login"));
        }
        let token = response.text().await.map_err(|error| GrantError::unusable(error.without_url()))?;
        Ok(IssuedTokens::new(token).expires_in(Duration::from_secs(900)))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let acme = Acme { http: freshtoken::http_client_builder().build()?, url: std::env::var("ACME_URL")? };
    let tokens = TokenSource::new(acme, (std::env::var("ACME_ID")?, std::env::var("ACME_SECRET")?.into()));
    println!("{:?}", tokens.token().await?);
    Ok(())
}
