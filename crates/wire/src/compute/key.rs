//! Private keys: PEM in the forms of PKCS#8, PKCS#1 and SEC1, and JWK.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::compute::algorithm::{Algorithm, Curve, Signing};
use crate::compute::error::ComputeError;
use crate::compute::pem;
use crate::secret::Secret;

const UNREADABLE: &str = "cannot be read as a private key: write a PEM (PKCS#8 `PRIVATE KEY`, PKCS#1 `RSA PRIVATE KEY` or SEC1 \
     `EC PRIVATE KEY`) or a JWK with all its private members; RSA from 2048 bits, EC on P-256, P-384 or P-521, or Ed25519";
const ENCRYPTED: &str = "is an encrypted private key: decrypt it first, for example with `openssl pkcs8`";
const PUBLIC: &str =
    "is not a private key, but a public key or a certificate: write the private key that belongs to it";
const NOT_A_SECRET: &str = "is a key in PEM or JWK, and the vendor takes a shared secret: write the secret itself";
const NOT_A_CERTIFICATE: &str = "cannot be read as a certificate: write a PEM with a block `CERTIFICATE`";

const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key that signs. AWS-LC wipes those of its own types.
pub(super) enum Key {
    Rsa(Box<RsaKeyPair>),
    Ec(Curve, Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
    Shared(Zeroizing<Vec<u8>>),
}

/// A key, and the id that its JWK states.
pub(super) struct Read {
    pub(super) key: Key,
    pub(super) kid: Option<String>,
}

/// Reads the private key, or for HMAC the secret, in the credential `name`.
pub(super) fn read(name: &str, text: &Secret, is_shared: bool) -> Result<Read, ComputeError> {
    let is_json = text.expose().trim_start().starts_with('{');
    let read = match (is_shared, is_json) {
        // A key pair must never become a secret that both sides know.
        (true, _) if pem::is_pem(text.expose()) => Err(NOT_A_SECRET),
        (true, true) => jwk(text.expose()).filter(|read| matches!(read.key, Key::Shared(_))).ok_or(NOT_A_SECRET),
        (true, false) => Ok(Read { key: Key::Shared(Zeroizing::new(text.expose().into())), kid: None }),
        (false, true) => jwk(text.expose()).filter(|read| !matches!(read.key, Key::Shared(_))).ok_or(UNREADABLE),
        (false, false) => from_pem(text.expose()).map(|key| Read { key, kid: None }),
    };
    read.map_err(|problem| ComputeError::credential(name, problem))
}

fn from_pem(text: &str) -> Result<Key, &'static str> {
    let mut problem = UNREADABLE;
    for block in pem::blocks(text) {
        let der = block.der.as_ref();
        let key = match block.label {
            "PRIVATE KEY" => der.and_then(|der| pkcs8(der)),
            "RSA PRIVATE KEY" => der.and_then(|der| RsaKeyPair::from_der(der).ok()).map(|key| Key::Rsa(Box::new(key))),
            "EC PRIVATE KEY" => der.and_then(|der| sec1(der)),
            "ENCRYPTED PRIVATE KEY" => return Err(ENCRYPTED),
            "CERTIFICATE" | "PUBLIC KEY" | "RSA PUBLIC KEY" => {
                problem = PUBLIC;
                continue;
            }
            // Such as `EC PARAMETERS`.
            _ => continue,
        };
        // The headers of an encrypted PKCS#1 or SEC1 are not base64.
        let is_encrypted = || text.contains("ENCRYPTED");
        return key.ok_or_else(|| if is_encrypted() { ENCRYPTED } else { UNREADABLE });
    }
    Err(problem)
}

fn pkcs8(der: &[u8]) -> Option<Key> {
    let rsa = || RsaKeyPair::from_pkcs8(der).ok().map(|key| Key::Rsa(Box::new(key)));
    let ed25519 = || Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(|key| Key::Ed25519(Box::new(key)));
    let ec = |curve: Curve| Some((curve, EcdsaKeyPair::from_pkcs8(curve.signing(), der).ok()?));
    let ec = || Curve::ALL.into_iter().find_map(ec).map(|(curve, key)| Key::Ec(curve, Box::new(key)));
    rsa().or_else(ec).or_else(ed25519)
}

fn sec1(der: &[u8]) -> Option<Key> {
    let read = |curve: Curve| Some((curve, EcdsaKeyPair::from_private_key_der(curve.signing(), der).ok()?));
    Curve::ALL.into_iter().find_map(read).map(|(curve, key)| Key::Ec(curve, Box::new(key)))
}

/// A private JWK (RFC 7517, 7518 and 8037). All of it is secret, so that all of it is wiped.
#[derive(Deserialize)]
struct Jwk {
    kty: Secret,
    crv: Option<Secret>,
    kid: Option<String>,
    n: Option<Secret>,
    e: Option<Secret>,
    d: Option<Secret>,
    p: Option<Secret>,
    q: Option<Secret>,
    dp: Option<Secret>,
    dq: Option<Secret>,
    qi: Option<Secret>,
    x: Option<Secret>,
    y: Option<Secret>,
    k: Option<Secret>,
}

fn jwk(text: &str) -> Option<Read> {
    let jwk: Jwk = serde_json::from_str(text).ok()?;
    let curve = jwk.crv.as_ref().map_or("", Secret::expose);
    let key = match (jwk.kty.expose(), curve) {
        ("RSA", _) => rsa_jwk(&jwk)?,
        ("EC", "P-256") => ec_jwk(&jwk, Curve::P256)?,
        ("EC", "P-384") => ec_jwk(&jwk, Curve::P384)?,
        ("EC", "P-521") => ec_jwk(&jwk, Curve::P521)?,
        ("OKP", "Ed25519") => {
            let pair = Ed25519KeyPair::from_seed_and_public_key(&bytes(&jwk.d)?, &bytes(&jwk.x)?).ok()?;
            Key::Ed25519(Box::new(pair))
        }
        ("oct", _) => Key::Shared(bytes(&jwk.k)?),
        _ => return None,
    };
    Some(Read { key, kid: jwk.kid })
}

fn bytes(member: &Option<Secret>) -> Option<Zeroizing<Vec<u8>>> {
    BASE64_URL.decode(member.as_ref()?.expose()).ok().map(Zeroizing::new)
}

fn rsa_jwk(jwk: &Jwk) -> Option<Key> {
    let (n, e) = (bytes(&jwk.n)?, bytes(&jwk.e)?);
    let (d, p, q) = (bytes(&jwk.d)?, bytes(&jwk.p)?, bytes(&jwk.q)?);
    let (dp, dq, qi) = (bytes(&jwk.dp)?, bytes(&jwk.dq)?, bytes(&jwk.qi)?);
    let components = KeyPairComponents {
        public_key: PublicKeyComponents { n: n.as_slice(), e: e.as_slice() },
        d: d.as_slice(),
        p: p.as_slice(),
        q: q.as_slice(),
        dP: dp.as_slice(),
        dQ: dq.as_slice(),
        qInv: qi.as_slice(),
    };
    Some(Key::Rsa(Box::new(RsaKeyPair::from_components(&components).ok()?)))
}

fn ec_jwk(jwk: &Jwk, curve: Curve) -> Option<Key> {
    // Some writers drop leading zeros.
    let padded = |member: &Option<Secret>| -> Option<Zeroizing<Vec<u8>>> {
        let short = bytes(member)?;
        let missing = curve.len().checked_sub(short.len())?;
        let mut padded = Zeroizing::new(vec![0; missing]);
        padded.reserve_exact(short.len());
        padded.extend_from_slice(&short);
        Some(padded)
    };
    let (d, x, y) = (padded(&jwk.d)?, padded(&jwk.x)?, padded(&jwk.y)?);
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    let pair = EcdsaKeyPair::from_private_key_and_public_key(curve.signing(), &d, &point).ok()?;
    Some(Key::Ec(curve, Box::new(pair)))
}

impl Key {
    /// Returns what it is, for a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "an RSA key",
            Self::Ec(Curve::P256, _) => "an EC key on P-256",
            Self::Ec(Curve::P384, _) => "an EC key on P-384",
            Self::Ec(Curve::P521, _) => "an EC key on P-521",
            Self::Ed25519(_) => "an Ed25519 key",
            Self::Shared(_) => "a shared secret",
        }
    }

    /// Signs with an algorithm for this kind of key. Returns `None` if it is for another.
    pub(super) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
        match (self, algorithm.signing()) {
            (Self::Rsa(pair), Signing::Rsa(encoding)) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature).ok()?;
                Some(signature)
            }
            (Self::Ec(curve, pair), Signing::Ec(of)) if *curve == of => {
                pair.sign(&SystemRandom::new(), message).ok().map(|signature| signature.as_ref().to_vec())
            }
            (Self::Ed25519(pair), Signing::Ed25519) => Some(pair.sign(message).as_ref().to_vec()),
            (Self::Shared(secret), Signing::Hmac(of)) => {
                Some(hmac::sign(&hmac::Key::new(of, secret), message).as_ref().to_vec())
            }
            _ => None,
        }
    }
}

/// Returns the thumbprint of the first certificate in the credential `name`.
pub(super) fn thumbprint(
    name: &str,
    certificate: &Secret,
    algorithm: &'static digest::Algorithm,
) -> Result<digest::Digest, ComputeError> {
    let blocks = pem::blocks(certificate.expose());
    let der = blocks.iter().find(|block| block.label == "CERTIFICATE").and_then(|block| block.der.as_ref());
    match der.filter(|der| !der.is_empty()) {
        Some(der) => Ok(digest::digest(algorithm, der)),
        None => Err(ComputeError::credential(name, NOT_A_CERTIFICATE)),
    }
}
