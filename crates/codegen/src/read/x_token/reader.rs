//! Reads the block of a spec, after checking it against the JSON Schema: serde would stop at the first error.

use serde::Deserialize;

use crate::diagnostic::{Diagnostic, join};
use crate::read::spec::Spec;
use crate::read::x_token::schema::SCHEMA;
use crate::read::x_token::{KEY, XToken, check};

impl XToken {
    /// Returns the block of a spec, if it has one.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with its keywords and their values.
    pub fn from_document(spec: &Spec) -> Result<Option<XToken>, Vec<Diagnostic>> {
        let Some(block) = spec.document.get(KEY) else { return Ok(None) };
        let place = join("", KEY);
        let diagnostics = check::diagnostics(spec, &SCHEMA, block, &place);
        if !diagnostics.is_empty() {
            return Err(diagnostics);
        }
        // The schema is made from these types: an error here is a bug of the schema.
        XToken::deserialize(block)
            .map(|mut x_token| {
                x_token.resolve(&spec.document);
                Some(x_token)
            })
            .map_err(|error| vec![spec.error(&place, format!("`{KEY}` can't be read: {error}"), "")])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::x_token::compute::*;
    use crate::read::x_token::errors::*;
    use crate::read::x_token::response::*;
    use crate::read::x_token::schema::SCHEMA;
    use crate::read::x_token::usage::*;
    use crate::read::x_token::values::*;
    use crate::read::x_token::*;
    use serde_json::Value;
    use std::time::Duration;

    fn read(block: &str) -> Result<Option<XToken>, Vec<Diagnostic>> {
        let indented: String = block.lines().map(|line| format!("  {line}\n")).collect();
        XToken::from_document(
            &Spec::parse("specs/acme.yaml", &format!("openapi: 3.0.3\nx-token:\n{indented}")).unwrap(),
        )
    }

    fn block(text: &str) -> XToken {
        read(text).unwrap().unwrap()
    }

    fn refusal(text: &str) -> String {
        read(text).unwrap_err().iter().map(|diagnostic| format!("{diagnostic}\n")).collect()
    }

    #[test]
    fn every_keyword_is_read() {
        let x = block(
            r#"login:
  operation: create_token
  body: PasswordGrant
  security: appKey
refresh:
  operation: create_token
  body: RefreshGrant
  token: refresh_token
  single-use: true
  security: appKey
revoke:
  operation: revoke_token
  token: access_token
  takes: refresh
  error: /error
  ok: { at: /ok, is: true }
  gone: [invalid_token, 404]
  security: appKey
response:
  access-token: /credentials/access_token
  token-type: /credentials/token_type
  expires-in: { at: /expires_in, unit: ms }
  expires-at: { at: /a~1b/0, unit: ms, zone: utc }
  refresh-token: /credentials/refresh_token
  refresh-expires-at: /credentials/refresh_token_expiry
  refresh-expires-in: /x
  scope: { at: /scope, delimiter: "," }
  error: /error
  ok: { at: /ok, is: yes }
  never: [0, -1]
  renew-in: /refresh_in
  keep: { api_domain: /api_domain }
lifetime: 24h
renew: { before: 60s }
use:
  header: Authorization
  prefix: none
  also: { X-Site: site_id, X-Company: { kept: company_id } }
  base-url: api_domain
  expired: [401, 403]
  query: authToken
  cookie: session
  basic: { username: company, password: token }
  scheme: OAuth
basic: { scheme: ID, encode: raw, names: [client_id, ""] }
certificate: client_certificate
errors:
  code: [/error, /errorCode]
  message: /message
  wait: { unknown_error: 10m, 423: 1m }
  permanent: [invalid_client, 4023]
  relogin: [invalid_grant]
  transient: [unknown_error, 423]
  retry-after: { header: X-Rate-Limit-Retry, unit: unix }
  request-id: { header: X-Request-Id }
limits: { grants: 10/10m, live: 2 }
"#,
        );
        assert!(x.is_single_use());
        assert_eq!(x.lifetime, Lifetime::For(Duration::from_secs(86_400)));
        assert_eq!(x.renew(), Renew::Before(Duration::from_secs(60)));
        assert_eq!(x.use_.prefix(), Prefix::None);
        assert_eq!(x.response.expires_at.as_ref().unwrap().at.segments(), ["a/b", "0"]);
        assert_eq!(x.response.expires_in.0[0].unit, Unit::Milliseconds);
        assert_eq!(x.response.scope.unwrap().delimiter.as_deref(), Some(","));
        assert_eq!(x.response.ok.unwrap().is, Scalar::Text("yes".into()));
        assert_eq!(x.revoke.as_ref().unwrap().ok.as_ref().unwrap().is, Scalar::Bool(true));
        assert_eq!(x.basic.names, ["client_id".to_owned(), String::new()]);
        assert_eq!(x.errors.code.pointers().iter().map(Pointer::as_str).collect::<Vec<_>>(), ["/error", "/errorCode"]);
        assert_eq!(x.errors.permanent, [Code("invalid_client".into()), Code("4023".into())]);
        assert_eq!(x.errors.request_id, Some(RequestId::Header("X-Request-Id".into())));
    }

    #[test]
    fn computed_values_are_read_in_every_form() {
        let x = block(
            r#"login:
  operation: create_token
  compute:
    assertion:
      jwt:
        algorithm: [RS256, EdDSA]
        key: private_key
        header: { kid: keyId }
        claims: { iss: client_id, sub: { credential: subject, optional: true }, exp: { now: 1h }, jti: uuid, ver: 1 }
    request_id: uuid
    sent: now
    until: { now: 0s, as: ms }
    resource: { text: "https://{host}" }
refresh: { operation: create_token, token: t, compute: { request_id: now } }
"#,
        );
        let login = &x.login.as_ref().unwrap().compute;
        let Compute::Jwt(jwt) = &login["assertion"] else { panic!("{login:?}") };
        assert_eq!(jwt.algorithm.0, [Algorithm::RS256, Algorithm::EdDSA]);
        assert!(matches!(&jwt.header["kid"], Claim::Named(named) if named.name == "key_id" && !named.is_declared));
        assert!(matches!(&jwt.claims["sub"], Claim::Named(named) if named.optional && named.is_declared));
        assert!(matches!(&jwt.claims["exp"], Claim::Time(time) if time.now == Shift(3600)));
        assert_eq!((&jwt.claims["jti"], &jwt.claims["ver"]), (&Claim::Uuid, &Claim::Number(1)));
        assert_eq!(login["resource"], Compute::Text("https://{host}".into()));
        assert!(matches!(&login["until"], Compute::Time(time) if time.as_ == Some(TimeForm::Ms)));
        let refresh = x.forms(x.refresh.as_ref().unwrap().parts()).remove(0).computes;
        assert_eq!(*refresh["request_id"], Compute::Time(Time::now()), "its own");
        assert_eq!(*refresh["resource"], login["resource"], "that of the login");
    }

    #[test]
    fn a_wrong_computed_value_is_refused_with_what_to_write() {
        let text = refusal(
            "login:\n  operation: a\n  compute:\n    a: uid\n    b: { txt: x }\n    c: { now: soon }\n    d: { jwt: { \
             algorithm: RS255 } }",
        );
        for expected in ["write `uuid` or `now`", "write `text`", "write a duration", "`RS256`", "add `key`"] {
            assert!(text.contains(expected), "no {expected} in {text}");
        }
    }

    #[test]
    fn the_parts_of_a_text_are_strings_and_names() {
        use TextPart::{Name, Plain};
        assert_eq!(parts("a{b}c{d}").unwrap(), [Plain("a"), Name("b"), Plain("c"), Name("d")]);
        assert_eq!(parts("").unwrap(), []);
        for text in ["{", "}", "a}b{c}", "{a{b}}", "{a}}"] {
            assert_eq!(parts(text), None, "{text}");
        }
    }

    #[test]
    fn absent_keywords_have_their_defaults() {
        let x = block("login: { operation: a }\nresponse: { access-token: /t }");
        assert_eq!((x.renew(), x.lifetime), (Renew::Early(0.75), Lifetime::Unknown));
        assert_eq!((x.use_.header.as_str(), x.use_.prefix()), ("Authorization", Prefix::TokenType));
        let names = ["client_id".into(), "client_secret".into()];
        assert_eq!(x.basic, Basic { scheme: None, encode: Encode::Form, names });
        let x = block("refresh: { operation: a, single-use: { setting: rotation, default: false } }");
        assert!(!x.is_single_use() && x.renew() == Renew::Early(0.75) && x.renew_of(true) == Renew::AtExpiry);
        assert_eq!(x.tenant_setting().unwrap().method(), "with_rotation");
        let x = block("refresh: { operation: a, token: t, single-use: true }\nerrors: { code: /e, request-id: /r }");
        assert_eq!(x.renew(), Renew::AtExpiry);
        assert_eq!(x.errors.code.pointers().len(), 1);
        assert!(matches!(x.errors.request_id, Some(RequestId::Body(_))));
        let x = block("renew: at-expiry\nlifetime: none");
        assert_eq!((x.renew(), x.lifetime), (Renew::AtExpiry, Lifetime::Never));
        assert_eq!(block("renew: { early: 0.5 }").renew(), Renew::Early(0.5));
        assert_eq!(block("use: { prefix: token }").use_.header, "Authorization");
        assert_eq!(block("use: {}").use_, Use::default());
    }

    #[test]
    fn keywords_with_several_forms_are_read() {
        let response = |text: &str| block(&format!("response: {{ {text} }}")).response;
        let places = |text: &str| match response(&format!("access-token: {text}")).access_token.unwrap() {
            AccessToken::Body(pointers) => pointers.iter().map(|pointer| pointer.as_str().to_owned()).collect(),
            AccessToken::Header(header) => vec![format!("header {header}")],
        };
        assert_eq!(places("/a"), ["/a"]);
        assert_eq!(places("[/a, /b, '']"), ["/a", "/b", ""]);
        assert_eq!(places("''"), [""]);
        assert_eq!(places("{ header: X-Token }"), ["header X-Token"]);
        let lifetimes =
            response("expires-in: [{ at: /ms, unit: ms }, /s, { at: /w, format: words, never: [0] }]").expires_in.0;
        let at = |lifetime: &In| (lifetime.at.as_str().to_owned(), lifetime.unit, lifetime.format.is_some());
        let (ms, s) = (Unit::Milliseconds, Unit::Seconds);
        assert_eq!(
            lifetimes.iter().map(at).collect::<Vec<_>>(),
            [("/ms".into(), ms, false), ("/s".into(), s, false), ("/w".into(), s, true)]
        );
        assert_eq!(lifetimes[2].never, [0]);
        assert_eq!(response("refresh-expires-at: [/a, { at: /b, zone: utc }]").refresh_expires_at.0.len(), 2);
        for empty in ["access-token: []", "expires-in: []", "refresh-expires-at: []", "never: [x]"] {
            assert!(read(&format!("response: {{ {empty} }}")).is_err(), "{empty}");
        }
    }

    #[test]
    fn all_problems_of_a_block_are_reported_with_their_place() {
        let text = refusal(
            "login: { opertion: create_token, body: 3 }\nrespone: {}\nresponse:\n  access-token: access_token\n  \
             expires-in: { at: expires_in, unit: minutes }\n  scope: { delimiter: ',' }\n  ok: { at: /ok, is: [] }\n\
             lifetime: 24\nrenew: { erly: 0.75 }\nuse: {}\nbasic: { names: [a] }\nerrors:\n  code: [error]\n  \
             permanent: invalid\n  retry-after: X\nrefresh:\nrevoke: []\n",
        );
        insta::assert_snapshot!(text, @r#"
        error: specs/acme.yaml:3: `opertion` is not a keyword of `login`
          at /x-token/login/opertion
          write `operation`
        error: specs/acme.yaml:3: `body` can't be `3`
          at /x-token/login/body
          write a string, such as `PasswordGrant`
        error: specs/acme.yaml:4: `respone` is not a keyword of `x-token`
          at /x-token/respone
          write `response`
        error: specs/acme.yaml:6: `access-token` can't be `access_token`
          at /x-token/response/access-token
          write `/access_token`: a JSON Pointer starts with a slash
        error: specs/acme.yaml:7: `at` can't be `expires_in`
          at /x-token/response/expires-in/at
          write `/expires_in`: a JSON Pointer starts with a slash
        error: specs/acme.yaml:7: `unit` can't be `minutes`
          at /x-token/response/expires-in/unit
          write `s` or `ms`
        error: specs/acme.yaml:8: `scope` has no `at`
          at /x-token/response/scope
          add `at`: a JSON Pointer, such as `/access_token`
        error: specs/acme.yaml:9: `is` can't be a list
          at /x-token/response/ok/is
          write `true` or `false`, or a number, or a string
        error: specs/acme.yaml:10: `lifetime` can't be `24`
          at /x-token/lifetime
          write `24s`, if seconds are meant: a duration (a whole number and s, m, h or d), none or unknown
        error: specs/acme.yaml:11: `erly` is not a keyword of `renew`
          at /x-token/renew/erly
          write `early`
        error: specs/acme.yaml:13: `names` can't be a list of 1
          at /x-token/basic/names
          write a list of 2, each a string
        error: specs/acme.yaml:15: `error` isn't allowed here
          at /x-token/errors/code/0
          write `/error`: a JSON Pointer starts with a slash
        error: specs/acme.yaml:16: `permanent` can't be `invalid`
          at /x-token/errors/permanent
          write `[invalid]`, a list
        error: specs/acme.yaml:17: `retry-after` can't be `X`
          at /x-token/errors/retry-after
          write an object with `header` and `unit`
        error: specs/acme.yaml:18: `refresh` can't be empty (null)
          at /x-token/refresh
          write an object with `operation`, `body`, `token`, `single-use`, `keeps`, `bearer`, `with`, `at-most`, `grace`, `security`, `compute` and `one-of`
        error: specs/acme.yaml:19: `revoke` can't be a list
          at /x-token/revoke
          write an object with `operation`, `body`, `token`, `takes`, `error`, `ok`, `gone`, `security`, `compute` and `one-of`
        "#);
    }

    #[test]
    fn help_turns_a_jsonpath_into_a_pointer() {
        for (text, pointer) in [
            ("$.access_token", "/access_token"),
            ("$.data[0].token", "/data/0/token"),
            ("\"$['a']\"", "/a"),
            ("'#/token'", "/token"),
            ("a/b", "/a/b"),
        ] {
            let text = refusal(&format!("response:\n  access-token: {text}"));
            assert!(text.contains(&format!("write `{pointer}`: ")), "{text}");
        }
    }

    #[test]
    fn help_for_a_block_that_is_not_an_object_lists_its_keywords() {
        for text in ["[]", "login", "3", "~"] {
            let text = refusal(text);
            assert!(text.contains("write an object with `login`, `refresh`, "), "{text}");
        }
    }

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        for (text, seconds) in [("1s", 1), ("60m", 3600), ("24h", 86_400), ("90d", 7_776_000), ("007s", 7)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "s", "0s", "1", "1.5h", "-1s", "+1s", "1 s", "1H", "1ms", "99999999999999999999d", "1é", "é"]
        {
            assert_eq!(duration(text), Err(NotA::Duration), "{text}");
        }
    }

    #[test]
    fn no_block_panics() {
        for text in
            ["", "3", "[]", "[login]", "text", "{}", "login: []", "renew: {}", "renew: { early: .5, before: 1s }"]
        {
            let _ = read(text);
        }
        assert!(read("").is_err(), "an empty block is a typo");
    }

    #[test]
    fn every_keyword_has_a_description_in_the_schema() {
        fn walk(schema: &Value, place: &str) {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                for (key, property) in properties {
                    assert!(property.get("description").is_some(), "{place}/{key} has no description");
                }
            }
            if let Some(map) = schema.as_object() {
                map.iter().for_each(|(key, value)| walk(value, &format!("{place}/{key}")));
            }
        }
        let schema = SCHEMA.clone();
        walk(&schema, "");
        assert!(!schema.to_string().contains("null"), "{schema:#}");
    }
}
