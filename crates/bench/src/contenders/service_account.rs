//! A service account's key, made when the program starts: no private key lies in the repository.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Failure;

/// What callgrind is given the key in: it would take long to make one.
pub const VARIABLE: &str = "FRESHTOKEN_BENCH_KEY";

/// The private key, as PEM.
///
/// # Errors
///
/// When none can be made.
pub fn pem() -> Result<&'static str, Failure> {
    static PEM: OnceLock<String> = OnceLock::new();
    if let Some(pem) = PEM.get() {
        return Ok(pem);
    }
    let pem = match std::env::var(VARIABLE) {
        Ok(pem) => pem,
        Err(_) => {
            let key = KeyPair::generate(KeySize::Rsa2048)?;
            let der: Pkcs8V1Der<'_> = key.as_der()?;
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()))
        }
    };
    Ok(PEM.get_or_init(|| pem))
}

/// The key file's text, for an issuer at this address.
///
/// # Errors
///
/// As [`pem`].
pub fn key(url: &str) -> Result<String, Failure> {
    let key = serde_json::json!({
        "type": "service_account",
        "project_id": "example",
        "private_key_id": "example",
        "private_key": pem()?,
        "client_email": "example@example.com",
        "client_id": "example-id",
        "auth_uri": format!("{url}/auth"),
        "token_uri": format!("{url}/token"),
        "auth_provider_x509_cert_url": format!("{url}/certs"),
        "client_x509_cert_url": format!("{url}/cert"),
    });
    Ok(key.to_string())
}
