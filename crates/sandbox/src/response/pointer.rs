//! Writes a value at a JSON Pointer, and creates what is missing on the way.

use serde_json::{Map, Value};

use crate::response::fill::fill;
use crate::spec::document::Document;
use crate::spec::schema::{Kind, Schema};

/// Sets a value if the schema has this place.
pub(super) fn set(document: &Document, schema: &Schema, root: &mut Value, pointer: &str, value: Value) {
    if schema.at(document, pointer).is_none() {
        return;
    }
    let mut place = root;
    let mut before = String::new();
    for token in pointer.split('/').skip(1) {
        let name = token.replace("~1", "/").replace("~0", "~");
        let here = schema.at(document, &before);
        let is_list = here.is_some_and(|here| here.kind(document) == Some(Kind::Array));
        place = match name.parse::<usize>() {
            Ok(index) if is_list => {
                let Some(items) = array(place) else { return };
                let item = here.and_then(|here| here.items(document));
                while items.len() <= index {
                    items.push(item.map_or(Value::Null, |item| fill(document, item)));
                }
                &mut items[index]
            }
            _ => {
                let Some(members) = object(place) else { return };
                members.entry(name).or_insert(Value::Null)
            }
        };
        before.push('/');
        before.push_str(token);
    }
    *place = value;
}

fn array(place: &mut Value) -> Option<&mut Vec<Value>> {
    if !place.is_array() {
        *place = Value::Array(Vec::new());
    }
    place.as_array_mut()
}

fn object(place: &mut Value) -> Option<&mut Map<String, Value>> {
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    place.as_object_mut()
}
