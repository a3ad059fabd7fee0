//! What identifies a record.

use std::fmt;
use std::sync::Arc;

/// Identifies the account that a record belongs to. `Debug` prints only scheme, host and port of the server's URL.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Key {
    /// The vendor's name.
    pub vendor: &'static str,
    /// The vendor's server.
    pub server: Arc<str>,
    /// Your name for the account; empty if there is only one.
    pub account: Arc<str>,
    /// What is requested: see [`Vendor::requested`](crate::Vendor::requested).
    pub requested: Arc<str>,
}

impl Key {
    /// Creates a key, to test a store. A source makes its own.
    pub fn new(
        vendor: &'static str,
        server: impl Into<Arc<str>>,
        account: impl Into<Arc<str>>,
        requested: impl Into<Arc<str>>,
    ) -> Self {
        Self { vendor, server: server.into(), account: account.into(), requested: requested.into() }
    }

    /// Returns one name for the key: 64 hexadecimal digits, the same for equal keys and different for others. It is the
    /// SHA-256 of the four fields, each with its length before it.
    pub fn digest(&self) -> String {
        let mut hash = hmac_sha256::Hash::new();
        for field in [self.vendor, &self.server, &self.account, &self.requested] {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field.as_bytes());
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A path can contain a tenant's name or a secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = reqwest::Url::parse(&self.server).ok().map(|url| url.origin().ascii_serialization());
        f.debug_struct("Key")
            .field("vendor", &self.vendor)
            .field("server", &origin.unwrap_or_default())
            .field("account", &self.account)
            .field("requested", &self.requested)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_a_key_depends_on_where_its_fields_end() {
        let digest =
            |account: &str, requested: &str| Key::new("acme", "https://acme.example", account, requested).digest();
        assert_eq!(digest("a", "b"), digest("a", "b"));
        assert_eq!(digest("a", "b").len(), 64);
        for (account, requested) in [("ab", ""), ("", "ab"), ("b", "a"), ("a:b", "")] {
            assert_ne!(digest("a", "b"), digest(account, requested), "{account} {requested}");
        }
    }
}
