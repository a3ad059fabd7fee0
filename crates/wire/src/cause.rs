//! The causes of a transport failure, as text in which no URL can be.

use std::error::Error as StdError;
use std::fmt;

/// An error of the HTTP client, cleaned: `reqwest::Error` itself would carry the URL, and with it path and query.
#[derive(Clone)]
pub(crate) struct Cause {
    text: String,
    next: Option<Box<Cause>>,
}

/// Longer texts of a cause are withheld, in bytes: no message of hyper, rustls or an operating system is as long.
const MAX_TEXT: usize = 200;

impl Cause {
    pub(crate) fn of(error: &(dyn StdError + 'static)) -> Self {
        Self { text: clean(&error.to_string()), next: error.source().map(|source| Box::new(Self::of(source))) }
    }

    /// Whether a text of the chain holds `part`.
    pub(crate) fn says(&self, part: &str) -> bool {
        self.text.contains(part) || self.next.as_ref().is_some_and(|next| next.says(part))
    }
}

/// The text, unless it could hold a piece of a URL or a header.
fn clean(text: &str) -> String {
    // reqwest appends the URL.
    let text = text.split(" for url (").next().unwrap_or_default();
    let suspect = |c: char| c.is_control() || "/?=&%@".contains(c);
    if text.len() > MAX_TEXT || text.contains(suspect) {
        "(withheld: it could hold an address)".to_owned()
    } else {
        text.to_owned()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The whole chain in one line.
impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.next {
            Some(next) => write!(f, ": {next:?}"),
            None => Ok(()),
        }
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.next.as_deref().map(|next| next as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_could_hold_an_address_is_withheld() {
        let clean = |text: &str| Cause::of(&*Box::<dyn StdError>::from(text)).to_string();
        assert_eq!(clean("Connection refused (os error 111)"), "Connection refused (os error 111)");
        assert_eq!(clean("error sending request for url (https://a/hunter2)"), "error sending request");
        for text in ["GET https://a/hunter2", "/hunter2", "key=hunter2", "hunter2@host", "hunter2\n", "%hunter2"] {
            assert!(!clean(text).contains("hunter2"), "{text}");
        }
        assert!(!clean(&"hunter2".repeat(100)).contains("hunter2"));
    }
}
