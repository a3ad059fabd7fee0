//! The algorithms of signatures.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaSigningAlgorithm, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding,
};

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

/// A curve of ECDSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    pub(super) const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    pub(super) fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
            Self::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
        }
    }

    /// Returns the length of a coordinate in bytes.
    pub(super) fn len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}
