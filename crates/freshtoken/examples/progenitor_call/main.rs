//! A token in a client that progenitor generated: a call of Zenoti's API through the client's hooks.
//!
//! `centers.rs` is the output of progenitor 0.15 for `centers.json`, with `with_inner_type(quote!(freshtoken::TokenSource))` and
//! `with_hooks(HooksMode::Expected)`. Generate yours with the same two settings, and copy the hooks below.
//!
//! ```sh
//! cargo run -p freshtoken-sandbox -- zenoti -- cargo run -p freshtoken --example progenitor_call
//! ```

#[allow(dead_code, missing_docs, clippy::unwrap_used, reason = "generated")]
mod centers;

use freshtoken::status::RejectionOutcome;
use freshtoken::{TokenSource, redirect_policy, zenoti};
use progenitor_client::{ClientHooks, ClientInfo, Error, OperationInfo};
use reqwest::{Request, Response, StatusCode};

use crate::centers::Client;

impl ClientHooks<TokenSource> for Client {
    /// Adds the token, or fails with the reason why there is none.
    async fn pre<E>(&self, request: &mut Request, _: &OperationInfo) -> Result<(), Error<E>> {
        let header = self.inner().header().await.map_err(|error| Error::Custom(format!("{error:#}")))?;
        request.headers_mut().insert(self.inner().header_name(), header);
        Ok(())
    }

    /// Reports what became of the token. After a 401, the call is sent once more with a new one.
    async fn exec(&self, request: Request, _: &OperationInfo) -> reqwest::Result<Response> {
        let (tokens, again) = (self.inner(), request.try_clone());
        let sent = request.headers().get(tokens.header_name()).cloned();
        let response = self.client().execute(request).await?;
        let Some(header) = sent else { return Ok(response) };
        if response.status().is_success() {
            tokens.accepted(&header);
        }
        if response.status() != StatusCode::UNAUTHORIZED
            || tokens.rejected(&header) == RejectionOutcome::PermissionProblem
        {
            return Ok(response);
        }
        let (Some(mut request), Ok(header)) = (again, tokens.header().await) else { return Ok(response) };
        request.headers_mut().insert(tokens.header_name(), header.clone());
        let response = self.client().execute(request).await?;
        match response.status() {
            StatusCode::UNAUTHORIZED => drop(tokens.rejected(&header)),
            status if status.is_success() => tokens.accepted(&header),
            _ => {}
        }
        Ok(response)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tokens = TokenSource::from_env::<zenoti::Endpoint>()?;
    let url = std::env::var("ZENOTI_API_URL").unwrap_or_else(|_| "https://api.zenoti.com".to_owned());
    // The token must not follow a redirect to another host.
    let http = reqwest::Client::builder().redirect(redirect_policy()).build()?;

    let api = Client::new_with_client(&url, http, tokens);
    let response = api.list_centers(Some(10)).await?;
    println!("{}\n{}", response.status(), serde_json::to_string(&*response)?);
    Ok(())
}
