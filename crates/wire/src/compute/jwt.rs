//! Signed JWTs (RFC 7515, 7518 and 7519), as client assertions, as grants and as tokens of an app.

use aws_lc_rs::signature::{
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
};
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::compute::ComputeError;
use crate::compute::key;
use crate::compute::key::Curve;
use crate::secret::Secret;

/// An algorithm that signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    Rs384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    Rs512,
    /// RSA-PSS with SHA-256.
    Ps256,
    /// RSA-PSS with SHA-384.
    Ps384,
    /// RSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519.
    EdDsa,
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

/// What an algorithm signs with.
pub(super) enum Signing {
    Rsa(&'static dyn RsaEncoding),
    Ec(Curve),
    Ed25519,
    Hmac(hmac::Algorithm),
}

impl Algorithm {
    /// Returns its name in the header `alg`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    pub(super) fn signing(self) -> Signing {
        match self {
            Self::Rs256 => Signing::Rsa(&RSA_PKCS1_SHA256),
            Self::Rs384 => Signing::Rsa(&RSA_PKCS1_SHA384),
            Self::Rs512 => Signing::Rsa(&RSA_PKCS1_SHA512),
            Self::Ps256 => Signing::Rsa(&RSA_PSS_SHA256),
            Self::Ps384 => Signing::Rsa(&RSA_PSS_SHA384),
            Self::Ps512 => Signing::Rsa(&RSA_PSS_SHA512),
            Self::Es256 => Signing::Ec(Curve::P256),
            Self::Es384 => Signing::Ec(Curve::P384),
            Self::Es512 => Signing::Ec(Curve::P521),
            Self::EdDsa => Signing::Ed25519,
            Self::Hs256 => Signing::Hmac(hmac::HMAC_SHA256),
            Self::Hs384 => Signing::Hmac(hmac::HMAC_SHA384),
            Self::Hs512 => Signing::Hmac(hmac::HMAC_SHA512),
        }
    }
}

/// A value in the header or among the claims of a JWT. An absent or empty optional value is left out.
pub trait Claim {
    /// Returns the value as JSON.
    fn json(self) -> Option<Value>;
}

impl Claim for &str {
    fn json(self) -> Option<Value> {
        Some(self.into())
    }
}

impl Claim for &String {
    fn json(self) -> Option<Value> {
        self.as_str().json()
    }
}

impl Claim for &Secret {
    fn json(self) -> Option<Value> {
        self.expose().json()
    }
}

impl Claim for String {
    fn json(self) -> Option<Value> {
        Some(self.into())
    }
}

impl Claim for Secret {
    fn json(self) -> Option<Value> {
        self.expose().json()
    }
}

impl Claim for i64 {
    fn json(self) -> Option<Value> {
        Some(self.into())
    }
}

impl Claim for bool {
    fn json(self) -> Option<Value> {
        Some(self.into())
    }
}

impl<T> Claim for &Option<T>
where
    for<'a> &'a T: Claim,
{
    fn json(self) -> Option<Value> {
        self.as_ref().and_then(Claim::json).filter(|value| *value != "")
    }
}

/// A JWT to sign.
pub struct Jwt {
    algorithms: &'static [Algorithm],
    header: Map<String, Value>,
    claims: Map<String, Value>,
    /// What is wrong with a certificate. The signature reports it.
    problem: Option<ComputeError>,
}

impl Jwt {
    /// Creates a JWT that is signed with the first of these algorithms that is for the kind of the key.
    pub fn new(algorithms: &'static [Algorithm]) -> Self {
        Self { algorithms, header: Map::new(), claims: Map::new(), problem: None }
    }

    /// Adds a parameter of the header.
    pub fn header(mut self, name: &str, value: impl Claim) -> Self {
        self.header.extend(value.json().map(|value| (name.to_owned(), value)));
        self
    }

    /// Adds the thumbprint of a certificate in the credential `name`, as `x5t` (SHA-1) or `x5t#S256` (SHA-256).
    pub fn thumbprint(mut self, header: &str, name: &str, certificate: &Secret) -> Self {
        let algorithm = if header == "x5t" { &digest::SHA1_FOR_LEGACY_USE_ONLY } else { &digest::SHA256 };
        match key::thumbprint(name, certificate, algorithm) {
            Ok(thumbprint) => {
                self.header.insert(header.to_owned(), URL_SAFE_NO_PAD.encode(thumbprint).into());
            }
            Err(problem) => self.problem = self.problem.or(Some(problem)),
        }
        self
    }

    /// Adds a claim.
    pub fn claim(mut self, name: &str, value: impl Claim) -> Self {
        self.claims.extend(value.json().map(|value| (name.to_owned(), value)));
        self
    }

    /// Signs with the key in the credential `name`.
    ///
    /// # Errors
    ///
    /// Returns an error if the key can't be read, or is of a kind that none of the algorithms takes. It names the credential
    /// and the accepted forms. A certificate that can't be read is an error too.
    pub fn sign(self, name: &str, key: &Secret) -> Result<Secret, ComputeError> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        let is_shared = self.algorithms.iter().any(|algorithm| matches!(algorithm.signing(), Signing::Hmac(_)));
        let read = key::read(name, key, is_shared)?;
        let mut header = self.header;
        header.entry("typ").or_insert_with(|| "JWT".into());
        if let Some(kid) = read.kid {
            header.entry("kid").or_insert_with(|| kid.into());
        }
        let claims = URL_SAFE_NO_PAD.encode(Value::Object(self.claims).to_string());
        let signed = self.algorithms.iter().find_map(|algorithm| {
            header.insert("alg".to_owned(), algorithm.name().into());
            let message = [URL_SAFE_NO_PAD.encode(Value::Object(header.clone()).to_string()), claims.clone()].join(".");
            let signature = read.key.sign(*algorithm, message.as_bytes())?;
            Some(Secret::new([message, URL_SAFE_NO_PAD.encode(signature)].join(".")))
        });
        signed.ok_or_else(|| {
            let names: Vec<&str> = self.algorithms.iter().map(|algorithm| algorithm.name()).collect();
            ComputeError::kind(name, read.key.kind(), names.join(" or "))
        })
    }
}

#[cfg(test)]
mod tests;
