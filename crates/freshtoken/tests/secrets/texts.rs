//! All messages of a test, and the mark that none of them may have.

use std::error::Error as StdError;
use std::fmt::{Debug, Display, Write as _};
use std::sync::{Mutex, Once};

use freshtoken::{Token, TokenSource, voucherify, wellnessliving, zenoti};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record as Values};
use tracing::{Event, Metadata, Subscriber};

use crate::server::ask;

/// The mark that every secret contains, and nothing else.
pub const MARK: &str = "MARKED";

/// Finds the mark in a message, and returns its surroundings.
pub fn leak(text: &str) -> Option<String> {
    // Encoded in a form, in base64 of each alignment, or as bytes.
    let base64 = ["TUFSS0VE", "1BUktFR", "NQVJLRU"].map(str::to_owned);
    let bytes = format!("{:?}", MARK.as_bytes());
    let bytes = bytes.trim_matches(['[', ']']).to_owned();
    let marks = base64.into_iter().chain([MARK.to_owned(), MARK.to_lowercase(), bytes]);
    let found = marks.into_iter().find_map(|mark| text.find(&mark))?;
    let around: String = text.char_indices().filter(|(at, _)| at.abs_diff(found) < 200).map(|(_, c)| c).collect();
    Some(around)
}

/// All messages of one test.
#[derive(Default)]
pub struct Texts(pub String);

impl Texts {
    pub fn debug(&mut self, value: &impl Debug) {
        write!(self.0, "{value:?}\n{value:#?}\n").unwrap();
    }

    pub fn display(&mut self, value: &(impl Debug + Display)) {
        self.debug(value);
        write!(self.0, "{value}\n{value:#}\n").unwrap();
    }

    pub fn error(&mut self, error: &(dyn StdError + 'static)) {
        let mut next = Some(error);
        while let Some(error) = next {
            self.display(&error);
            next = error.source();
        }
    }

    /// Adds the messages of a source and of its tokens.
    pub async fn source(&mut self, tokens: &TokenSource) {
        match ask(tokens).await {
            Ok(_) => self.token(&tokens.try_token().unwrap()),
            Err(error) => {
                self.error(&error);
                let causes = [
                    error.vendor_error::<voucherify::Error>().map(|error| format!("{error:?} {error}")),
                    error.vendor_error::<wellnessliving::Error>().map(|error| format!("{error:?} {error}")),
                    error.vendor_error::<zenoti::Error>().map(|error| format!("{error:?} {error}")),
                ];
                self.debug(&causes);
            }
        }
        self.status(tokens);
    }

    pub fn status(&mut self, tokens: &TokenSource) {
        self.debug(tokens);
        let status = tokens.status();
        self.debug(&status);
        if let Some(error) = &status.last_error {
            self.error(error);
        }
    }

    pub fn token(&mut self, token: &Token) {
        assert!(token.expose().contains(MARK), "the mark is in the token");
        self.debug(token);
        // A user may print the header, its value and the response.
        self.debug(token.header());
        self.debug(&http::HeaderMap::from_iter([(http::header::AUTHORIZATION, token.header().clone())]));
        self.debug(&token.extra_headers());
        self.debug(&token.response::<voucherify::LoginResponse>());
        self.debug(&token.response::<wellnessliving::LoginResponse>());
        self.debug(&token.response::<zenoti::LoginResponse>());
    }

    /// Includes the events and logs of this process so far, which its tests share.
    pub fn have_no_secret(&self) {
        assert!(!self.0.is_empty());
        assert_eq!(leak(&self.0), None);
        let log = LOG.0.lock().unwrap().clone();
        assert_eq!(leak(&log), None);
    }
}

/// Records the events and logs of this process at every level.
pub struct Log(pub Mutex<String>);

pub static LOG: Log = Log(Mutex::new(String::new()));

impl Log {
    pub fn start() {
        static START: Once = Once::new();
        START.call_once(|| {
            tracing::subscriber::set_global_default(&LOG).unwrap();
            log::set_logger(&LOG).unwrap();
            log::set_max_level(log::LevelFilter::Trace);
        });
    }

    fn line(&self, write: impl FnOnce(&mut String)) {
        let mut text = self.0.lock().unwrap();
        write(&mut text);
        text.push('\n');
    }
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }

    fn record_error(&mut self, field: &Field, value: &(dyn StdError + 'static)) {
        let mut texts = Texts::default();
        texts.error(value);
        write!(self.0, " {field}={}", texts.0).unwrap();
    }
}

impl Subscriber for &'static Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.line(|text| {
            text.push_str(span.metadata().name());
            span.record(&mut Fields(text));
        });
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Values<'_>) {
        self.line(|text| values.record(&mut Fields(text)));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.line(|text| {
            text.push_str(event.metadata().target());
            event.record(&mut Fields(text));
        });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.line(|text| write!(text, "{} {}", record.target(), record.args()).unwrap());
    }

    fn flush(&self) {}
}
