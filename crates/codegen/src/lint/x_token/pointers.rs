//! Pointers into a response: what they lead to, and its type.

use std::collections::HashSet;

use crate::diagnostic::{list, nearest};
use crate::lint::document::{Lint, Node, Resolved};
use crate::lint::x_token::keyword::Keyword;
use crate::read::x_token::values::Pointer;

/// Stands for the indexes of a list among the known segments.
const LIST: &str = "[]";

/// A pointer leads to something in at least one of several bodies. Returns the schemas there.
pub fn pointers<'a>(lint: &mut Lint<'a>, keyword: &Keyword<'_>, bodies: &[Node<'a>], place: &str) -> Vec<Node<'a>> {
    let pointer = keyword.pointer;
    let mut leaves = Vec::new();
    let mut best: Option<(usize, String, Vec<&'a str>)> = None;
    for body in bodies {
        match find(lint, body, &pointer.segments()) {
            Ok(found) => leaves.extend(found),
            Err(miss) if best.as_ref().is_none_or(|(depth, ..)| miss.0 > *depth) => best = Some(miss),
            Err(_) => {}
        }
    }
    if let (true, Some((_, segment, known))) = (leaves.is_empty(), best) {
        let message = format!("`{pointer}` isn't in {place}: there is no `{segment}`");
        let help = match nearest(&segment, known.iter().copied()) {
            _ if known == [LIST] => "write an index of the list, such as `0`".to_owned(),
            Some(meant) => format!("write `{meant}` for `{segment}`"),
            None if known.is_empty() => "point to a property that the schema has, or add it there".to_owned(),
            None => format!("point to {}, or add `{segment}` to the schema", list(known)),
        };
        lint.error(&keyword.at, message, help);
    }
    leaves
}

/// Returns the schemas at a pointer, several if a `oneOf` is on the path. On a miss, returns how deep it went, the missing
/// segment, and the known ones.
fn find<'a>(
    lint: &Lint<'a>,
    schema: &Node<'a>,
    segments: &[String],
) -> Result<Vec<Node<'a>>, (usize, String, Vec<&'a str>)> {
    let mut level = vec![*schema];
    for (depth, segment) in segments.iter().enumerate() {
        let mut next = Vec::new();
        let mut known = Vec::new();
        for node in level {
            for (_, variant) in lint.variants(&node) {
                match lint.resolved(&variant) {
                    Resolved::Object(fields) => {
                        next.extend(fields.property(segment).cloned().or(fields.more));
                        known.extend(fields.names());
                    }
                    Resolved::Map(values) => next.push(values.unwrap_or(variant)),
                    // Everything inside is untyped too.
                    Resolved::Any => next.push(variant),
                    Resolved::List(Some(items)) if segment.parse::<usize>().is_ok() => next.push(items),
                    Resolved::List(_) => known.push(LIST),
                    _ => {}
                }
            }
        }
        if next.is_empty() {
            return Err((depth, segment.clone(), known));
        }
        let mut seen = HashSet::new();
        next.retain(|node: &Node<'a>| seen.insert(node.at()));
        level = next;
    }
    Ok(level)
}

/// Returns the schemas that a pointer leads to in a body.
pub fn found<'a>(lint: &Lint<'a>, pointer: &Pointer, body: &Node<'a>) -> Vec<Node<'a>> {
    find(lint, body, &pointer.segments()).unwrap_or_default()
}

/// What a pointer leads to has one of `types`. Untyped JSON may have any.
pub fn pointer_types<'a>(
    lint: &mut Lint<'a>,
    keyword: &Keyword<'_>,
    leaves: &[Node<'a>],
    types: &[&str],
    wanted: &str,
) {
    for leaf in leaves {
        let fits = lint.variants(leaf).iter().any(|(_, variant)| match lint.resolved(variant) {
            Resolved::Scalar(scalar, _) => types.contains(&scalar),
            Resolved::Any => true,
            _ => false,
        });
        if !fits {
            let message = format!("`{}` is {}, not {wanted}", keyword.pointer, lint.resolved(leaf).kind());
            let help = format!("fix the schema on line {}, or point elsewhere", line(lint, leaf));
            lint.error(&keyword.at, message, help);
        }
    }
}

/// What is read as a plain string isn't a secret, which would count as absent.
pub fn secret_read_as_string<'a>(lint: &mut Lint<'a>, keyword: &Keyword<'_>, leaves: &[Node<'a>]) {
    if let Some(leaf) = leaves.iter().find(|leaf| lint.schema(leaf).text("format") == Some("password")) {
        let message = format!(
            "`{}` is a secret by its schema (line {}), and is read as a plain string",
            keyword.pointer,
            line(lint, leaf)
        );
        lint.error(&keyword.at, message, "remove `format: password` there, or point elsewhere");
    }
}

/// Returns the line of a schema.
pub fn line<'a>(lint: &Lint<'a>, node: &Node<'a>) -> u32 {
    lint.spec.line(&lint.pointer(&lint.schema(node))).unwrap_or_default()
}
