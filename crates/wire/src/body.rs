//! Request and response bodies in memory that is wiped.
//!
//! Wiped are the body of a request, both as the generated client created it and as the HTTP client receives it, and the
//! body of a response as it is collected here. Not wiped are the buffers of the HTTP client and of TLS, and those that
//! serde_json outgrows while it encodes a JSON body.

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::body_problem::BodyProblem;
use crate::limits::MAX_BODY;

/// A response's body, decoded.
pub(crate) type Text = Zeroizing<String>;

/// Reads a body of at most [`MAX_BODY`] bytes.
pub(crate) async fn read(response: &mut reqwest::Response) -> reqwest::Result<Result<Text, BodyProblem>> {
    let length = response.content_length().unwrap_or_default();
    if length > MAX_BODY as u64 {
        return Ok(Err(BodyProblem::TooLarge));
    }
    let mut body = Buffer(Zeroizing::new(Vec::with_capacity(length as usize)));
    while let Some(chunk) = response.chunk().await? {
        if body.0.len() + chunk.len() > MAX_BODY {
            return Ok(Err(BodyProblem::TooLarge));
        }
        body.extend(&chunk);
    }
    Ok(Ok(body.into_text()))
}

/// Bytes that are wiped when the buffer grows.
struct Buffer(Zeroizing<Vec<u8>>);

impl Buffer {
    fn extend(&mut self, bytes: &[u8]) {
        let length = self.0.len() + bytes.len();
        if length > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(length.max(2 * self.0.capacity())));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }

    /// Decodes the body, without a byte order mark, which serde_json would reject. Invalid UTF-8 is replaced, because an
    /// invalid byte in an unused field must not lose a token.
    fn into_text(mut self) -> Text {
        const MARK: &[u8] = "\u{feff}".as_bytes();
        if self.0.starts_with(MARK) {
            self.0.drain(..MARK.len());
        }
        match String::from_utf8(std::mem::take(&mut *self.0)) {
            Ok(text) => Zeroizing::new(text),
            Err(error) => lossy(&Zeroizing::new(error.into_bytes())),
        }
    }
}

fn lossy(bytes: &[u8]) -> Text {
    // Each invalid byte may become a replacement character.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * char::REPLACEMENT_CHARACTER.len_utf8()));
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    text
}

/// Moves the body of a request to memory that is wiped after it is sent, and wipes the original immediately.
pub(crate) fn wiped(mut body: reqwest::Body) -> reqwest::Body {
    // progenitor only creates bodies with bytes.
    let Some(bytes) = body.as_bytes() else { return body };
    let copy = Bytes::from_owner(Zeroizing::new(bytes.to_vec()));
    let mut context = Context::from_waker(Waker::noop());
    if let Poll::Ready(Some(Ok(frame))) = pin!(body.frame()).poll(&mut context)
        && let Ok(bytes) = frame.into_data()
        && let Ok(mut bytes) = bytes.try_into_mut()
    {
        bytes.as_mut().zeroize();
    }
    copy.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_decoded_lossily_without_a_byte_order_mark() {
        let text = |bytes: &[u8]| (*Buffer(Zeroizing::new(bytes.to_vec())).into_text()).clone();
        assert_eq!(text(b"{}"), "{}");
        assert_eq!(text("\u{feff}{\"a\":\"é\"}".as_bytes()), "{\"a\":\"é\"}");
        assert_eq!(text(b"{\"a\":\"\xe9\",\"b\":\"\xff\xfe\"}"), "{\"a\":\"\u{fffd}\",\"b\":\"\u{fffd}\u{fffd}\"}");
    }

    /// Reads this process's memory. It does not allocate, because an allocation could reuse freed memory.
    #[cfg(target_os = "linux")]
    struct Memory(std::fs::File, Vec<u8>);

    #[cfg(target_os = "linux")]
    impl Memory {
        fn new() -> Self {
            Self(std::fs::File::open("/proc/self/mem").unwrap(), vec![0; MARKED.len() * 2 * TIMES])
        }

        /// Returns whether `marked` occurs in `length` bytes at an address.
        fn is_marked(&mut self, at: *const u8, length: usize) -> bool {
            use std::os::unix::fs::FileExt as _;
            let bytes = &mut self.1[..length];
            self.0.read_exact_at(bytes, at as u64).unwrap();
            bytes.windows(MARKED.len()).any(|bytes| bytes == MARKED)
        }
    }

    #[cfg(target_os = "linux")]
    const MARKED: &[u8] = b"marked";

    /// Large enough that the allocator does not reuse the memory for small values.
    #[cfg(target_os = "linux")]
    const TIMES: usize = 3_000;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_response_body_is_wiped_when_it_grows_and_when_dropped() {
        let (mut memory, marked) = (Memory::new(), MARKED.repeat(TIMES));
        let mut body = Buffer(Zeroizing::new(Vec::new()));
        body.extend(&marked);
        let first = body.0.as_ptr();
        assert!(memory.is_marked(first, marked.len()));
        body.extend(&marked);
        assert!(!memory.is_marked(first, marked.len()), "the smaller buffer");
        let text = body.into_text();
        let (second, length) = (text.as_ptr(), text.len());
        assert!(memory.is_marked(second, length));
        drop(text);
        assert!(!memory.is_marked(second, length), "the larger buffer");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_request_body_and_its_copy_are_wiped() {
        let (mut memory, original) = (Memory::new(), MARKED.repeat(TIMES));
        let (first, length) = (original.as_ptr(), original.len());
        let body = wiped(original.into());
        assert!(!memory.is_marked(first, length), "the original");
        let second = body.as_bytes().unwrap().as_ptr();
        assert!(memory.is_marked(second, length));
        drop(body);
        assert!(!memory.is_marked(second, length), "the copy");
    }
}
