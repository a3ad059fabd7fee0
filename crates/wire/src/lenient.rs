//! Decodes a typed body that does not fully match the spec.

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::json::{Json, Segment, pointer};

/// The number of values that may be replaced. A body with more mismatches is something else entirely.
const TRIES: usize = 16;

/// Decodes a body, and returns it with the values that do not match the spec.
///
/// Such a value is replaced by `null`, so that an optional field is treated as absent. If `null` does not match either, as
/// for a list item or a required field, the list or the object around it is replaced. Returns `None` if nothing remains.
///
/// A value is named by its pointer if all names in it are `properties`, and by its line and column otherwise.
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

/// Copies a body to a buffer with room for every replacement. If it grew, it would leave a copy behind.
fn copied(body: &str) -> Zeroizing<String> {
    let mut copy = Zeroizing::new(String::with_capacity(body.len() + TRIES * "null".len()));
    copy.push_str(body);
    copy
}

/// Returns the offset of the byte after the position of an error.
fn offset(body: &str, error: &serde_json::Error) -> Option<usize> {
    let line = error.line().checked_sub(1)?;
    let start: usize = body.split_inclusive('\n').take(line).map(str::len).sum();
    Some(start + error.column())
}

/// Returns the name of a mismatch that may be logged: its pointer, if the spec lists every name in it.
fn name(path: &[Segment], error: &serde_json::Error, properties: &[&str]) -> String {
    let is_known = |segment: &Segment| match segment {
        Segment::Key(key) => properties.contains(&key.as_str()),
        Segment::Index(_) => true,
    };
    if !path.iter().all(is_known) {
        return format!("line {}, column {}", error.line(), error.column());
    }
    // serde's message, which contains the name of the field.
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
    fn an_optional_field_that_does_not_match_is_absent() {
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
    fn several_mismatches_are_all_named() {
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
    fn a_required_field_drops_the_object_around_it() {
        let (body, misfits) = read(r#"{"name":"n","inner":{"flag":true}}"#);
        assert_eq!((body, misfits), (Some(named()), vec!["/inner/name".to_owned()]));
        let (body, misfits) = read(r#"{"name":"n","inner":{"name":7}}"#);
        assert_eq!((body, misfits), (Some(named()), vec!["/inner/name".to_owned()]));
        for whole in [r#"{"count":1}"#, r#"{"name":7}"#] {
            assert_eq!(read(whole), (None, vec!["/name".to_owned()]), "{whole}");
        }
    }

    #[test]
    fn a_name_outside_the_spec_is_withheld() {
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
    fn duplicate_keys_only_lose_the_typed_body() {
        assert_eq!(read(r#"{"name":"n","name":"m"}"#).0, None);
    }

    #[test]
    fn decoding_stops_after_too_many_mismatches() {
        let items = vec!["{\"name\":1}"; 100].join(",");
        assert!(decode::<Vec<Body>>(&format!("[{items}]"), PROPERTIES).0.is_none());
    }
}
