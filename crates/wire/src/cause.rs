//! The causes of a transport failure, made of known texts only.
//!
//! A library's message can quote anything: the URL, a certificate's names, the debug data of an HTTP/2 `GOAWAY`, a value of
//! a response. So no message is copied. What it says is looked up in [`KNOWN`], and what is not known there is withheld.

use std::error::Error as StdError;
use std::fmt;
use std::io;

/// An error of the HTTP client, without anything that a peer or a caller has written.
#[doc(hidden)]
#[derive(Clone)]
pub struct Cause {
    text: String,
    next: Option<Box<Cause>>,
}

/// What is shown of a message that is not known.
const WITHHELD: &str = "(withheld: not a known message)";

/// What rustls-platform-verifier says where it finds no root certificate.
const NO_CERTIFICATES: &str = "No CA certificates were loaded from the system";

/// How h2 begins to tell of a `GOAWAY` of the server's. A stream fails with it only if its id is above the last one that the
/// server named.
const GO_AWAY: &str = "connection error received: ";

/// What h2 says of a stream that the server refused.
const REFUSED_STREAM: &str = "stream error received: refused stream";

/// What hyper-util says of a request that no connection has taken.
const CANCELED: &str = "client error (Canceled)";

impl Cause {
    /// The known texts of an error and of its sources.
    pub fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut causes = chain(error).map(|error| Self { text: known_text(error), next: None });
        let mut first = causes.next().unwrap_or(Self { text: WITHHELD.to_owned(), next: None });
        let mut last = &mut first;
        for cause in causes {
            // A wrapper that says what its source says adds nothing.
            if cause.text != last.text {
                last = last.next.insert(Box::new(cause));
            }
        }
        first
    }
}

/// Whether no root certificate was found, so that no HTTP client with TLS can be built.
#[doc(hidden)]
pub fn lacks_certificates(error: &(dyn StdError + 'static)) -> bool {
    says(error, |text| text.contains(NO_CERTIFICATES))
}

/// Whether the HTTP client has no TLS for an `https://` URL.
pub(crate) fn lacks_tls(error: &(dyn StdError + 'static)) -> bool {
    says(error, |text| text.contains("scheme is not http"))
}

/// Whether the server has not processed the request, or has not got it at all, for which the error alone is proof.
pub(crate) fn is_unprocessed(error: &(dyn StdError + 'static)) -> bool {
    says(error, |text| text == CANCELED || text.starts_with(REFUSED_STREAM) || text.starts_with(GO_AWAY))
}

fn says(error: &(dyn StdError + 'static), what: impl Fn(&str) -> bool) -> bool {
    chain(error).any(|error| what(&error.to_string()))
}

/// The error and its sources, outermost first.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn StdError + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            // As a source, an `io::Error` names its content's source, not the content.
            Some(content) => Some(content as _),
            None => error.source(),
        }
    })
}

fn known_text(error: &(dyn StdError + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return match (error.raw_os_error(), error.get_ref()) {
            (Some(code), _) => io::Error::from_raw_os_error(code).to_string(),
            (None, None) => error.kind().to_string(),
            (None, Some(content)) => look_up(&content.to_string()).unwrap_or_else(|| error.kind().to_string()),
        };
    }
    if let Some(error) = error.downcast_ref::<serde_json::Error>() {
        return format!("not the expected JSON (line {}, column {})", error.line(), error.column());
    }
    if let Some(status) = error.downcast_ref::<reqwest::Error>().and_then(reqwest::Error::status) {
        return format!("HTTP status {}", status.as_u16());
    }
    look_up(&error.to_string()).unwrap_or_else(|| WITHHELD.to_owned())
}

/// What may be shown of a message: a known text that it consists of, or begins with.
fn look_up(text: &str) -> Option<String> {
    // reqwest appends the URL.
    let text = text.split(" for url (").next().unwrap_or_default();
    if let Some(known) = KNOWN.iter().find(|known| **known == text) {
        return Some((*known).to_owned());
    }
    let (start, tails) = KNOWN_STARTS.iter().find(|(start, _)| text.starts_with(start))?;
    let rest = &text[start.len()..];
    // Behind a known tail is what a peer has sent.
    let tail = tails.iter().filter(|tail| rest.starts_with(**tail)).max_by_key(|tail| tail.len());
    Some(match tail {
        Some(tail) => format!("{start}{tail}"),
        None => start.trim_end_matches([' ', ':']).to_owned(),
    })
}

/// Whole messages.
const KNOWN: &[&str] = &[
    // reqwest
    "builder error",
    "error sending request",
    "request or response body error",
    "error decoding response body",
    "error following redirect",
    "error upgrading connection",
    "operation timed out",
    "URL scheme is not allowed",
    "error resolving DNS",
    "too many redirects",
    "empty host",
    "relative URL without a base",
    "invalid port number",
    "Parsed Url is not a valid Uri",
    "failed to parse header value",
    // hyper-util
    CANCELED,
    "client error (ChannelClosed)",
    "client error (Connect)",
    "client error (SendRequest)",
    "client error (UserUnsupportedRequestMethod)",
    "client error (UserUnsupportedVersion)",
    "client error (UserAbsoluteUriRequired)",
    "dns error",
    "tcp connect error",
    "tcp open error",
    "tcp set_nonblocking error",
    "tcp bind local error",
    "tcp bind interface error",
    "invalid URL, scheme is not http",
    "invalid URL, scheme is missing",
    "invalid URL, host is missing",
    "Network unreachable",
    "tunnel error: missing destination host",
    "tunnel error: proxy authorization required",
    "tunnel error: proxy response headers too long",
    "tunnel error: unexpected end of file",
    "tunnel error: unsuccessful",
    "tunnel error: failed to create underlying connection",
    "tunnel error: io error establishing tunnel",
    // hyper
    "invalid HTTP version parsed",
    "invalid HTTP version parsed (found HTTP2 preface)",
    "invalid HTTP header parsed",
    "invalid content-length parsed",
    "invalid transfer-encoding parsed",
    "unexpected transfer-encoding parsed",
    "message head is too large",
    "invalid HTTP status-code parsed",
    "connection closed before message completed",
    "received unexpected message from connection",
    "channel closed",
    "operation was canceled",
    "connection closed",
    "connection was not ready",
    "error reading a body from connection",
    "error writing a body to connection",
    "error shutting down connection",
    "http2 error",
    "connection error",
    "error from user's Body stream",
    "user body write aborted",
    "dispatch task is gone",
    "unexpected EOF during chunk size line",
    "unexpected EOF waiting for chunk",
    "end of file before message length reached",
    "Invalid chunk size line: missing size digit",
    "Invalid chunk size line",
    "Invalid Size",
    // h2
    "stream closed because of a broken pipe",
    "connection closed because of a broken pipe",
    "broken pipe",
    // rustls, tokio-rustls, rustls-platform-verifier
    "peer sent no certificates",
    "cannot decrypt peer's message",
    "peer sent excess record size",
    "handshake not complete",
    "peer doesn't support any known protocol",
    "peer closed connection without sending TLS close_notify: https://docs.rs/rustls/latest/rustls/manual/_03_howto/index.html#unexpected-eof",
    "tls handshake eof",
    "invalid TLS versions",
    "unexpected error: No CA certificates were loaded from the system",
    // wire
    "the request was given up",
];

/// Messages that go on with something: what they begin with, and how they may go on.
const KNOWN_STARTS: &[(&str, &[&str])] = &[
    // std's, with the texts of glibc, musl, macOS and Windows.
    (
        "failed to lookup address information: ",
        &[
            "Name or service not known",
            "No address associated with hostname",
            "Temporary failure in name resolution",
            "Non-recoverable failure in name resolution",
            "System error",
            "Name does not resolve",
            "Name has no usable address",
            "Try again",
            "Unrecoverable error",
            "nodename nor servname provided, or not known",
        ],
    ),
    // rustls
    (
        "invalid peer certificate: ",
        &[
            "BadEncoding",
            "BadSignature",
            "Expired",
            "InvalidPurpose",
            "NotValidForName",
            "NotValidYet",
            "Revoked",
            "UnhandledCriticalExtension",
            "UnknownIssuer",
            "UnknownRevocationStatus",
            "UnsupportedSignatureAlgorithm",
            "certificate expired",
            "certificate not valid for name",
            "certificate not valid yet",
        ],
    ),
    (
        "received fatal alert: ",
        &[
            "AccessDenied",
            "BadCertificate",
            "CertificateExpired",
            "CertificateRequired",
            "CertificateRevoked",
            "CertificateUnknown",
            "DecodeError",
            "DecryptError",
            "HandshakeFailure",
            "IllegalParameter",
            "InsufficientSecurity",
            "InternalError",
            "NoApplicationProtocol",
            "ProtocolVersion",
            "UnexpectedMessage",
            "UnknownCA",
            "UnrecognisedName",
            "UnrecognizedName",
            "UnsupportedCertificate",
            "UserCanceled",
        ],
    ),
    ("received unexpected message", &[]),
    ("received unexpected handshake message", &[]),
    ("received corrupt message", &[]),
    ("peer is incompatible", &[]),
    ("peer misbehaved", &[]),
    // h2
    ("stream error received: ", HTTP2_REASONS),
    ("stream error detected: ", HTTP2_REASONS),
    ("stream error sent by user: ", HTTP2_REASONS),
    (GO_AWAY, HTTP2_REASONS),
    ("connection error detected: ", HTTP2_REASONS),
    ("connection error sent by user: ", HTTP2_REASONS),
    ("protocol error: ", HTTP2_REASONS),
];

/// What h2 calls the error codes of HTTP/2.
const HTTP2_REASONS: &[&str] = &[
    "not a result of an error",
    "unspecific protocol error detected",
    "unexpected internal error encountered",
    "flow-control protocol violated",
    "settings ACK not received in timely manner",
    "received frame when stream half-closed",
    "frame with invalid size",
    "refused stream before processing any application logic",
    "stream no longer needed",
    "unable to maintain the header compression context",
    "detected excessive load generating behavior",
    "security properties do not meet minimum requirements",
    "endpoint requires HTTP/1.1",
    "unknown reason",
];

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The whole chain on one line.
impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_chain(f, self)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.next.as_deref().map(|next| next as _)
    }
}

/// Writes an error and its sources on one line: `a: b: c`. For the `{:#}` and `{:?}` of public errors.
#[doc(hidden)]
pub fn write_chain(f: &mut fmt::Formatter<'_>, error: &dyn StdError) -> fmt::Result {
    write!(f, "{error}")?;
    let mut source = error.source();
    while let Some(cause) = source {
        write!(f, ": {cause}")?;
        source = cause.source();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Wrapper(&'static str, Option<Box<dyn StdError + Send + Sync>>);

    impl fmt::Display for Wrapper {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Wrapper {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            self.1.as_deref().map(|source| source as _)
        }
    }

    fn shown(text: &'static str) -> String {
        Cause::of(&Wrapper(text, None)).to_string()
    }

    #[test]
    fn only_known_messages_are_shown() {
        assert_eq!(shown("operation timed out"), "operation timed out");
        assert_eq!(shown("error sending request for url (https://a/hunter2)"), "error sending request");
        for text in ["GET https://a/hunter2", "hunter2", "client error (hunter2)", "dns error hunter2", ""] {
            assert_eq!(shown(text), WITHHELD, "{text}");
        }
    }

    #[test]
    fn what_a_peer_adds_to_a_known_message_is_not_shown() {
        for (text, expected) in [
            (
                "connection error received: not a result of an error (b\"hunter2\")",
                "connection error received: not a result of an error",
            ),
            ("stream error received: hunter2", "stream error received"),
            (
                "invalid peer certificate: certificate not valid for name \"hunter2\"; certificate is only valid for b",
                "invalid peer certificate: certificate not valid for name",
            ),
            ("invalid peer certificate: Other(hunter2)", "invalid peer certificate"),
            ("failed to lookup address information: hunter2", "failed to lookup address information"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn an_io_error_is_shown_by_its_code_or_kind() {
        let shown = |error: io::Error| format!("{:?}", Cause::of(&error));
        assert_eq!(shown(io::Error::from_raw_os_error(111)), io::Error::from_raw_os_error(111).to_string());
        assert_eq!(shown(io::ErrorKind::UnexpectedEof.into()), "unexpected end of file");
        assert_eq!(shown(io::Error::new(io::ErrorKind::InvalidData, "hunter2")), format!("invalid data: {WITHHELD}"));
        let tls = Wrapper("invalid peer certificate: UnknownIssuer", None);
        assert_eq!(shown(io::Error::new(io::ErrorKind::InvalidData, tls)), "invalid peer certificate: UnknownIssuer");
    }

    #[test]
    fn json_and_statuses_are_shown_without_a_value() {
        let json = serde_json::from_str::<u8>("\"hunter2\"").unwrap_err();
        assert_eq!(Cause::of(&json).to_string(), "not the expected JSON (line 1, column 9)");
    }

    #[test]
    fn a_chain_is_one_line() {
        let inner = Wrapper("tcp connect error", Some(Box::new(io::Error::from_raw_os_error(111))));
        let cause = Cause::of(&Wrapper("client error (Connect)", Some(Box::new(inner))));
        let os = io::Error::from_raw_os_error(111);
        assert_eq!(format!("{cause:?}"), format!("client error (Connect): tcp connect error: {os}"));
        assert_eq!(cause.source().unwrap().to_string(), "tcp connect error");
    }

    #[test]
    fn http_2_and_hyper_tell_what_was_not_processed() {
        let is_unprocessed = |text| is_unprocessed(&Wrapper("http2 error", Some(Box::new(Wrapper(text, None)))));
        for text in [
            "stream error received: refused stream before processing any application logic",
            "connection error received: not a result of an error",
            "connection error received: detected excessive load generating behavior (b\"x\")",
            "client error (Canceled)",
        ] {
            assert!(is_unprocessed(text), "{text}");
        }
        for text in [
            "stream error received: stream no longer needed",
            "stream error received: not a result of an error",
            "connection error detected: unspecific protocol error detected",
            "stream closed because of a broken pipe",
            "client error (SendRequest)",
        ] {
            assert!(!is_unprocessed(text), "{text}");
        }
    }
}
