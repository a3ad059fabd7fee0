//! Signed JWTs (RFC 7515, 7518 and 7519), as client assertions, as grants and as tokens of an app.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::compute::algorithm::{Algorithm, Signing};
use crate::compute::error::ComputeError;
use crate::compute::key;
use crate::secret::Secret;

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
