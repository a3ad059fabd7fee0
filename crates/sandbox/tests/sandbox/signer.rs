//! Computes what a spec says that a client computes, with a reader and a signer of its own.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::support::Playing;

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

fn uuid() -> String {
    let digits = format!("{:032x}", fastrand::u128(..));
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

fn der(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap()
}

fn rsa(padding: &'static dyn RsaEncoding, key: &str, message: &str) -> Vec<u8> {
    let pair = RsaKeyPair::from_pkcs8(&der(key)).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    signature
}

pub struct Signer<'a> {
    pub playing: &'a Playing,
    /// Replaces claims of each JWT.
    pub claims: Map<String, Value>,
}

impl Signer<'_> {
    fn named(&self, name: &str) -> String {
        let issuer = &self.playing.issuer;
        let found = issuer.credentials().get(name).or_else(|| issuer.settings().get(name));
        found.cloned().unwrap_or_else(|| format!("example-{name}"))
    }

    fn text(&self, text: &str) -> String {
        let mut text = text.replace("{base}", self.playing.issuer.url());
        while let Some((before, rest)) = text.clone().split_once('{') {
            let (name, after) = rest.split_once('}').unwrap();
            text = format!("{before}{}{after}", self.named(name));
        }
        text
    }

    /// Returns a value as the words of the spec describe it. A time is in Unix seconds unless they say otherwise.
    fn value(&self, words: &Value, is_claim: bool) -> Value {
        let shift = |text: &str| {
            let (digits, unit) = text.split_at(text.len() - 1);
            let unit =
                [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)].iter().find(|(name, _)| *name == unit).unwrap().1;
            digits.parse::<i64>().unwrap() * unit
        };
        match words {
            Value::String(word) if word == "uuid" => uuid().into(),
            Value::String(word) if word == "now" && is_claim => now().into(),
            Value::String(word) if word == "now" => Timestamp::from_second(now()).unwrap().to_string().into(),
            Value::String(name) => self.named(name).into(),
            words if !words["text"].is_null() => self.text(words["text"].as_str().unwrap()).into(),
            words if !words["credential"].is_null() => self.named(words["credential"].as_str().unwrap()).into(),
            words if !words["jwt"].is_null() => self.jwt(&words["jwt"]).into(),
            words if !words["now"].is_null() => {
                let at = now() + shift(words["now"].as_str().unwrap());
                match (words["as"].as_str(), words["format"].as_str()) {
                    (Some("ms"), _) => (at * 1000).into(),
                    (_, Some(format)) => Timestamp::from_second(at).unwrap().strftime(format).to_string().into(),
                    _ => at.into(),
                }
            }
            literal => literal.clone(),
        }
    }

    fn jwt(&self, words: &Value) -> String {
        let algorithm = words["algorithm"].as_str().or(words["algorithm"][0].as_str()).unwrap();
        let mut header = serde_json::json!({ "alg": algorithm });
        for (name, words) in words["header"].as_object().into_iter().flatten() {
            header[name] = match name.as_str() {
                "x5t#S256" => URL_SAFE_NO_PAD
                    .encode(digest(
                        &SHA256,
                        &der(&self.named(words.as_str().or(words["credential"].as_str()).unwrap())),
                    ))
                    .into(),
                _ => self.value(words, true),
            };
        }
        let claims =
            words["claims"].as_object().unwrap().iter().map(|(name, words)| (name.clone(), self.value(words, true)));
        let mut claims: Map<String, Value> = claims.collect();
        claims.extend(self.claims.clone());
        let message = [header, claims.into()].map(|part: Value| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let key = self.named(words["key"].as_str().or(words["key"]["credential"].as_str()).unwrap());
        let signature = match algorithm {
            "ES256" => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der(&key)).unwrap();
                pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec()
            }
            "RS256" => rsa(&RSA_PKCS1_SHA256, &key, &message),
            "PS256" => rsa(&RSA_PSS_SHA256, &key, &message),
            "HS256" => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), message.as_bytes()).as_ref().to_vec()
            }
            other => panic!("no signer for {other}"),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Returns what an action computes.
    pub fn computed(&self, x_token: &Value, action: &Value) -> BTreeMap<String, Value> {
        let blocks = [&x_token["login"]["compute"], &action["compute"]];
        let entries = blocks.into_iter().filter_map(Value::as_object).flatten();
        entries.map(|(name, words)| (name.clone(), self.value(words, false))).collect()
    }
}
