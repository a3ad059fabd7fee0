//! TLS client authentication: the certificate and the private key in a credential.

use zeroize::Zeroizing;

use crate::compute::pem::{Block, blocks};
use crate::secret::Secret;

/// The labels of the private keys that TLS takes: PKCS#8, PKCS#1 and SEC1.
const KEYS: [&str; 3] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];

/// A credential with a PEM of a certificate, or a chain of them, and of its private key.
#[derive(Clone, PartialEq)]
pub(crate) struct Certificate {
    /// The name of the credential.
    pub(crate) name: &'static str,
    pem: Secret,
}

/// The blocks of a PEM in the form that TLS libraries read.
#[cfg_attr(not(any(feature = "rustls", feature = "native-tls")), allow(dead_code, reason = "there is no TLS"))]
pub(crate) struct Parts {
    certificates: Zeroizing<String>,
    key: Zeroizing<String>,
}

impl Certificate {
    pub(crate) fn new(name: &'static str, pem: Secret) -> Self {
        Self { name, pem }
    }

    /// Returns its parts. There are none if it lacks a certificate or a key, or the key is encrypted.
    pub(crate) fn parts(&self) -> Option<Parts> {
        let blocks = blocks(self.pem.expose());
        let written = |is_wanted: &dyn Fn(&str) -> bool| -> Option<Zeroizing<String>> {
            let mut text = Zeroizing::new(String::new());
            for block in blocks.iter().filter(|block| is_wanted(block.label)) {
                write(block, &mut text)?;
            }
            (!text.is_empty()).then_some(text)
        };
        let key = blocks.iter().find(|block| KEYS.contains(&block.label))?.label;
        Some(Parts { certificates: written(&|label| label == "CERTIFICATE")?, key: written(&|label| label == key)? })
    }
}

/// Writes a block with the line breaks that an environment variable may have lost.
fn write(block: &Block<'_>, text: &mut String) -> Option<()> {
    let base64 = Zeroizing::new(base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        block.der.as_ref().filter(|der| !der.is_empty())?,
    ));
    text.push_str(&format!("-----BEGIN {}-----\n", block.label));
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        // RFC 7468 section 2: 64 characters in each line.
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {}-----\n", block.label));
    Some(())
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
impl Parts {
    /// Adds the certificate to a client. rustls is preferred, because it takes all three forms of a key.
    ///
    /// # Errors
    ///
    /// If the TLS library cannot read it. Whether key and certificate belong together shows when the client is built.
    pub(crate) fn add_to(&self, builder: reqwest::ClientBuilder) -> reqwest::Result<reqwest::ClientBuilder> {
        #[cfg(feature = "rustls")]
        {
            let pem = Zeroizing::new([self.certificates.as_str(), &self.key].concat());
            Ok(builder.tls_backend_rustls().identity(reqwest::Identity::from_pem(pem.as_bytes())?))
        }
        #[cfg(not(feature = "rustls"))]
        {
            let identity = reqwest::Identity::from_pkcs8_pem(self.certificates.as_bytes(), self.key.as_bytes())?;
            Ok(builder.tls_backend_native().identity(identity))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(pem: &str) -> Option<Parts> {
        Certificate::new("client_certificate", pem.into()).parts()
    }

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\naW52ZW50ZWQ=\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\naW52ZW50ZWQga2V5\n-----END EC PRIVATE KEY-----\n";

    #[test]
    fn certificate_and_key_are_found_in_either_order_and_without_line_breaks() {
        for pem in [
            [CERTIFICATE, KEY].concat(),
            [KEY, CERTIFICATE].concat(),
            [KEY, CERTIFICATE].concat().replace('\n', "\\n"),
            [KEY, CERTIFICATE].concat().replace('\n', " "),
        ] {
            let parts = parts(&pem).unwrap();
            assert_eq!((parts.certificates.as_str(), parts.key.as_str()), (CERTIFICATE, KEY));
        }
        let chain = parts(&[CERTIFICATE, KEY, CERTIFICATE].concat()).unwrap();
        assert_eq!(chain.certificates.matches("BEGIN CERTIFICATE").count(), 2);
    }

    #[test]
    fn a_pem_without_a_certificate_or_a_plain_key_is_unusable() {
        let encrypted = KEY.replace("EC PRIVATE", "ENCRYPTED PRIVATE");
        let old = KEY.replace("aW52", "Proc-Type: 4,ENCRYPTED\n\naW52");
        for pem in ["", "hunter2", CERTIFICATE, KEY, &[CERTIFICATE, &encrypted].concat(), &[CERTIFICATE, &old].concat()]
        {
            assert!(parts(pem).is_none(), "{pem}");
        }
    }
}
