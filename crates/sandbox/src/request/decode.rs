//! Decodes values that are sent as strings: in forms, queries, headers and paths.

use percent_encoding::percent_decode;
use serde_json::{Number, Value};

use crate::refusal::{Reason, Refusal};
use crate::spec::document::Document;
use crate::spec::schema::{Kind, Schema};

/// How a list is written.
#[derive(Clone, Copy)]
pub(crate) struct Style<'a> {
    pub(crate) name: &'a str,
    pub(crate) explode: bool,
}

/// Returns the decoded pairs of a form or a query.
pub(crate) fn pairs(text: &[u8]) -> Result<Vec<(String, String)>, Refusal> {
    let parts = text.split(|byte| *byte == b'&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let end = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
            let (name, value) = part.split_at(end);
            Ok((decode(name)?, decode(value.get(1..).unwrap_or_default())?))
        })
        .collect()
}

/// Returns the decoded values of a name.
pub(crate) fn values(text: &[u8], name: &str) -> Result<Vec<String>, Refusal> {
    Ok(pairs(text)?.into_iter().filter(|(key, _)| key == name).map(|(_, value)| value).collect())
}

/// Reverses form encoding.
pub(crate) fn decode(text: &[u8]) -> Result<String, Refusal> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let decoded: Vec<u8> = percent_decode(&spaced).collect();
    String::from_utf8(decoded).map_err(|_| Refusal::new(Reason::Malformed, "the form or query is not UTF-8"))
}

/// Converts the strings of a name to a value of its schema. A string of the wrong type stays a string, which the schema
/// check then reports.
pub(crate) fn read(document: &Document, schema: &Schema, texts: &[String], style: Style<'_>) -> Result<Value, String> {
    if schema.kind(document) == Some(Kind::Array) {
        let items = items(texts, style)?;
        let schema = schema.items(document);
        let read = |item: String| schema.map_or(Value::Null, |schema| scalar(document, schema, item));
        return Ok(items.into_iter().map(read).collect());
    }
    match texts {
        [text] => Ok(scalar(document, schema, text.clone())),
        _ => Err(format!("is present {} times", texts.len())),
    }
}

fn items(texts: &[String], style: Style<'_>) -> Result<Vec<String>, String> {
    if style.explode {
        return Ok(texts.to_vec());
    }
    let [text] = texts else {
        return Err(format!("is present {} times; write one string that contains all items", texts.len()));
    };
    let (delimiter, name) = match style.name {
        "spaceDelimited" => (' ', "spaces"),
        "pipeDelimited" => ('|', "`|`"),
        _ => (',', "commas"),
    };
    let items: Vec<String> = text.split(delimiter).map(ToOwned::to_owned).collect();
    if items.iter().any(String::is_empty) {
        return Err(format!("has an empty item; separate its items by {name}"));
    }
    // A comma in an item of such a list is legal, but a wrong delimiter is far more likely.
    if delimiter != ',' && items.iter().any(|item| item.contains(',')) {
        return Err(format!("has commas; separate its items by {name}"));
    }
    Ok(items)
}

fn scalar(document: &Document, schema: &Schema, text: String) -> Value {
    let number = match schema.kind(document) {
        Some(Kind::Integer) => text.parse::<i64>().ok().map(Value::from),
        Some(Kind::Number) => text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number),
        Some(Kind::Boolean) => text.parse::<bool>().ok().map(Value::Bool),
        _ => None,
    };
    number.unwrap_or(Value::String(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str, name: &str) -> Result<Vec<String>, String> {
        items(&[text.to_owned()], Style { name, explode: false })
    }

    #[test]
    fn a_form_is_decoded() {
        let read = pairs(b"a=1+2%2B3&b=&c&&d=%C3%BC=").unwrap_or_default();
        let read: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read, [("a", "1 2+3"), ("b", ""), ("c", ""), ("d", "ü=")]);
        assert!(pairs(b"a=%FF").is_err());
    }

    #[test]
    fn a_list_has_its_own_delimiter() {
        assert_eq!(list("a b", "spaceDelimited"), Ok(vec!["a".into(), "b".into()]));
        assert_eq!(list("a b|c", "pipeDelimited"), Ok(vec!["a b".into(), "c".into()]));
        assert_eq!(list("a b,c", "form"), Ok(vec!["a b".into(), "c".into()]));
        assert!(list("a,b", "spaceDelimited").is_err());
        assert!(list("a  b", "spaceDelimited").is_err());
    }
}
