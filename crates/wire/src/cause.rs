//! The causes of a transport failure, limited to known messages.
//!
//! A library's message can quote anything: the URL, the names in a certificate, the debug data of an HTTP/2 `GOAWAY`, or a
//! value from a response. Therefore no message is copied: it is looked up in [`KNOWN`], and an unknown one is withheld.

use std::error::Error as StdError;
use std::fmt;
use std::io;

/// An error of the HTTP client, without any input from a peer or a caller.
#[doc(hidden)]
#[derive(Clone)]
pub struct Cause {
    text: String,
    next: Option<Box<Cause>>,
}

/// Shown instead of an unknown message.
const WITHHELD: &str = "(withheld: not a known message)";

/// The message of rustls-platform-verifier when it finds no root certificates.
const NO_CERTIFICATES: &str = "No CA certificates were loaded from the system";

/// The start of h2's message about a `GOAWAY` from the server. A stream only fails with it if its id is above the last one
/// that the server processed.
const GO_AWAY: &str = "connection error received: ";

/// The start of h2's message about a stream that the server refused.
const REFUSED_STREAM: &str = "stream error received: refused stream";

/// The message of hyper-util about a request that no connection took.
const CANCELED: &str = "client error (Canceled)";

impl Cause {
    /// Returns the known messages of an error and its sources.
    pub fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut causes = chain(error).map(|error| Self { text: known_message(error), next: None });
        let mut first = causes.next().unwrap_or(Self { text: WITHHELD.to_owned(), next: None });
        let mut last = &mut first;
        for cause in causes {
            // A wrapper that repeats its source adds nothing.
            if cause.text != last.text {
                last = last.next.insert(Box::new(cause));
            }
        }
        first
    }
}

/// Returns whether no root certificates were found, so that no HTTP client with TLS can be built.
#[doc(hidden)]
pub fn lacks_certificates(error: &(dyn StdError + 'static)) -> bool {
    any_message(error, |text| text.contains(NO_CERTIFICATES))
}

/// Returns whether the HTTP client does not support TLS but the URL is `https://`.
pub(crate) fn lacks_tls(error: &(dyn StdError + 'static)) -> bool {
    any_message(error, |text| text.contains("scheme is not http"))
}

/// Returns whether the error proves that the server did not process the request, or did not receive it.
pub(crate) fn is_unprocessed(error: &(dyn StdError + 'static)) -> bool {
    any_message(error, |text| text == CANCELED || text.starts_with(REFUSED_STREAM) || text.starts_with(GO_AWAY))
}

fn any_message(error: &(dyn StdError + 'static), matches: impl Fn(&str) -> bool) -> bool {
    chain(error).any(|error| matches(&error.to_string()))
}

/// The error and its sources, outermost first.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn StdError + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            // The source of an `io::Error` is the source of its content, which skips the content.
            Some(content) => Some(content as _),
            None => error.source(),
        }
    })
}

fn known_message(error: &(dyn StdError + 'static)) -> String {
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

/// Returns the part of a message that may be shown: a known message that it equals or starts with.
fn look_up(text: &str) -> Option<String> {
    // reqwest appends the URL.
    let text = text.split(" for url (").next().unwrap_or_default();
    if let Some(known) = KNOWN.iter().find(|known| **known == text) {
        return Some((*known).to_owned());
    }
    let (start, tails) = KNOWN_STARTS.iter().find(|(start, _)| text.starts_with(start))?;
    let rest = &text[start.len()..];
    // The rest comes from the peer.
    let tail = tails.iter().filter(|tail| rest.starts_with(**tail)).max_by_key(|tail| tail.len());
    Some(match tail {
        Some(tail) => format!("{start}{tail}"),
        None => start.trim_end_matches([' ', ':']).to_owned(),
    })
}

/// Complete messages.
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

/// Messages with a variable part: how they start, and how they may continue.
const KNOWN_STARTS: &[(&str, &[&str])] = &[
    // std, with the messages of glibc, musl, macOS and Windows.
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

/// The names that h2 gives to the error codes of HTTP/2.
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

/// The complete chain on one line.
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

/// Writes an error and its sources on one line: `a: b: c`. Public errors use it for `{:#}` and `{:?}`.
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
    fn the_part_of_a_message_from_the_peer_is_withheld() {
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
    fn an_io_error_shows_its_code_or_kind() {
        let shown = |error: io::Error| format!("{:?}", Cause::of(&error));
        assert_eq!(shown(io::Error::from_raw_os_error(111)), io::Error::from_raw_os_error(111).to_string());
        assert_eq!(shown(io::ErrorKind::UnexpectedEof.into()), "unexpected end of file");
        assert_eq!(shown(io::Error::new(io::ErrorKind::InvalidData, "hunter2")), format!("invalid data: {WITHHELD}"));
        let tls = Wrapper("invalid peer certificate: UnknownIssuer", None);
        assert_eq!(shown(io::Error::new(io::ErrorKind::InvalidData, tls)), "invalid peer certificate: UnknownIssuer");
    }

    #[test]
    fn a_json_error_shows_its_place_without_the_value() {
        let json = serde_json::from_str::<u8>("\"hunter2\"").unwrap_err();
        assert_eq!(Cause::of(&json).to_string(), "not the expected JSON (line 1, column 9)");
    }

    #[test]
    fn a_chain_is_written_on_one_line() {
        let inner = Wrapper("tcp connect error", Some(Box::new(io::Error::from_raw_os_error(111))));
        let cause = Cause::of(&Wrapper("client error (Connect)", Some(Box::new(inner))));
        let os = io::Error::from_raw_os_error(111);
        assert_eq!(format!("{cause:?}"), format!("client error (Connect): tcp connect error: {os}"));
        assert_eq!(cause.source().unwrap().to_string(), "tcp connect error");
    }

    #[test]
    fn unprocessed_requests_are_recognized() {
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
