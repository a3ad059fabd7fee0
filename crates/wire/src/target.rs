//! Where requests go, and the HTTP client that sends them.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use crate::cause::{Cause, lacks_certificates};
use crate::certificate::Certificate;
use crate::client::{http_client_builder, is_loopback, is_loopback_address, loopback_client_builder};
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// A checked base URL and an HTTP client. Clones share them.
#[derive(Clone)]
pub struct Target(Arc<Place>);

struct Place {
    url: Url,
    origin: Arc<str>,
    http: reqwest::Client,
}

impl Target {
    /// Checks the base URL and takes the client of `http`, which builds it for the first target.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::BaseUrl`], [`ErrorKind::PlainHttp`], [`ErrorKind::NoTls`] or [`ErrorKind::HttpClient`]. No
    /// error contains the URL.
    pub fn new<B>(base_url: &str, http: &Http) -> Result<Self, Error<B>> {
        // A client is created for each grant, usually for the same server. Parsing its URL takes a tenth of the CPU time of
        // a login.
        if let Some(target) = http.known(base_url) {
            return Ok(target.clone());
        }
        let target = Self::checked(base_url, http)?;
        // Those that were first stay.
        if let Some(free) = http.0.known.iter().find(|known| known.get().is_none()) {
            let _ = free.set((base_url.into(), target.clone()));
        }
        Ok(target)
    }

    fn checked<B>(base_url: &str, http: &Http) -> Result<Self, Error<B>> {
        let url = check(base_url)?;
        let plain = url.scheme() == "http";
        // It is unknown how a custom client resolves names.
        if plain && http.0.custom.is_some() && !is_loopback_address(&url) {
            return Err(Error::endpoint(ErrorKind::PlainHttp).with_detail(
                "a custom HTTP client may resolve a name below `localhost` to any host: use `localhost`",
            ));
        }
        let http = http.client(plain)?;
        Ok(Self(Arc::new(Place { origin: url.origin().ascii_serialization().into(), url, http })))
    }

    /// Returns the base URL, with its path and without a trailing slash.
    pub fn base_url(&self) -> &str {
        self.0.url.as_str().trim_end_matches('/')
    }

    /// Returns the URL of a path below the base URL. The parameters in the path must be percent-encoded.
    pub(crate) fn below(&self, path: &str) -> Url {
        let mut url = self.0.url.clone();
        let mut path = [url.path().trim_end_matches('/'), path].concat();
        // progenitor does not encode a backslash, and `Url` reads it as a slash, which would change the path.
        if path.contains('\\') {
            path = path.replace('\\', "%5C");
        }
        url.set_path(&path);
        url
    }

    /// Returns the scheme, the host, and the port unless it is the scheme's default: `https://api.example.com`.
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    pub(crate) fn shared_origin(&self) -> Arc<str> {
        self.0.origin.clone()
    }

    /// Returns the HTTP client.
    pub fn http(&self) -> &reqwest::Client {
        &self.0.http
    }
}

/// Only the origin, because a path can contain a tenant or a secret.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("origin", &self.0.origin).finish_non_exhaustive()
    }
}

/// Checks that secrets may be sent to a base URL, and returns it. For the constructor of an endpoint.
///
/// # Errors
///
/// Returns [`ErrorKind::BaseUrl`] or [`ErrorKind::PlainHttp`]. Neither contains the URL.
pub fn check<B>(base_url: &str) -> Result<Url, Error<B>> {
    let unusable = |why| Err(Error::endpoint(ErrorKind::BaseUrl).with_detail(why));
    let Ok(url) = Url::parse(base_url) else {
        return unusable("it is not an absolute URL, such as https://api.example.com");
    };
    if !["https", "http"].contains(&url.scheme()) {
        return unusable("its scheme is neither https nor http");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return unusable("it has a user or password, which belong in the credentials");
    }
    if url.query().is_some() {
        return unusable("it has a query");
    }
    if url.fragment().is_some() {
        return unusable("it has a fragment");
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(Error::endpoint(ErrorKind::PlainHttp));
    }
    Ok(url)
}

/// Checks a base URL that a response named, and returns it. For a login of several requests.
///
/// It must be HTTPS to one of these hosts, or to a host below one. The origin of the endpoint's `own` base URL is allowed too,
/// because it has the credentials anyway.
///
/// # Errors
///
/// Returns [`ErrorKind::BaseUrl`] or [`ErrorKind::PlainHttp`]. Neither contains the URL.
pub fn received_base_url<B>(base_url: &str, own: &str, hosts: &[&str]) -> Result<String, Error<B>> {
    let url = check::<B>(base_url)?;
    let is_own = Url::parse(own).is_ok_and(|own| own.origin() == url.origin());
    let host = url.host_str().unwrap_or_default();
    let is_below =
        |known: &&str| host.strip_suffix(*known).is_some_and(|before| before.is_empty() || before.ends_with('.'));
    if is_own || url.scheme() == "https" && hosts.iter().any(is_below) {
        return Ok(url.into());
    }
    Err(Error::endpoint(ErrorKind::BaseUrl).with_detail("the response names a host that is not one of the vendor's"))
}

/// An HTTP client: a custom one, or the one from [`http_client_builder`] that the whole process shares.
///
/// It does not keep connections: each request opens a new one, see [`http_client_builder`]. That is also why it can be shared:
/// a connection belongs to the runtime that opened it, which may have stopped. TLS sessions are kept, and resumed.
#[derive(Clone, Default)]
pub struct Http(Arc<Choice>);

#[derive(Default)]
struct Choice {
    custom: Option<reqwest::Client>,
    /// The first base URLs and their targets: that of the vendor, and that of an operation on another host.
    known: [OnceLock<(Box<str>, Target)>; 2],
    /// The client's certificate for TLS.
    certificate: Option<Certificate>,
    /// The client with that certificate, which no other can share.
    #[cfg_attr(not(any(feature = "rustls", feature = "native-tls")), allow(dead_code, reason = "there is no TLS"))]
    own: Shared,
    /// The same choice with the certificate that was used last.
    certified: Mutex<Option<Http>>,
}

/// The client of all targets without a custom one. A client takes some 130 KiB, and reads every root certificate when it is
/// built.
static TLS: Shared = Shared::new();

/// The same for loopback, which needs no certificates.
static PLAIN: Shared = Shared::new();

/// A client that is built when it is first needed.
#[derive(Default)]
struct Shared {
    client: OnceLock<reqwest::Client>,
    /// Held while the client is built, so that many sources that start at once build one.
    building: Mutex<()>,
}

impl Shared {
    const fn new() -> Self {
        Self { client: OnceLock::new(), building: Mutex::new(()) }
    }

    /// Returns the client. A failure is not kept, so the next call tries again.
    fn get(&self, build: impl FnOnce() -> reqwest::Result<reqwest::Client>) -> reqwest::Result<reqwest::Client> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let _building = self.building.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = build()?;
        Ok(self.client.get_or_init(|| client).clone())
    }
}

impl Http {
    /// Returns the target of this base URL, if it was one of the first.
    fn known(&self, base_url: &str) -> Option<&Target> {
        let mut known = self.0.known.iter().filter_map(OnceLock::get);
        known.find(|(known, _)| **known == *base_url).map(|(_, target)| target)
    }

    /// Returns the choice with a credential as the client's certificate for TLS. A custom client stays as it is, because its
    /// certificate can't be changed.
    pub fn certified(&self, credential: &'static str, pem: &Secret) -> Self {
        if self.0.custom.is_some() {
            return self.clone();
        }
        let certificate = Some(Certificate::new(credential, pem.clone()));
        let mut last = self.0.certified.lock().unwrap_or_else(PoisonError::into_inner);
        // A client with a certificate takes as long to build as any other, so that it is kept until the credential changes.
        match &*last {
            Some(http) if http.0.certificate == certificate => http.clone(),
            _ => last.insert(Self(Arc::new(Choice { certificate, ..Choice::default() }))).clone(),
        }
    }

    fn client<B>(&self, plain: bool) -> Result<reqwest::Client, Error<B>> {
        if let Some(client) = &self.0.custom {
            return Ok(client.clone());
        }
        let certificate = self.0.certificate.as_ref();
        let unusable = |name| Error::endpoint(ErrorKind::Certificate(name));
        // Checked on loopback too, which needs no TLS.
        let parts = match certificate {
            Some(certificate) => Some(certificate.parts().ok_or_else(|| unusable(certificate.name))?),
            None => None,
        };
        if !plain && cfg!(not(any(feature = "rustls", feature = "native-tls"))) {
            return Err(Error::endpoint(ErrorKind::NoTls));
        }
        let builder = || http_client_builder().https_only(true);
        let client = match (plain, parts) {
            (true, _) => PLAIN.get(|| loopback_client_builder().build()),
            #[cfg(any(feature = "rustls", feature = "native-tls"))]
            (false, Some(parts)) => self.0.own.get(|| parts.add_to(builder())?.build()),
            _ => TLS.get(|| builder().build()),
        };
        client.map_err(|error| match certificate.filter(|_| !lacks_certificates(&error)) {
            Some(certificate) => unusable(certificate.name),
            None => cannot_build(&error),
        })
    }
}

/// The error is transient: certificates, or file descriptors to read them, may be available for the next attempt.
fn cannot_build<B>(error: &reqwest::Error) -> Error<B> {
    let failure = Error::endpoint(ErrorKind::HttpClient).with_cause(Some(Cause::of(error)));
    if lacks_certificates(error) { failure.with_detail(NO_CERTIFICATES) } else { failure }
}

/// The message when no client can be built because there are no root certificates.
#[doc(hidden)]
pub const NO_CERTIFICATES: &str = "no CA certificates were found: install them or set SSL_CERT_FILE";

impl From<reqwest::Client> for Http {
    fn from(client: reqwest::Client) -> Self {
        Self(Arc::new(Choice { custom: Some(client), ..Choice::default() }))
    }
}

/// Whether the client is a custom one, without its contents.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.custom.is_some() { "Http(custom)" } else { "Http(shared)" })
    }
}

/// All but the unreserved characters of RFC 3986 section 2.3.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Expands server variables in a URL template such as `https://{tenant}.example.com/{realm}`.
///
/// In the host, a value may have letters, digits, `.` and `-`. In the path, it becomes one percent-encoded segment.
///
/// # Errors
///
/// Returns [`ErrorKind::MissingSetting`] if a value is empty, and [`ErrorKind::BaseUrl`] if a value is not allowed in its
/// position or the template is invalid. Neither contains a value.
pub fn expand<B>(template: &str, variables: &[(&'static str, &str)]) -> Result<String, Error<B>> {
    let unusable = |why: &str| Error::endpoint(ErrorKind::BaseUrl).with_detail(why);
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
            return Err(unusable("its template has a `{` without a `}`"));
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

/// Returns a string without secrets that identifies the server of an endpoint, for use in keys.
///
/// It is the base URL with its `variables`, followed by the `settings` of its paths. If the base URL may contain a secret,
/// the result is empty instead. `http` is the client of the requests, which may have parsed the URL already.
pub fn server_key(http: &Http, template: &str, variables: &[(&str, &str)], settings: &[(&str, &str)]) -> String {
    // Encoded, so that different lists of values never result in the same key.
    let encoded = |value: &str| utf8_percent_encode(value, SEGMENT).to_string();
    let expanded = variables
        .iter()
        .fold(template.to_owned(), |url, (name, value)| url.replace(&format!("{{{name}}}"), &encoded(value)));
    let is_plain = |url: &Url| {
        let has_user = !url.username().is_empty() || url.password().is_some();
        url.has_host() && !has_user && url.query().is_none() && url.fragment().is_none()
    };
    let mut key = match http.known(&expanded) {
        Some(target) => target.base_url().to_owned(),
        None => match Url::parse(&expanded) {
            Ok(url) if is_plain(&url) => url.into(),
            // A string that isn't a URL is safe if it has no delimiter of a user, a query or a fragment.
            Err(_) if !expanded.contains(['@', '?', '#']) => expanded,
            _ => String::new(),
        },
    };
    key.truncate(key.trim_end_matches('/').len());
    for (name, value) in settings {
        key.push_str(&format!(";{name}={}", encoded(value)));
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_built_once_and_a_failure_is_not_kept() {
        let shared = Shared::new();
        let fails = || reqwest::Client::builder().user_agent("\n").build();
        assert!(shared.get(fails).is_err());
        shared.get(|| loopback_client_builder().build()).unwrap();
        shared.get(|| panic!("it is built already")).unwrap();
    }

    #[test]
    fn each_base_url_has_its_own_target() {
        let http = Http::default();
        let origin = |url: &str| Target::new::<()>(url, &http).map(|target| target.origin().to_owned());
        for _ in 0..2 {
            assert!(origin("ftp://localhost").is_err());
            assert_eq!(origin("http://localhost/a").unwrap(), "http://localhost");
            assert_eq!(origin("http://127.0.0.1:81").unwrap(), "http://127.0.0.1:81");
        }
        assert_eq!(http.0.known[0].get().unwrap().1.base_url(), "http://localhost/a");
    }

    #[test]
    fn a_server_key_contains_the_server_and_its_settings() {
        let http = Http::default();
        let key = |url: &str| server_key(&http, url, &[("tenant", "acme"), ("path", "a/b")], &[("realm", "my realm")]);
        assert_eq!(key("https://{tenant}.example.com/{path}/"), "https://acme.example.com/a%2Fb;realm=my%20realm");
        let key = |url: &str| server_key(&http, url, &[], &[]);
        assert_eq!(key("https://API.example.com/"), "https://api.example.com");
        assert_eq!(key("no url"), "no url");
        assert_eq!(key("https://{unknown}.example.com"), "https://{unknown}.example.com");
    }

    #[test]
    fn a_server_key_does_not_change_after_the_first_request() {
        let http = Http::default();
        let key = || server_key(&http, "http://{name}.localhost:80/A/", &[("name", "acme")], &[("realm", "r")]);
        assert_eq!(key(), "http://acme.localhost/A;realm=r");
        Target::new::<()>("http://acme.localhost:80/A/", &http).unwrap();
        assert!(http.known("http://acme.localhost:80/A/").is_some());
        assert_eq!(key(), "http://acme.localhost/A;realm=r");
    }

    #[test]
    fn a_server_key_omits_secrets_of_a_misconfigured_url() {
        for url in
            ["https://u:hunter2@example.com", "https://e.com/?key=hunter2", "https://e.com/#hunter2", "u:hunter2@x y"]
        {
            assert_eq!(server_key(&Http::default(), url, &[], &[]), "", "{url}");
        }
    }
}
