//! The keys of the simulated clients: made when they are first needed, one of each kind for the whole process. The credentials
//! of a vendor contain the private halves.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING, ED25519, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaKeyPair, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// A private key in PEM, and its public half.
struct Pair {
    pem: String,
    public: Vec<u8>,
}

static RSA: LazyLock<Option<Pair>> = LazyLock::new(|| {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
    let der = AsDer::<Pkcs8V1Der>::as_der(&pair).ok()?;
    Some(Pair { pem: pem("PRIVATE KEY", der.as_ref()), public: pair.public_key().as_ref().to_vec() })
});

static P256: LazyLock<Option<Pair>> = LazyLock::new(|| ec(&ECDSA_P256_SHA256_FIXED_SIGNING));
static P384: LazyLock<Option<Pair>> = LazyLock::new(|| ec(&ECDSA_P384_SHA384_FIXED_SIGNING));
static P521: LazyLock<Option<Pair>> = LazyLock::new(|| ec(&ECDSA_P521_SHA512_FIXED_SIGNING));

static ED: LazyLock<Option<Pair>> = LazyLock::new(|| {
    let pair = Ed25519KeyPair::generate().ok()?;
    let der = pair.to_pkcs8v1().ok()?;
    Some(Pair { pem: pem("PRIVATE KEY", der.as_ref()), public: pair.public_key().as_ref().to_vec() })
});

fn ec(algorithm: &'static EcdsaSigningAlgorithm) -> Option<Pair> {
    let pair = EcdsaKeyPair::generate(algorithm).ok()?;
    let der = pair.to_pkcs8v1().ok()?;
    Some(Pair { pem: pem("PRIVATE KEY", der.as_ref()), public: pair.public_key().as_ref().to_vec() })
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// Nobody reads it: a vendor only compares its thumbprint.
const CERTIFICATE: &[u8] = b"an invented certificate of the sandbox";

/// Returns the certificate of a client, in PEM.
pub(crate) fn certificate() -> String {
    pem("CERTIFICATE", CERTIFICATE)
}

/// Returns its thumbprint for the header `x5t` or `x5t#S256`.
pub(crate) fn thumbprint(header: &str) -> String {
    let algorithm = if header == "x5t" { &SHA1_FOR_LEGACY_USE_ONLY } else { &SHA256 };
    URL_SAFE_NO_PAD.encode(digest(algorithm, CERTIFICATE))
}

fn pair(algorithm: &str) -> Option<(&'static Pair, &'static dyn VerificationAlgorithm)> {
    let (pair, verification): (&LazyLock<Option<Pair>>, &dyn VerificationAlgorithm) = match algorithm {
        "RS256" => (&RSA, &RSA_PKCS1_2048_8192_SHA256),
        "RS384" => (&RSA, &RSA_PKCS1_2048_8192_SHA384),
        "RS512" => (&RSA, &RSA_PKCS1_2048_8192_SHA512),
        "PS256" => (&RSA, &RSA_PSS_2048_8192_SHA256),
        "PS384" => (&RSA, &RSA_PSS_2048_8192_SHA384),
        "PS512" => (&RSA, &RSA_PSS_2048_8192_SHA512),
        "ES256" => (&P256, &ECDSA_P256_SHA256_FIXED),
        "ES384" => (&P384, &ECDSA_P384_SHA384_FIXED),
        "ES512" => (&P521, &ECDSA_P521_SHA512_FIXED),
        "EdDSA" => (&ED, &ED25519),
        _ => return None,
    };
    pair.as_ref().map(|pair| (pair, verification))
}

/// Returns the private key for an algorithm, in PEM.
pub(crate) fn private(algorithm: &str) -> String {
    pair(algorithm).map(|(pair, _)| pair.pem.clone()).unwrap_or_default()
}

/// Whether a signature is that of the client's private key, or of this secret.
pub(crate) fn verifies(algorithm: &str, secret: &str, message: &str, signature: &[u8]) -> bool {
    let shared = match algorithm {
        "HS256" => Some(hmac::HMAC_SHA256),
        "HS384" => Some(hmac::HMAC_SHA384),
        "HS512" => Some(hmac::HMAC_SHA512),
        _ => None,
    };
    match (shared, pair(algorithm)) {
        (Some(shared), _) => {
            hmac::verify(&hmac::Key::new(shared, secret.as_bytes()), message.as_bytes(), signature).is_ok()
        }
        (None, Some((pair, verification))) => {
            UnparsedPublicKey::new(verification, &pair.public).verify(message.as_bytes(), signature).is_ok()
        }
        (None, None) => false,
    }
}
