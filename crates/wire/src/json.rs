//! Reads single values of a JSON document by JSON Pointers.
//!
//! Only the value at the pointer is decoded. An out-of-range number, a lone surrogate or deep nesting in another field does
//! no harm, and a token is copied only once, to memory that is wiped.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// The source of one JSON value. Only its syntax has been checked.
#[derive(Clone, Copy)]
pub(crate) struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// Parses a document. Returns `None` if it isn't JSON.
    pub(crate) fn parse(document: &'a str) -> Option<Self> {
        serde_json::from_str::<&RawValue>(document).ok().map(|raw| Self(raw.get()))
    }

    /// Returns the value at a JSON Pointer. Of duplicate keys, the last one is used.
    pub(crate) fn at(self, pointer: &str) -> Option<Self> {
        let mut segments = pointer.split('/');
        // A pointer starts with a slash, or is empty and means the whole document.
        segments.next();
        segments.try_fold(self, |value, segment| value.child(&unescaped(segment)))
    }

    fn child(self, segment: &str) -> Option<Self> {
        if !self.is_container() {
            return None;
        }
        let mut deserializer = serde_json::Deserializer::from_str(self.0);
        let found = deserializer.deserialize_any(Child(segment)).ok()?;
        found.map(|raw| Self(raw.get()))
    }

    /// Returns the members of an object with their keys, or the elements of a list with their indexes.
    fn children(self) -> Vec<(Segment, Self)> {
        if !self.is_container() {
            return Vec::new();
        }
        let mut deserializer = serde_json::Deserializer::from_str(self.0);
        let children = deserializer.deserialize_any(Children).unwrap_or_default();
        children.into_iter().map(|(key, raw)| (key, Self(raw.get()))).collect()
    }

    /// Returns the elements of a list.
    pub(crate) fn items(self) -> Option<impl Iterator<Item = Self>> {
        self.0.starts_with('[').then(|| self.children().into_iter().map(|(_, item)| item))
    }

    /// Returns the path and the span of the innermost value at an offset into the document. The start and the end of a value
    /// belong to it, except that the start of a list's first element belongs to the list.
    pub(crate) fn innermost(self, document: &str, offset: usize) -> (Vec<Segment>, Range<usize>) {
        const MAX_DEPTH: usize = 32;
        let (mut path, mut value) = (Vec::new(), self);
        let is_there = |(segment, child): &(Segment, Self)| {
            let Range { start, end } = child.span_in(document);
            let is_first = matches!(segment, Segment::Index(0)) && offset == start;
            start <= offset && offset <= end && !is_first
        };
        while path.len() < MAX_DEPTH
            && let Some((key, child)) = value.children().into_iter().find(is_there)
        {
            path.push(key);
            value = child;
        }
        (path, value.span_in(document))
    }

    /// Returns the byte range of the value in its document.
    pub(crate) fn span_in(self, document: &str) -> Range<usize> {
        let start = (self.0.as_ptr() as usize).saturating_sub(document.as_ptr() as usize);
        start..start + self.0.len()
    }

    fn is_container(self) -> bool {
        self.0.starts_with(['{', '['])
    }

    pub(crate) fn is_null(self) -> bool {
        self.0 == "null"
    }

    /// Returns whether the value is `null`, `false`, `""`, `[]`, `{}`, or an object whose members are all null.
    pub(crate) fn is_nothing(self) -> bool {
        match self.0.as_bytes().first() {
            Some(b'{') => self.children().iter().all(|(_, member)| member.is_null()),
            Some(b'[') => self.children().is_empty(),
            _ => matches!(self.0, "null" | "false" | "\"\""),
        }
    }

    /// Returns the content of a string. Returns `None` for other values, and for a string with a lone surrogate.
    pub(crate) fn string(self) -> Option<Zeroizing<String>> {
        let quoted = self.0.strip_prefix('"')?.strip_suffix('"')?;
        // An escape is never shorter than its character, so the buffer never grows and leaves no copy behind.
        let mut string = Zeroizing::new(String::with_capacity(quoted.len()));
        let mut rest = quoted;
        while let Some((plain, escape)) = rest.split_once('\\') {
            string.push_str(plain);
            let (character, behind) = unescape(escape)?;
            string.push(character);
            rest = behind;
        }
        string.push_str(rest);
        Some(string)
    }

    /// Returns the source of a number.
    pub(crate) fn number(self) -> Option<&'a str> {
        self.0.starts_with(|first: char| first == '-' || first.is_ascii_digit()).then_some(self.0)
    }

    /// Returns a boolean as a string.
    pub(crate) fn boolean(self) -> Option<&'a str> {
        matches!(self.0, "true" | "false").then_some(self.0)
    }

    /// Returns a string that isn't empty, or a number. An integer is returned without a fraction.
    pub(crate) fn text(self) -> Option<String> {
        if let Some(number) = self.number() {
            return Some(whole(number).map_or_else(|| number.to_owned(), |whole| whole.to_string()));
        }
        self.string().filter(|string| !string.is_empty()).map(|string| (*string).clone())
    }

    /// Returns whether the value equals this string, number or boolean, in any notation.
    pub(crate) fn is(self, wanted: &str) -> bool {
        let string = self.string();
        let found = string.as_deref().map_or(self.0, |string| string.as_str());
        let equal_numbers = || found.trim().parse::<f64>().is_ok_and(|found| wanted.parse() == Ok(found));
        !self.is_container() && (found == wanted || equal_numbers())
    }
}

/// A document of which several values are read: its outermost members are looked for once.
pub(crate) struct Members<'a> {
    whole: Json<'a>,
    members: Vec<(Segment, Json<'a>)>,
}

impl<'a> Members<'a> {
    pub(crate) fn of(whole: Json<'a>) -> Self {
        Self { whole, members: whole.children() }
    }

    /// Returns what [`Json::at`] does.
    pub(crate) fn at(&self, pointer: &str) -> Option<Json<'a>> {
        let Some(pointer) = pointer.strip_prefix('/') else { return Some(self.whole) };
        let (first, rest) = pointer.split_at(pointer.find('/').unwrap_or(pointer.len()));
        let first = unescaped(first);
        let is_it = |segment: &Segment| match segment {
            Segment::Key(key) => *key == first,
            Segment::Index(index) => first.parse() == Ok(*index),
        };
        let (_, member) = self.members.iter().rev().find(|(segment, _)| is_it(segment))?;
        member.at(rest)
    }
}

/// Parses an integer, which may be written with a fraction, such as `401.0`.
fn whole(number: &str) -> Option<i64> {
    // 2^53, up to which a float represents every integer exactly.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let exact = |number: f64| (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64);
    number.parse().ok().or_else(|| exact(number.parse().ok()?))
}

/// Unescapes a segment of a JSON Pointer.
fn unescaped(segment: &str) -> Cow<'_, str> {
    if segment.contains('~') { segment.replace("~1", "/").replace("~0", "~").into() } else { segment.into() }
}

/// One step of a path.
pub(crate) enum Segment {
    /// The key of a member of an object.
    Key(String),
    /// The index of an element of a list.
    Index(usize),
}

/// Returns the JSON Pointer of a path.
pub(crate) fn pointer(path: &[Segment]) -> String {
    let segment = |segment: &Segment| match segment {
        Segment::Key(key) => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Index(index) => format!("/{index}"),
    };
    path.iter().map(segment).collect()
}

/// Returns the character of an escape without its backslash, and the rest of the string.
fn unescape(escape: &str) -> Option<(char, &str)> {
    let mut rest = escape.chars();
    let character = match rest.next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unescape_unit(rest.as_str()),
        other => other,
    };
    Some((character, rest.as_str()))
}

/// Returns the character of one or two UTF-16 code units, without the first `\u`, and the rest of the string.
fn unescape_unit(text: &str) -> Option<(char, &str)> {
    let unit = |text: &str| Some((u32::from_str_radix(text.get(..4)?, 16).ok()?, text.len() - 4));
    let (first, left) = unit(text)?;
    let rest = text.get(text.len() - left..)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, rest));
    }
    let second = rest.strip_prefix("\\u")?;
    let (low, left) = unit(second)?;
    let is_pair = (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&low);
    let character = is_pair.then(|| char::from_u32(0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00)))??;
    Some((character, second.get(second.len() - left..)?))
}

/// Finds a member of an object by key, or an element of a list by index.
struct Child<'p>(&'p str);

impl<'de> Visitor<'de> for Child<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = members.next_key_seed(IsKey(self.0))? {
            if is_it {
                found = Some(members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let wanted: Option<usize> = self.0.parse().ok();
        let (mut found, mut index) = (None, 0);
        loop {
            if wanted == Some(index) {
                match items.next_element()? {
                    Some(item) => found = Some(item),
                    None => return Ok(None),
                }
            } else if items.next_element::<IgnoredAny>()?.is_none() {
                return Ok(found);
            }
            index += 1;
        }
    }
}

/// Compares a key as bytes, because a key with a lone surrogate isn't a valid string.
struct IsKey<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for IsKey<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for IsKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E: de::Error>(self, key: &[u8]) -> Result<bool, E> {
        Ok(key == self.0.as_bytes())
    }
}

/// Collects all members of an object, or all elements of a list.
struct Children;

impl<'de> Visitor<'de> for Children {
    type Value = Vec<(Segment, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(key) = members.next_key_seed(Key)? {
            found.push((key, members.next_value()?));
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(item) = items.next_element()? {
            found.push((Segment::Index(found.len()), item));
        }
        Ok(found)
    }
}

/// Reads a key and replaces lone surrogates.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Segment;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Segment, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Segment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E: de::Error>(self, key: &[u8]) -> Result<Segment, E> {
        Ok(Segment::Key(String::from_utf8_lossy(key).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(document: &str, pointer: &str) -> Option<String> {
        let json = Json::parse(document)?;
        let found = json.at(pointer)?.text();
        let among_members = Members::of(json).at(pointer).and_then(Json::text);
        assert_eq!(found, among_members, "{pointer} in {document:.40}");
        found
    }

    #[test]
    fn a_pointer_finds_values_in_objects_and_lists() {
        let document = r#"{"a":[{"b/c~d":"x"},{"":"y"}],"0":"z"}"#;
        assert_eq!(text(document, "/a/0/b~1c~0d").as_deref(), Some("x"));
        assert_eq!(text(document, "/a/1/").as_deref(), Some("y"));
        assert_eq!(text(document, "/0").as_deref(), Some("z"));
        for nowhere in ["/b", "/a/2", "/a/x", "/0/0", "/a/0/b~1c~0d/x"] {
            assert!(Json::parse(document).unwrap().at(nowhere).is_none(), "{nowhere}");
        }
        assert_eq!(text("\"whole\"", "").as_deref(), Some("whole"));
    }

    #[test]
    fn the_last_of_duplicate_keys_is_used() {
        assert_eq!(text(r#"{"a":"1","b":0,"a":"2"}"#, "/a").as_deref(), Some("2"));
        assert_eq!(text(r#"{"a":{"b":"1"},"a":{"c":"2"}}"#, "/a/b"), None);
    }

    #[test]
    fn fields_outside_the_pointer_are_not_decoded() {
        let deep = "[".repeat(20_000) + &"]".repeat(20_000);
        for other in ["1e999", r#""\ud800""#, &deep, "-0", r#"{"\udfff":1}"#] {
            let document = format!(r#"{{"x":{other},"\ud800":{other},"a":"1"}}"#);
            assert_eq!(text(&document, "/a").as_deref(), Some("1"), "{other:.20}");
        }
        assert_eq!(text(r#"{"a":"\ud800"}"#, "/a"), None);
    }

    #[test]
    fn escapes_are_read() {
        let document = r#"{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é"}"#;
        assert_eq!(text(document, "/a").as_deref(), Some("\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f600}é"));
        for lone in [r#""\ud83d""#, r#""\ud83dx""#, r#""\ud83d\u0041""#, r#""\ude00\ud83d""#] {
            assert!(Json::parse(lone).unwrap().string().is_none(), "{lone}");
        }
    }

    #[test]
    fn only_a_whole_document_is_json() {
        for document in ["", " ", "{", "{\"a\":1}x", "<html>", "{\"a\":1,}", "nul"] {
            assert!(Json::parse(document).is_none(), "{document:?}");
        }
        assert!(Json::parse(" \n{} ").is_some());
    }

    #[test]
    fn null_false_and_empty_values_are_nothing() {
        for nothing in ["null", "false", "\"\"", "[]", "{}", "[ ]", r#"{"a":null}"#] {
            assert!(Json::parse(nothing).unwrap().is_nothing(), "{nothing}");
        }
        for something in ["true", "0", "\"x\"", "[null]", r#"{"a":0}"#] {
            assert!(!Json::parse(something).unwrap().is_nothing(), "{something}");
        }
    }

    #[test]
    fn a_code_is_a_string_or_a_number() {
        let text = |document: &str| Json::parse(document).unwrap().text();
        assert_eq!(text("\"invalid_client\"").as_deref(), Some("invalid_client"));
        assert_eq!(text("4023").as_deref(), Some("4023"));
        assert_eq!(text("401.0").as_deref(), Some("401"));
        assert_eq!(text("1e999").as_deref(), Some("1e999"));
        for other in ["\"\"", "{\"code\":1}", "true", "null", "[1]"] {
            assert_eq!(text(other), None, "{other}");
        }
    }

    #[test]
    fn a_value_is_compared_in_any_notation() {
        let is = |document: &str, wanted| Json::parse(document).unwrap().is(wanted);
        assert!(
            is("true", "true") && is("\"true\"", "true") && is("1.0", "1") && is("\"1\"", "1") && is("\"ok\"", "ok")
        );
        assert!(!is("false", "true") && !is("2", "1") && !is("[true]", "true") && !is("null", "true"));
    }

    #[test]
    fn the_innermost_value_at_an_offset_is_found_with_its_path() {
        let document = r#" {"a": [1, {"b": 22}], "c": 3}"#;
        let found = |offset| {
            let (path, span) = Json::parse(document).unwrap().innermost(document, offset);
            (pointer(&path), &document[span])
        };
        assert_eq!(found(19), ("/a/1/b".to_owned(), "22"));
        assert_eq!(found(20), ("/a/1".to_owned(), r#"{"b": 22}"#));
        assert_eq!(found(document.len()), (String::new(), &document[1..]));
    }
}
