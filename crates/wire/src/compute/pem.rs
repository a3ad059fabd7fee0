//! Reads PEM (RFC 7468): the blocks of a file, or of an environment variable in which the line breaks were lost.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A block of a PEM.
pub(crate) struct Block<'a> {
    pub(crate) label: &'a str,
    /// None if it is not base64, which an encrypted PKCS#1 is not.
    pub(crate) der: Option<Zeroizing<Vec<u8>>>,
}

/// Whether a string is meant to be PEM.
#[cfg(feature = "jwt")]
pub(crate) fn is_pem(text: &str) -> bool {
    text.contains(BEGIN)
}

/// Returns the blocks in order.
pub(crate) fn blocks(text: &str) -> Vec<Block<'_>> {
    let block = |rest: &str| -> Option<(usize, usize)> {
        let label = rest.find(DASHES)?;
        Some((label, rest.find(END)?))
    };
    let starts = text.split(BEGIN).skip(1);
    starts
        .filter_map(|rest| {
            let (label, end) = block(rest)?;
            let inside = rest.get(label + DASHES.len()..end)?;
            Some(Block { label: &rest[..label], der: decoded(inside) })
        })
        .collect()
}

/// Decodes base64 with any white space in it. `\n` as two characters is what many tools make of a line break.
fn decoded(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut base64 = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if matches!(bytes.next(), Some(b'n' | b'r')) => {}
            b'\\' => return None,
            byte if byte.is_ascii_whitespace() => {}
            byte => base64.push(byte),
        }
    }
    BASE64.decode(&*base64).ok().map(Zeroizing::new)
}
