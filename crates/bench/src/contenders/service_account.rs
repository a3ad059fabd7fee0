//! A service account's key file, created when the program starts: the repository holds no private key.

use std::sync::OnceLock;

use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};

use super::BoxError;

/// Returns the text of a key file for an issuer at this URL.
///
/// # Errors
///
/// If no key can be created.
pub fn key(url: &str) -> Result<String, BoxError> {
    static PEM: OnceLock<String> = OnceLock::new();
    if PEM.get().is_none() {
        let _ = PEM.set(KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?.serialize_pem());
    }
    let key = serde_json::json!({
        "type": "service_account",
        "project_id": "example",
        "private_key_id": "example",
        "private_key": PEM.get(),
        "client_email": "example@example.com",
        "client_id": "example-id",
        "auth_uri": format!("{url}/auth"),
        "token_uri": format!("{url}/token"),
        "auth_provider_x509_cert_url": format!("{url}/certs"),
        "client_x509_cert_url": format!("{url}/cert"),
    });
    Ok(key.to_string())
}
