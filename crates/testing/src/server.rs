//! The server that a vendor's tests talk to.

use std::fmt::Debug;

use freshtoken_wire::{Error, ErrorBody};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::mask::{Secrets, masked};
use crate::response::Response;
use crate::{request, response};

/// The `Date` of each response. It is constant because waits are relative to it.
const DATE: &str = "Thu, 01 Jan 2026 00:00:00 GMT";

/// A server on loopback that returns the same response to each request.
#[derive(Debug)]
pub struct Server {
    server: MockServer,
    response: Response,
}

impl Server {
    /// Starts a server that returns this response.
    pub async fn start(response: Response) -> Self {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(template(response)).mount(&server).await;
        Self { server, response }
    }

    /// Returns the base URL of the server.
    pub fn url(&self) -> String {
        self.server.uri()
    }

    /// Returns the request as text for a snapshot.
    ///
    /// # Panics
    ///
    /// Panics unless exactly one request has arrived.
    pub async fn request_text(&self, secrets: Secrets<'_>) -> String {
        masked(&request::text(&self.request().await), secrets)
    }

    /// Returns the response and what the caller gets as text for a snapshot.
    ///
    /// # Panics
    ///
    /// Panics unless exactly one request has arrived.
    pub async fn response_text<T: Debug, B: ErrorBody + Debug>(
        &self,
        result: &Result<T, Error<B>>,
        secrets: Secrets<'_>,
    ) -> String {
        self.request().await;
        // The port is different in each run.
        let text = response::text(&self.response, result).replace(&self.url(), "http://127.0.0.1:<port>");
        masked(text.trim_end(), secrets)
    }

    /// Returns the only request. A second one would send its credentials twice.
    async fn request(&self) -> Request {
        let requests = self.server.received_requests().await.unwrap();
        let [request] = &requests[..] else { panic!("{} requests have arrived instead of one", requests.len()) };
        request.clone()
    }
}

fn template(Response { status, media_type, body, headers }: Response) -> ResponseTemplate {
    let template = ResponseTemplate::new(status).insert_header("date", DATE);
    let template = headers.iter().fold(template, |template, (name, value)| template.insert_header(*name, *value));
    if body.is_empty() { template } else { template.set_body_raw(body, media_type) }
}

#[cfg(test)]
mod tests {
    use freshtoken_wire::http_client_builder;

    use super::*;

    async fn server() -> Server {
        Server::start(Response { status: 204, media_type: "", body: "", headers: &[] }).await
    }

    async fn post(server: &Server) {
        let http = http_client_builder().build().unwrap();
        let request = http.post(format!("{}/token?a=1", server.url()));
        let request = request.header("authorization", "Basic dTpw").header("user-agent", "acme/1.2.3");
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        request.header("content-type", form).body("scope=a+b&secret=c%26d").send().await.unwrap();
    }

    #[tokio::test]
    async fn a_request_is_shown_decoded_and_without_secrets() {
        let server = server().await;
        post(&server).await;
        let text = server.request_text(&[("secret", "c&d")]).await;
        assert!(text.starts_with("POST /token?a=1\n\n"), "{text}");
        assert!(text.contains("authorization   Basic base64(u:p)\n"), "{text}");
        assert!(text.contains("user-agent      acme/<version>\n"), "{text}");
        assert!(text.contains("body, a form:\n  scope   a b\n  secret  <secret>\n"), "{text}");
        assert!(text.ends_with("body, raw:\n  scope=a+b&secret=<secret>\n"), "{text}");
    }

    #[tokio::test]
    #[should_panic(expected = "2 requests have arrived instead of one")]
    async fn a_repeated_request_fails_the_test() {
        let server = server().await;
        post(&server).await;
        post(&server).await;
        server.request_text(&[]).await;
    }
}
