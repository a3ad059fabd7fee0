//! JWTs in every algorithm and every form of a key, verified with the public key.

use aws_lc_rs::encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, EcPrivateKeyRfc5915Der, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING, ED25519, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaKeyPair, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key in all its forms, and its public half.
struct Made {
    forms: Vec<String>,
    public: Vec<u8>,
}

/// Returns the integers of a DER sequence.
fn integers(der: &[u8]) -> Vec<&[u8]> {
    let mut rest = &der[4..];
    let mut found = Vec::new();
    while let [0x02, len, after @ ..] = rest {
        let (len, after) = match len {
            0x81 => (after[0].into(), &after[1..]),
            0x82 => (usize::from(after[0]) << 8 | usize::from(after[1]), &after[2..]),
            short => ((*short).into(), after),
        };
        found.push(if after[0] == 0 && len > 1 { &after[1..len] } else { &after[..len] });
        rest = &after[len..];
    }
    found
}

fn rsa() -> Made {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8 = AsDer::<Pkcs8V1Der>::as_der(&pair).unwrap();
    // The header of a PKCS#8 with an RSA key of this size.
    let pkcs1 = &pkcs8.as_ref()[26..];
    let parts: Vec<String> = integers(pkcs1).into_iter().map(url).collect();
    let [_, n, e, d, p, q, dp, dq, qi] = parts.try_into().unwrap();
    let jwk =
        json!({ "kty": "RSA", "kid": "jwk-id", "n": n, "e": e, "d": d, "p": p, "q": q, "dp": dp, "dq": dq, "qi": qi });
    let forms = vec![pem("PRIVATE KEY", pkcs8.as_ref()), pem("RSA PRIVATE KEY", pkcs1), jwk.to_string()];
    Made { forms, public: pair.public_key().as_ref().to_vec() }
}

fn ec(algorithm: &'static EcdsaSigningAlgorithm, curve: &str) -> Made {
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let sec1: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
    let d: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().unwrap();
    let point = pair.public_key().as_ref().to_vec();
    let (x, y) = point[1..].split_at(point.len() / 2);
    let jwk = json!({ "kty": "EC", "crv": curve, "d": url(d.as_ref()), "x": url(x), "y": url(y) });
    let parameters = pem("EC PARAMETERS", &[6, 5, 43, 129, 4, 0, 34]);
    let forms = vec![
        pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref()),
        parameters + &pem("EC PRIVATE KEY", sec1.as_ref()),
        jwk.to_string(),
    ];
    Made { forms, public: point }
}

fn ed25519() -> Made {
    let pair = Ed25519KeyPair::generate().unwrap();
    let seed = pair.seed().unwrap().as_be_bytes().unwrap();
    let jwk =
        json!({ "kty": "OKP", "crv": "Ed25519", "d": url(seed.as_ref()), "x": url(pair.public_key()) }).to_string();
    let forms = vec![
        pem("PRIVATE KEY", pair.to_pkcs8().unwrap().as_ref()),
        pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref()),
        jwk,
    ];
    Made { forms, public: pair.public_key().as_ref().to_vec() }
}

fn part(jwt: &str, index: usize) -> Value {
    let part = jwt.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn verify(jwt: &str, public: &[u8], algorithm: &'static dyn VerificationAlgorithm) {
    let (message, signature) = jwt.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(algorithm, public).verify(message.as_bytes(), &signature).unwrap();
}

fn sign(algorithms: &'static [Algorithm], key: &str) -> Result<Secret, String> {
    let jwt = Jwt::new(algorithms).header("kid", &None::<String>).claim("iss", "someone");
    jwt.sign("private_key", &Secret::new(key)).map_err(|error| error.to_string())
}

#[test]
fn every_algorithm_signs_with_every_form_of_its_key() {
    let rsa = rsa();
    let (p256, p384, p521) = (
        ec(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
        ec(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
        ec(&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521"),
    );
    let ed25519 = ed25519();
    let cases: [(&'static [Algorithm], &Made, &'static dyn VerificationAlgorithm); 10] = [
        (&[Algorithm::Rs256], &rsa, &RSA_PKCS1_2048_8192_SHA256),
        (&[Algorithm::Rs384], &rsa, &RSA_PKCS1_2048_8192_SHA384),
        (&[Algorithm::Rs512], &rsa, &RSA_PKCS1_2048_8192_SHA512),
        (&[Algorithm::Ps256], &rsa, &RSA_PSS_2048_8192_SHA256),
        (&[Algorithm::Ps384], &rsa, &RSA_PSS_2048_8192_SHA384),
        (&[Algorithm::Ps512], &rsa, &RSA_PSS_2048_8192_SHA512),
        (&[Algorithm::Es256], &p256, &ECDSA_P256_SHA256_FIXED),
        (&[Algorithm::Es384], &p384, &ECDSA_P384_SHA384_FIXED),
        (&[Algorithm::Es512], &p521, &ECDSA_P521_SHA512_FIXED),
        (&[Algorithm::EdDsa], &ed25519, &ED25519),
    ];
    for (algorithms, made, verification) in cases {
        for form in &made.forms {
            let jwt = sign(algorithms, form).unwrap_or_else(|error| panic!("{algorithms:?}: {error}"));
            verify(jwt.expose(), &made.public, verification);
            assert_eq!(part(jwt.expose(), 0)["alg"], algorithms[0].name());
            assert_eq!(part(jwt.expose(), 0)["typ"], "JWT");
            assert_eq!(part(jwt.expose(), 1), json!({ "iss": "someone" }));
        }
    }
}

#[test]
fn of_several_algorithms_the_first_for_the_kind_of_the_key_is_used() {
    const LISTED: &[Algorithm] = &[Algorithm::Ps256, Algorithm::Rs256, Algorithm::Es384, Algorithm::EdDsa];
    let used = |made: &Made| part(sign(LISTED, &made.forms[0]).unwrap().expose(), 0)["alg"].clone();
    assert_eq!(used(&rsa()), "PS256");
    assert_eq!(used(&ec(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384")), "ES384");
    assert_eq!(used(&ed25519()), "EdDSA");
    let p256 = ec(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256");
    assert_eq!(
        sign(LISTED, &p256.forms[0]).unwrap_err(),
        "the credential `private_key` is an EC key on P-256, and the vendor takes a key for PS256 or RS256 or ES384 or EdDSA"
    );
}

#[test]
fn a_key_may_have_lost_its_line_breaks() {
    let form = &ec(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256").forms[0];
    for damaged in
        [form.replace('\n', "\\n"), form.replace('\n', " "), form.replace('\n', "\r\n"), form.replace('\n', "")]
    {
        assert!(sign(&[Algorithm::Es256], &damaged).is_ok(), "{damaged}");
    }
}

#[test]
fn a_shared_secret_signs_as_it_is_or_as_a_jwk() {
    let key = "invented-secret";
    let expected = sign(&[Algorithm::Hs256], key).unwrap();
    let (message, signature) = expected.expose().rsplit_once('.').unwrap();
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), message.as_bytes());
    assert_eq!(signature, url(mac));
    let jwk = json!({ "kty": "oct", "k": url(key) }).to_string();
    assert_eq!(sign(&[Algorithm::Hs256], &jwk).unwrap(), expected);
}

#[test]
fn an_unreadable_key_is_named_and_not_quoted() {
    let rsa = rsa();
    let damaged = rsa.forms[0].replace("MII", "MIA");
    let encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nQUJD\n-----END RSA \
                     PRIVATE KEY-----";
    let half = json!({ "kty": "EC", "crv": "P-256", "d": "QUJD" }).to_string();
    for (key, expected) in [
        (
            "invented-key",
            "write a PEM (PKCS#8 `PRIVATE KEY`, PKCS#1 `RSA PRIVATE KEY` or SEC1 `EC PRIVATE KEY`) or a JWK",
        ),
        (damaged.as_str(), "cannot be read as a private key"),
        (&half, "cannot be read as a private key"),
        ("{\"kty\":\"oct\",\"k\":\"QUJD\"}", "cannot be read as a private key"),
        ("", "cannot be read as a private key"),
        ("-----BEGIN PRIVATE KEY-----", "cannot be read as a private key"),
        (encrypted, "is an encrypted private key: decrypt it first"),
        (&pem("ENCRYPTED PRIVATE KEY", b"ABC"), "is an encrypted private key: decrypt it first"),
        (&pem("PUBLIC KEY", b"ABC"), "is not a private key, but a public key or a certificate"),
    ] {
        let error = sign(&[Algorithm::Rs256], key).unwrap_err();
        assert!(error.starts_with("the credential `private_key` ") && error.contains(expected), "{error}");
        assert!(!error.contains("invented-key") && !error.contains("QUJD"), "{error}");
    }
}

#[test]
fn a_key_pair_is_no_shared_secret() {
    let made = rsa();
    for form in &made.forms {
        let error = sign(&[Algorithm::Hs256], form).unwrap_err();
        assert!(error.contains("the vendor takes a shared secret"), "{error}");
    }
}

#[test]
fn the_header_has_a_key_id_and_thumbprints() {
    // The thumbprints of the bytes `ABC`.
    let certificate = Secret::new(pem("CERTIFICATE", b"ABC"));
    let rsa = Secret::new(rsa().forms.remove(2));
    let jwt = Jwt::new(&[Algorithm::Rs256]).thumbprint("x5t", "certificate", &certificate).thumbprint(
        "x5t#S256",
        "certificate",
        &certificate,
    );
    let header = part(jwt.sign("key", &rsa).unwrap().expose(), 0);
    assert_eq!(header["x5t"], "PAG9uybzWLqyfyZ5JKosmgP8_bg");
    assert_eq!(header["x5t#S256"], "tdQEXD9Gb6kf4sxqvnkjKhpXzfEE96JucW4KHieJ33g");
    assert_eq!(header["kid"], "jwk-id", "of the JWK");
    let named = Jwt::new(&[Algorithm::Rs256]).header("kid", "named").sign("key", &rsa).unwrap();
    assert_eq!(part(named.expose(), 0)["kid"], "named");
    let jwt = Jwt::new(&[Algorithm::Rs256]).thumbprint("x5t", "certificate", &Secret::new("ABC"));
    let error = jwt.sign("key", &rsa).unwrap_err();
    assert!(error.to_string().starts_with("the credential `certificate` cannot be read as a certificate"), "{error}");
}

#[test]
fn an_absent_or_empty_optional_claim_is_left_out() {
    let jwt = Jwt::new(&[Algorithm::Hs256])
        .claim("sub", &None::<Secret>)
        .claim("act", &Some(String::new()))
        .claim("iss", Secret::new("a"))
        .claim("exp", 3_i64)
        .claim("admin", true)
        .claim("aud", &Some("b".to_owned()));
    let jwt = jwt.sign("key", &"k".into()).unwrap();
    assert_eq!(part(jwt.expose(), 1), json!({ "iss": "a", "exp": 3, "admin": true, "aud": "b" }));
}
