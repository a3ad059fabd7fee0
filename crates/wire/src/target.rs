//! Where requests go, and what carries them.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use crate::cause::Cause;
use crate::{CONNECT_TIMEOUT, Error, ErrorKind, TOTAL_TIMEOUT};

/// How long an idle connection is kept. Token requests come an hour apart; one right after another may share.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// A checked base URL and an HTTP client.
#[derive(Clone)]
pub struct Target {
    base_url: Arc<str>,
    origin: Arc<str>,
    http: reqwest::Client,
}

impl Target {
    /// Checks the base URL and takes `http`, or makes a client of [`http_client_builder`].
    ///
    /// Each target has a client of its own: a connection in a pool shared by the process would belong to the runtime
    /// that opened it, and die with it. Only `http://` to a loopback host never goes through a proxy.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BaseUrl`], [`ErrorKind::PlainHttp`], [`ErrorKind::NoTls`]. None of them echoes the URL.
    pub fn new<B>(base_url: &str, http: Option<reqwest::Client>) -> Result<Self, Error<B>> {
        let unusable = |why| Err(Error::endpoint(ErrorKind::BaseUrl).detail(why));
        let Ok(url) = Url::parse(base_url) else {
            return unusable("it is no absolute URL, such as https://api.example.com");
        };
        let plain = match url.scheme() {
            "https" => false,
            "http" => true,
            _ => return unusable("its scheme is neither https nor http"),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return unusable("it has a user or password, which belong into the credentials");
        }
        if url.query().is_some() {
            return unusable("it has a query");
        }
        if url.fragment().is_some() {
            return unusable("it has a fragment");
        }
        if plain && !is_loopback(&url) {
            return Err(Error::endpoint(ErrorKind::PlainHttp));
        }
        let http = match http {
            Some(http) => http,
            None if !plain && cfg!(not(any(feature = "rustls", feature = "native-tls"))) => {
                return Err(Error::endpoint(ErrorKind::NoTls));
            }
            None => {
                let builder = http_client_builder().https_only(!plain);
                let builder = if plain { builder.no_proxy() } else { builder };
                builder
                    .build()
                    .map_err(|error| Error::endpoint(ErrorKind::NoTls).cause(Some(Cause::of(&error.without_url()))))?
            }
        };
        Ok(Self {
            base_url: url.as_str().trim_end_matches('/').into(),
            origin: url.origin().ascii_serialization().into(),
            http,
        })
    }

    /// The base URL, with its path and without a trailing slash.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Scheme, host, and the port where it isn't the scheme's own: `https://api.example.com`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn shared_origin(&self) -> Arc<str> {
        self.origin.clone()
    }

    /// The HTTP client.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }
}

/// The origin only: a path can hold a tenant, or worse.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("origin", &self.origin).finish_non_exhaustive()
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        // RFC 6761 section 6.3.
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// A builder of HTTP clients with all that is careful already set, for a proxy or a root certificate of one's own.
///
/// No redirects, no `referer`, no retries, no compression, [`CONNECT_TIMEOUT`] and [`TOTAL_TIMEOUT`], and idle
/// connections are closed soon. Proxies come from the environment, as always with reqwest.
pub fn http_client_builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        // Each adds a header, if some other crate enables its feature.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
}

/// All but the unreserved characters of RFC 3986 section 2.3.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Puts server variables into a URL template such as `https://{tenant}.example.com/{realm}`.
///
/// In the host a variable may have letters, digits, `.` and `-`; in the path it becomes one segment, percent-encoded.
///
/// # Errors
///
/// [`ErrorKind::MissingSetting`] where a value is empty, [`ErrorKind::BaseUrl`] where it can't be put in its place, or
/// the template is wrong. Neither echoes a value.
pub fn expand<B>(template: &str, variables: &[(&'static str, &str)]) -> Result<String, Error<B>> {
    let unusable = |why: &str| Error::endpoint(ErrorKind::BaseUrl).detail(why);
    let in_path_from = template.find("://").and_then(|scheme| {
        let authority = scheme + "://".len();
        template[authority..].find('/').map(|end| authority + end)
    });
    let mut url = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        url.push_str(before);
        let position = template.len() - after.len();
        let Some((name, after)) = after.split_once('}') else {
            return Err(unusable("its template has a { without a }"));
        };
        let Some((name, value)) = variables.iter().find(|(known, _)| *known == name) else {
            return Err(unusable("its template names a variable that has no setting"));
        };
        if value.is_empty() {
            return Err(Error::endpoint(ErrorKind::MissingSetting(name)));
        }
        if in_path_from.is_some_and(|start| position > start) {
            if matches!(*value, "." | "..") {
                return Err(unusable(&format!("the setting `{name}` must not be a dot segment")));
            }
            url.extend(utf8_percent_encode(value, SEGMENT));
        } else {
            if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)) {
                return Err(unusable(&format!("the setting `{name}` may have letters, digits, `.` and `-` only")));
            }
            url.push_str(value);
        }
        rest = after;
    }
    url.push_str(rest);
    Ok(url)
}
