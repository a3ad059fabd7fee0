//! The keys of a seal, and what they do: AES-256-GCM-SIV.
//!
//! A sealed record is `v1.<key id>.<base64url of nonce, ciphertext and tag>`. GCM-SIV, because the processes of a fleet choose
//! nonces at random with one key: if two are ever equal, that shows only whether the two records are. The associated data is
//! the version, the id of the key, the digest of the record's key, and the generation.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use base64::prelude::BASE64_STANDARD;
use freshtoken_wire::Secret;
use zeroize::Zeroizing;

#[cfg(feature = "file")]
use crate::store::error::StoreError;
use crate::store::key::Key;
use crate::store::seal_error::{OpenError, SealError};

/// The format, with the separator after it.
const VERSION: &str = "v1.";

/// The length of a key, in bytes.
const KEY_LEN: usize = 32;

/// A key that seals records: 32 random bytes. It is wiped when it is dropped, and never printed.
///
/// Parse it from 64 hexadecimal digits or from base64, of either alphabet.
#[derive(Clone)]
pub struct SealKey(Zeroizing<[u8; KEY_LEN]>);

impl SealKey {
    /// Creates a key from 32 random bytes.
    ///
    /// # Errors
    ///
    /// If there are more or fewer.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        let mut key = Self(Zeroizing::new([0; KEY_LEN]));
        if bytes.len() != KEY_LEN {
            return Err(SealError::Length);
        }
        key.0.copy_from_slice(bytes);
        Ok(key)
    }

    /// Creates a new key. [`SealKey::to_base64`] returns it for your configuration.
    ///
    /// # Errors
    ///
    /// If the system has no random numbers.
    pub fn generate() -> Result<Self, SealError> {
        let mut key = Self(Zeroizing::new([0; KEY_LEN]));
        rand::fill(&mut *key.0).map_err(|_| SealError::Random)?;
        Ok(key)
    }

    /// Reads the key from a file, as a program of one machine keeps it. If there is no file, it is created with a new key, and
    /// so is its directory.
    ///
    /// The file has mode 0600, and the rules of [`FileStore`](crate::store::FileStore) apply to it. Processes that start at the
    /// same time get the same key.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or created, if others can access it, or if it holds no key.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn example() -> Result<(), freshtoken::store::StoreError> {
    /// use freshtoken::store::{FileStore, Seal, SealKey};
    ///
    /// let store = FileStore::open("/var/lib/example/tokens")?;
    /// let seal = Seal::new(SealKey::read_or_create("/var/lib/example/tokens/key")?);
    /// # let _ = (store, seal);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "file")]
    pub fn read_or_create(path: impl AsRef<std::path::Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let text = crate::store::file::secret_file(path, || {
            Ok(Secret::new(format!("{}\n", SealKey::generate()?.to_base64().expose())))
        })?;
        text.expose().parse().map_err(|error: SealError| format!("{path:?} is no key: {error}").into())
    }

    /// Returns the key as base64.
    pub fn to_base64(&self) -> Secret {
        Secret::new(BASE64_STANDARD.encode(self.0.as_slice()))
    }

    /// The name of the key in a sealed record: 16 hexadecimal digits, which say nothing about the key.
    fn id(&self) -> String {
        // Not of the crate for fingerprints, which leaves its buffers as they are.
        let mut hash = Context::new(&SHA256);
        hash.update(b"freshtoken seal key id");
        hash.update(self.0.as_slice());
        hash.finish().as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl FromStr for SealKey {
    type Err = SealError;

    /// Parses 64 hexadecimal digits or base64. One line break at the end is ignored, as a file has it.
    fn from_str(text: &str) -> Result<Self, SealError> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if let Some(bytes) = from_hex(text) {
            return Self::from_bytes(&bytes);
        }
        let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        for alphabet in [&base64::alphabet::STANDARD, &base64::alphabet::URL_SAFE] {
            if let Ok(bytes) = GeneralPurpose::new(alphabet, config).decode(text) {
                return Self::from_bytes(&Zeroizing::new(bytes));
            }
        }
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        Err(if is_hex { SealError::Length } else { SealError::Encoding })
    }
}

/// 64 digits only: fewer could be base64.
fn from_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    if text.len() != 2 * KEY_LEN {
        return None;
    }
    let digits = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<Vec<_>>>().map(Zeroizing::new)?;
    Some(Zeroizing::new(digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()))
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey([redacted])")
    }
}

/// The current key, and former ones. Clones share them.
#[derive(Clone)]
pub(crate) struct KeyRing(Arc<Vec<Named>>);

#[derive(Clone)]
struct Named {
    id: String,
    key: SealKey,
}

impl Named {
    fn new(key: SealKey) -> Self {
        Self { id: key.id(), key }
    }

    /// The cipher is made for each record: that takes a microsecond, and only a renewal needs it.
    fn cipher(&self) -> Option<LessSafeKey> {
        Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, self.key.0.as_slice()).ok()?))
    }

    fn associated(&self, key: &Key, generation: u64) -> Aad<Vec<u8>> {
        let mut data = format!("{VERSION}{}.{}.", self.id, key.digest()).into_bytes();
        data.extend(generation.to_be_bytes());
        Aad::from(data)
    }
}

impl KeyRing {
    pub(crate) fn new(current: SealKey) -> Self {
        Self(Arc::new(vec![Named::new(current)]))
    }

    pub(crate) fn push(&mut self, former: SealKey) {
        Arc::make_mut(&mut self.0).push(Named::new(former));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn seal(&self, key: &Key, generation: u64, text: &Secret) -> Result<Secret, SealError> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| SealError::Random)?;
        let current = &self.0[0];
        let mut sealed = Zeroizing::new(text.expose().as_bytes().to_vec());
        let cipher = current.cipher().ok_or(SealError::Length)?;
        let tag = cipher.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            current.associated(key, generation),
            &mut sealed,
        );
        let tag = tag.map_err(|_| SealError::Length)?;
        let sealed = [&nonce[..], &sealed, tag.as_ref()].concat();
        Ok(Secret::new(format!("{VERSION}{}.{}", current.id, URL_SAFE_NO_PAD.encode(sealed))))
    }

    pub(crate) fn open(&self, key: &Key, generation: u64, text: &Secret) -> Result<Secret, OpenError> {
        let text = text.expose();
        let Some(rest) = text.strip_prefix(VERSION) else {
            return Err(if text.starts_with('v') { OpenError::Version } else { OpenError::Plain });
        };
        let (id, sealed) = rest.split_once('.').ok_or(OpenError::Changed)?;
        let named = self.0.iter().find(|named| named.id == id).ok_or(OpenError::UnknownKey)?;
        let mut sealed = Zeroizing::new(URL_SAFE_NO_PAD.decode(sealed).map_err(|_| OpenError::Changed)?);
        let (nonce, sealed) = sealed.split_at_mut_checked(NONCE_LEN).ok_or(OpenError::Changed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError::Changed)?;
        let cipher = named.cipher().ok_or(OpenError::Changed)?;
        let plain = cipher.open_in_place(nonce, named.associated(key, generation), sealed);
        let plain = plain.map_err(|_| OpenError::Changed)?;
        std::str::from_utf8(plain).map(Secret::new).map_err(|_| OpenError::Changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::seal::Seal;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const BASE64: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const TEXT: &str = r#"{"version":2,"token":"hunter2"}"#;

    fn key(byte: u8) -> SealKey {
        SealKey::from_bytes(&[byte; 32]).unwrap()
    }

    fn account(name: &str) -> Key {
        Key::new("acme", "https://acme.example", name, "")
    }

    fn sealed_by(seal: &Seal) -> Secret {
        seal.seal(&account("a"), 7, TEXT.into()).unwrap()
    }

    fn error(seal: &Seal, account: &Key, generation: u64, text: &str) -> OpenError {
        let error = seal.open(account, generation, &text.into()).unwrap_err();
        assert!(!format!("{error}{error:?}").contains("hunter"));
        *error.downcast::<OpenError>().unwrap()
    }

    #[test]
    fn a_sealed_record_opens_with_its_key_and_does_not_show_its_content() {
        let seal = Seal::new(key(1));
        let sealed = sealed_by(&seal);
        assert!(sealed.expose().starts_with("v1.") && !sealed.expose().contains("hunter"));
        assert!(sealed.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)));
        assert_eq!(seal.open(&account("a"), 7, &sealed).unwrap(), TEXT.into());
        assert_ne!(sealed_by(&seal), sealed, "the nonce is random");
    }

    #[test]
    fn a_former_key_opens_and_the_current_one_seals() {
        let old = sealed_by(&Seal::new(key(1)));
        let seal = Seal::new(key(2)).also_opens(key(1));
        assert_eq!(seal.open(&account("a"), 7, &old).unwrap(), TEXT.into());
        assert_eq!(Seal::new(key(2)).open(&account("a"), 7, &sealed_by(&seal)).unwrap(), TEXT.into());
        assert_eq!(error(&Seal::new(key(2)), &account("a"), 7, old.expose()), OpenError::UnknownKey);
    }

    #[test]
    fn a_record_of_another_account_or_generation_does_not_open() {
        let seal = Seal::new(key(1));
        let sealed = sealed_by(&seal);
        for (account, generation) in [(account("b"), 7), (account("a"), 8), (account("a"), 6)] {
            assert_eq!(error(&seal, &account, generation, sealed.expose()), OpenError::Changed);
        }
    }

    #[test]
    fn no_flipped_bit_or_missing_end_goes_unnoticed() {
        let seal = Seal::new(key(1)).also_opens(key(2));
        let sealed = sealed_by(&seal);
        for at in 0..sealed.expose().len() {
            for bit in 0..7 {
                let mut bytes = sealed.expose().as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                error(&seal, &account("a"), 7, std::str::from_utf8(&bytes).unwrap());
            }
            error(&seal, &account("a"), 7, &sealed.expose()[..at]);
        }
        // The key id of another key of the ring.
        let other = sealed.expose().replace(&key(1).id(), &key(2).id());
        assert_eq!(error(&seal, &account("a"), 7, &other), OpenError::Changed);
    }

    #[test]
    fn plain_and_sealed_records_are_not_mistaken_for_each_other() {
        let seal = Seal::new(key(1));
        assert_eq!(error(&seal, &account("a"), 7, TEXT), OpenError::Plain);
        assert_eq!(error(&seal, &account("a"), 7, ""), OpenError::Plain);
        assert_eq!(error(&Seal::none(), &account("a"), 7, sealed_by(&seal).expose()), OpenError::Sealed);
        assert_eq!(error(&seal, &account("a"), 7, "v2.anything"), OpenError::Version);
        assert_eq!(sealed_by(&Seal::none()), TEXT.into());
    }

    #[test]
    fn a_key_is_read_from_hex_and_both_base64_alphabets() {
        let bytes: Vec<u8> = (0..32).collect();
        for text in [HEX, &HEX.to_uppercase(), BASE64, BASE64.trim_end_matches('='), &format!("{BASE64}\r\n")] {
            assert_eq!(text.parse::<SealKey>().unwrap().0.as_slice(), bytes, "{text}");
        }
        let key = SealKey::from_bytes(&[0xfb; 32]).unwrap();
        let standard = key.to_base64();
        for text in [standard.expose(), &standard.expose().replace('+', "-").replace('/', "_")] {
            assert_eq!(text.parse::<SealKey>().unwrap().0, key.0);
        }
    }

    #[test]
    fn an_unusable_key_is_an_error_that_quotes_nothing() {
        for (text, expected) in [
            ("", SealError::Length),
            ("hunter2!", SealError::Encoding),
            (&HEX[2..], SealError::Length),
            (&HEX.replace('0', "g"), SealError::Length),
        ] {
            let error = text.parse::<SealKey>().unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!error.to_string().contains("hunter"));
        }
        assert!(!format!("{:?} {:?}", key(0x41), Seal::new(key(0x41))).contains("65"));
    }

    #[test]
    fn generated_keys_differ() {
        let (one, other) = (SealKey::generate().unwrap(), SealKey::generate().unwrap());
        assert_ne!(one.0, other.0);
        assert_eq!(one.to_base64().expose().parse::<SealKey>().unwrap().0, one.0);
    }
}
