//! A typed body of a response that isn't quite as the spec says.

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::json::{Json, Segment, pointer};

/// Fields in one response that are treated as not sent. With more than that, it is another kind of body.
const TRIES: usize = 16;

/// Decodes a body. A value that doesn't fit is replaced by `null`, so that an optional field counts as not sent; a list's
/// item or a required field takes what holds it along. None where nothing is left.
///
/// It also says what didn't fit: pointers, as far as they are made of `properties`, and places otherwise.
pub(crate) fn decode<T: DeserializeOwned>(body: &str, properties: &[&str]) -> (Option<T>, Vec<String>) {
    let mut misfits = Vec::new();
    let error = match serde_json::from_str(body) {
        Ok(value) => return (Some(value), misfits),
        Err(error) => error,
    };
    let mut body = copied(body);
    let mut error: serde_json::Error = error;
    for _ in 0..TRIES {
        let Some(json) = Json::parse(&body) else { break };
        let Some(offset) = offset(&body, &error) else { break };
        let (mut path, mut span) = json.innermost(&body, offset);
        let is_null = body.get(span.clone()) == Some("null");
        if is_null && path.pop().is_some() {
            let Some(parent) = json.at(&pointer(&path)) else { break };
            span = parent.span_in(&body);
        } else {
            let misfit = name(&path, &error, properties);
            if !misfits.contains(&misfit) {
                misfits.push(misfit);
            }
        }
        if path.is_empty() {
            break;
        }
        body.replace_range(span, "null");
        error = match serde_json::from_str(&body) {
            Ok(value) => return (Some(value), misfits),
            Err(error) => error,
        };
    }
    (None, misfits)
}

/// A copy that has room for every replacement: growing would leave another.
fn copied(body: &str) -> Zeroizing<String> {
    let mut copy = Zeroizing::new(String::with_capacity(body.len() + TRIES * "null".len()));
    copy.push_str(body);
    copy
}

/// The byte behind the place of an error.
fn offset(body: &str, error: &serde_json::Error) -> Option<usize> {
    let line = error.line().checked_sub(1)?;
    let start: usize = body.split_inclusive('\n').take(line).map(str::len).sum();
    Some(start + error.column())
}

/// What a log may say of a misfit: its pointer, if the spec knows every name in it.
fn name(path: &[Segment], error: &serde_json::Error, properties: &[&str]) -> String {
    let is_known = |segment: &Segment| match segment {
        Segment::Key(key) => properties.contains(&key.as_str()),
        Segment::Index(_) => true,
    };
    if !path.iter().all(is_known) {
        return format!("line {}, column {}", error.line(), error.column());
    }
    // serde's own words, in which the name is the type's.
    let text = error.to_string();
    let missing = text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match missing.filter(|missing| properties.contains(missing)) {
        Some(missing) => format!("{}{}", pointer(path), pointer(&[Segment::Key(missing.to_owned())])),
        None if path.is_empty() => format!("line {}, column {}", error.line(), error.column()),
        None => pointer(path),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::secret::Secret;
    use crate::timestamp::Timestamp;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    struct Body {
        name: String,
        #[serde(default, deserialize_with = "crate::de::option_integer")]
        count: Option<i64>,
        flag: Option<bool>,
        until: Option<Timestamp>,
        secret: Option<Secret>,
        any: Option<serde_json::Value>,
        inner: Option<Box<Body>>,
        list: Option<Vec<String>>,
    }

    const PROPERTIES: &[&str] = &["name", "count", "flag", "until", "secret", "any", "inner", "list"];

    fn read(body: &str) -> (Option<Body>, Vec<String>) {
        decode(body, PROPERTIES)
    }

    fn named() -> Body {
        Body { name: "n".to_owned(), ..Body::default() }
    }

    #[test]
    fn an_optional_field_that_does_not_fit_counts_as_not_sent() {
        for value in ["17.5", "\"x\"", "true", "[1]", "{\"a\":1}", "[]", "{}", "1e999", "\"\\ud800\""] {
            for field in ["count", "flag", "until", "list"] {
                let fits = matches!((field, value), ("flag", "true") | ("list", "[]"));
                if fits {
                    continue;
                }
                let (body, misfits) = read(&format!("{{\n\"{field}\": {value},\n\"name\": \"n\"}}"));
                assert_eq!(body, Some(named()), "{field} {value}");
                let item = if (field, value) == ("list", "[1]") { "/0" } else { "" };
                assert_eq!(misfits, [format!("/{field}{item}")], "{field} {value}");
            }
        }
    }

    #[test]
    fn several_that_do_not_fit_are_all_named() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        let (body, misfits) = read(&format!(
            r#"{{"name":"n","count":"x","secret":7,"any":{deep},"list":["a",1],"inner":{{"name":"m","flag":0}}}}"#
        ));
        let body = body.unwrap();
        assert_eq!((body.count, body.secret, body.list), (None, None, None));
        assert_eq!(body.inner.unwrap().name, "m");
        assert_eq!(misfits.len(), 5, "{misfits:?}");
        for misfit in ["/count", "/secret", "/list/1", "/inner/flag"] {
            assert!(misfits.contains(&misfit.to_owned()), "{misfit}: {misfits:?}");
        }
    }

    #[test]
    fn a_required_field_takes_along_what_holds_it() {
        let (body, misfits) = read(r#"{"name":"n","inner":{"flag":true}}"#);
        assert_eq!((body, misfits), (Some(named()), vec!["/inner/name".to_owned()]));
        let (body, misfits) = read(r#"{"name":"n","inner":{"name":7}}"#);
        assert_eq!((body, misfits), (Some(named()), vec!["/inner/name".to_owned()]));
        for whole in [r#"{"count":1}"#, r#"{"name":7}"#] {
            assert_eq!(read(whole), (None, vec!["/name".to_owned()]), "{whole}");
        }
    }

    #[test]
    fn a_name_that_the_spec_does_not_know_is_not_told() {
        #[derive(Debug, Deserialize)]
        struct Named {
            #[serde(rename = "map")]
            _map: std::collections::BTreeMap<String, Option<bool>>,
        }
        let (body, misfits) = decode::<Named>(r#"{"map":{"hunter2":7}}"#, &["map"]);
        assert!(body.is_some());
        assert_eq!(misfits, ["line 1, column 19"]);
        assert_eq!(decode::<Named>("[]", &["map"]).1, ["line 1, column 2"]);
    }

    #[test]
    fn duplicate_keys_cost_the_typed_body_alone() {
        assert_eq!(read(r#"{"name":"n","name":"m"}"#).0, None);
    }

    #[test]
    fn it_ends() {
        let items = vec!["{\"name\":1}"; 100].join(",");
        assert!(decode::<Vec<Body>>(&format!("[{items}]"), PROPERTIES).0.is_none());
    }
}
