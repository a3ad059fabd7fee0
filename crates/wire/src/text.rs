//! Reads of a vendor's answer that generated code makes: a code or a message as text, and whether there is anything.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// The text, unless it is empty.
pub fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A text that isn't empty, or a number as text.
pub fn of_json(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => non_empty(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A text, a number or a boolean as text; the empty text for anything else.
pub fn of_scalar(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        value => of_json(value).unwrap_or_default(),
    }
}

/// The texts in an array, or what `split` makes of a text; nothing of anything else.
pub fn list_of_json(value: &Value, split: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(of_json).collect(),
        value => of_json(value).map(|text| split(&text)).unwrap_or_default(),
    }
}

/// Whether a value says nothing: `null`, `false`, `""`, `[]` and `{}` do.
pub fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    }
}

/// Whether an object has members that the spec doesn't know, for an object whose presence is a failure. What they are
/// isn't kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OtherMembers(bool);

impl OtherMembers {
    /// Whether there is one that isn't null.
    pub fn any(self) -> bool {
        self.0
    }
}

impl<'de> Deserialize<'de> for OtherMembers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = OtherMembers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
                let mut any = false;
                while let Some((_, value)) = members.next_entry::<IgnoredAny, Option<IgnoredAny>>()? {
                    any |= value.is_some();
                }
                Ok(OtherMembers(any))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_false_and_whatever_is_empty_is_nothing() {
        for nothing in [json!(null), json!(false), json!(""), json!([]), json!({})] {
            assert!(is_nothing(&nothing), "{nothing}");
        }
        for something in [json!(true), json!(0), json!("x"), json!([null]), json!({ "a": null })] {
            assert!(!is_nothing(&something), "{something}");
        }
    }

    #[test]
    fn a_code_may_be_text_or_a_number() {
        assert_eq!(of_json(&json!("invalid_client")), Some("invalid_client".to_owned()));
        assert_eq!(of_json(&json!(4023)), Some("4023".to_owned()));
        assert_eq!(of_json(&json!("")), None);
        assert_eq!(of_json(&json!({ "code": 1 })), None);
    }

    #[test]
    fn a_list_may_be_an_array_or_a_text() {
        let list = |value| list_of_json(&value, |text| text.split(' ').map(str::to_owned).collect());
        assert_eq!(list(json!(["a b", 1, null])), ["a b", "1"]);
        assert_eq!(list(json!("a b")), ["a", "b"]);
        assert!(list(json!({})).is_empty());
    }

    #[test]
    fn members_that_the_spec_does_not_know_are_noticed() {
        #[derive(serde::Deserialize)]
        struct Failure {
            code: Option<i64>,
            #[serde(flatten)]
            other_members: OtherMembers,
        }
        let read = |text: &str| serde_json::from_str::<Failure>(text).unwrap();
        assert!(!read(r#"{ "code": 1 }"#).other_members.any());
        assert_eq!(read(r#"{ "code": 1 }"#).code, Some(1));
        assert!(!read(r#"{ "unknown": null }"#).other_members.any());
        assert!(read(r#"{ "unknown": "x" }"#).other_members.any());
    }
}
