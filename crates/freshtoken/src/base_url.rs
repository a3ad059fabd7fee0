//! The base URL of an account's API: the endpoint's own, or from the response with the token.

use crate::error::Error;
use crate::source::TokenSource;

impl TokenSource {
    /// Returns the base URL of the account's API, or `None` if the spec does not name it or the response lacked it.
    ///
    /// If calls go to the server that issues the tokens, this returns that server's URL at once. Otherwise the URL comes with the
    /// token, so this waits like [`TokenSource::header`].
    ///
    /// Only a URL with `https` is returned, or one of this machine: the token would follow it anywhere.
    ///
    /// # Errors
    ///
    /// As for [`TokenSource::header`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(api: freshtoken::HttpClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let base = api.tokens().base_url().await?.ok_or("no base URL")?;
    /// let leads = api.get(format!("{base}/crm/v8/Leads")).send().await?;
    /// # let _ = leads;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn base_url(&self) -> Result<Option<String>, Error> {
        if let Some(base) = self.own_base_url() {
            return Ok(Some(base.to_owned()));
        }
        let token = self.token().await?;
        let base = self.policy().base_url.and_then(|name| token.kept(name));
        let base = base.map(|base| base.trim_end_matches('/'));
        Ok(base.filter(|base| is_safe(base)).map(str::to_owned))
    }

    /// The base URL of the endpoint, if calls go there.
    pub(crate) fn own_base_url(&self) -> Option<&str> {
        self.endpoint_url().filter(|base| is_safe(base))
    }
}

/// Whether the token may be sent to a base URL.
fn is_safe(base: &str) -> bool {
    let host = |rest: &str| rest.split([':', '/', '?', '#']).next().unwrap_or_default().to_owned();
    let is_local = |rest: &str| rest.starts_with("[::1]") || ["127.0.0.1", "localhost"].contains(&host(rest).as_str());
    // A user name would hide the host.
    let plain = !base.contains(['@', '\\']) && base.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    plain && (base.starts_with("https://") || base.strip_prefix("http://").is_some_and(is_local))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_from_a_response_is_https_or_this_machine() {
        for base in [
            "https://eu.example",
            "https://eu.example:8443/api",
            "http://127.0.0.1:80",
            "http://localhost/a",
            "http://[::1]:9",
        ] {
            assert!(is_safe(base), "{base}");
        }
        for base in [
            "http://eu.example",
            "http://localhost.example",
            "https://a@b.example",
            "ftp://a",
            "",
            "https://a b",
            "//a",
        ] {
            assert!(!is_safe(base), "{base}");
        }
    }
}
