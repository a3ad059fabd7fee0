//! Rust as text: to make tokens of what is generated, to parse and to format those would cost more than all the rest. It
//! is laid out as prettyplease lays out progenitor's file.

/// An expression, or a part of one.
pub struct Code {
    /// Its width on one line; none if it stands on several.
    width: Option<usize>,
    kind: Kind,
}

enum Kind {
    Text(String),
    /// Parts that follow each other.
    Row(Vec<Code>),
    /// A value and what is called on it: on a line each, or all on one.
    Chain(Vec<Code>),
    /// What stands behind `|value| ` or `pattern => `: in the same line, or in a block.
    Behind {
        head: String,
        body: Box<Code>,
    },
    /// Items between brackets: on a line each, or all on one.
    List {
        open: String,
        items: Vec<Code>,
        close: char,
    },
}

/// The longest line, where it can be kept.
pub const WIDTH: usize = 89;

impl Code {
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { width: Some(text.len()), kind: Kind::Text(text) }
    }

    /// A literal of a text.
    pub fn string(text: &str) -> Self {
        Self::text(format!("{text:?}"))
    }

    /// A literal of a text, made what is wanted.
    pub fn into(text: &str) -> Self {
        Self::text(format!("{text:?}.into()"))
    }

    pub fn row<const N: usize>(parts: [Code; N]) -> Self {
        Self { width: parts.iter().map(|part| part.width).sum(), kind: Kind::Row(parts.into()) }
    }

    pub fn chain(parts: impl Into<Vec<Code>>) -> Self {
        let parts = parts.into();
        Self { width: parts.iter().map(|part| part.width).sum(), kind: Kind::Chain(parts) }
    }

    /// The value with one more thing called on it.
    pub fn then(self, part: Code) -> Self {
        let mut parts = match self.kind {
            Kind::Chain(parts) => parts,
            kind => vec![Self { kind, ..self }],
        };
        parts.push(part);
        Self::chain(parts)
    }

    /// A closure or the arm of a match, whose `head` ends with a space.
    pub fn behind(head: impl Into<String>, body: Code) -> Self {
        let head = head.into();
        Self { width: body.width.map(|width| head.len() + width), kind: Kind::Behind { head, body: body.into() } }
    }

    /// `path(items)`; what it ends with is what `path` opened.
    pub fn list(open: impl Into<String>, items: Vec<Code>) -> Self {
        let open = open.into();
        let close = if open.ends_with('[') { ']' } else { ')' };
        let width: Option<usize> = items.iter().map(|item| item.width).sum();
        let commas = 2 * items.len().saturating_sub(1);
        Self { width: width.map(|width| open.len() + width + commas + 1), kind: Kind::List { open, items, close } }
    }

    /// `head { items }`: the fields of a struct and the arms of a match stand on a line each.
    pub fn braces(head: &str, items: Vec<Code>) -> Self {
        match items.is_empty() {
            true => Self::text(format!("{head} {{}}")),
            false => Self { width: None, kind: Kind::List { open: format!("{head} {{"), items, close: '}' } },
        }
    }

    /// Whether some part of it `is` so.
    pub fn has(&self, is: &impl Fn(&str) -> bool) -> bool {
        match &self.kind {
            Kind::Text(text) => is(text),
            Kind::Row(parts) | Kind::Chain(parts) => parts.iter().any(|part| part.has(is)),
            Kind::Behind { head, body } => is(head) || body.has(is),
            Kind::List { open, items, .. } => is(open) || items.iter().any(|item| item.has(is)),
        }
    }

    /// On lines of its own, with what ends the last of them.
    pub fn lines(&self, indent: usize, end: &str) -> String {
        let mut source = String::new();
        self.write_line(indent, end, &mut source);
        source
    }

    fn write_line(&self, indent: usize, end: &str, source: &mut String) {
        start_line(indent, source);
        self.write(indent, end.len(), source);
        source.push_str(end);
    }

    /// Whether its first line may stand behind an opening bracket.
    fn hugs(&self) -> bool {
        matches!(self.kind, Kind::Row(_) | Kind::List { .. } | Kind::Behind { .. })
    }

    /// Writes it behind what stands in the line that `source` ends with. `behind` is the width of what must follow.
    fn write(&self, indent: usize, behind: usize, source: &mut String) {
        if let Kind::Text(text) = &self.kind {
            return source.push_str(text);
        }
        let column = source.len() - source.rfind('\n').map_or(0, |end| end + 1);
        let fits = self.width.is_some_and(|width| column + width + behind <= WIDTH);
        match &self.kind {
            Kind::Text(_) => {}
            Kind::Chain(parts) if !fits => {
                for (index, part) in parts.iter().enumerate() {
                    let indent = if index > 0 { indent + 4 } else { indent };
                    if index > 0 {
                        start_line(indent, source);
                    }
                    part.write(indent, if index + 1 == parts.len() { behind } else { 0 }, source);
                }
            }
            Kind::Row(parts) | Kind::Chain(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    let rest: usize = parts[index + 1..].iter().filter_map(|part| part.width).sum();
                    part.write(indent, rest + behind, source);
                }
            }
            Kind::Behind { head, body } => {
                source.push_str(head);
                if fits || matches!(body.kind, Kind::List { .. }) {
                    return body.write(indent, behind, source);
                }
                source.push('{');
                start_line(indent + 4, source);
                body.write(indent + 4, 0, source);
                start_line(indent, source);
                source.push('}');
            }
            Kind::List { open, items, close } => {
                source.push_str(open);
                match &items[..] {
                    [only] if !fits && *close == ')' && only.hugs() => {
                        only.write(indent, behind + 1, source);
                    }
                    items if fits => {
                        for (index, item) in items.iter().enumerate() {
                            source.push_str(if index > 0 { ", " } else { "" });
                            item.write(indent, 0, source);
                        }
                    }
                    items => {
                        for item in items {
                            start_line(indent + 4, source);
                            item.write(indent + 4, 1, source);
                            // The block of an arm ends it.
                            let is_block =
                                *close == '}' && matches!(item.kind, Kind::Behind { .. }) && source.ends_with('}');
                            source.push_str(if is_block { "" } else { "," });
                        }
                        start_line(indent, source);
                    }
                }
                source.push(*close);
            }
        }
    }
}

fn start_line(indent: usize, source: &mut String) {
    if !source.is_empty() {
        source.push('\n');
    }
    source.extend(std::iter::repeat_n(' ', indent));
}

/// Statements, each on lines of its own.
pub fn statements(statements: &[Code], indent: usize) -> String {
    let mut source = String::new();
    statements.iter().for_each(|statement| statement.write_line(indent, ";", &mut source));
    source
}

/// The first lines of a function.
pub fn signature(indent: usize, head: &str, inputs: Vec<String>, output: &str) -> String {
    let inputs = inputs.into_iter().map(Code::text).collect();
    Code::row([Code::list(format!("{head}("), inputs), Code::text(format!(" -> {output}"))]).lines(indent, " {")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid_out(code: Code) -> String {
        statements(&[code], 4)
    }

    fn call(argument: Code) -> Code {
        Code::chain([Code::text("client"), Code::list(".call(", vec![argument]), Code::text(".await")])
    }

    #[test]
    fn what_fits_stands_on_one_line() {
        let call =
            Code::row([Code::text("let answer = "), call(Code::list("[", vec![Code::into("a"), Code::into("b")]))]);
        assert_eq!(laid_out(call), "    let answer = client.call([\"a\".into(), \"b\".into()]).await;");
    }

    #[test]
    fn what_does_not_fit_stands_on_a_line_each() {
        let long = "x".repeat(40);
        let list = Code::list("[", vec![Code::string(&long), Code::string(&long)]);
        assert_eq!(laid_out(list), format!("    [\n        \"{long}\",\n        \"{long}\",\n    ];"));
    }

    #[test]
    fn what_a_closure_gives_stands_in_a_block_where_it_does_not_fit() {
        let closure = |text: &str| Code::list("call(", vec![Code::behind("|value| ", Code::text(text))]);
        assert_eq!(laid_out(closure("value")), "    call(|value| value);");
        let long = "x".repeat(80);
        assert_eq!(laid_out(closure(&long)), format!("    call(|value| {{\n        {long}\n    }});"));
        let arms = vec![Code::behind("None => ", Code::text(&*long)), Code::text("_ => x")];
        let wanted =
            format!("    match x {{\n        None => {{\n            {long}\n        }}\n        _ => x,\n    }};");
        assert_eq!(laid_out(Code::braces("match x", arms)), wanted);
    }

    #[test]
    fn the_fields_of_a_struct_stand_on_a_line_each() {
        let fields = Code::braces("A", vec![Code::row([Code::text("a: "), Code::into("b")])]);
        let wanted = "    client\n        .call(A {\n            a: \"b\".into(),\n        })\n        .await;";
        assert_eq!(laid_out(call(fields)), wanted);
        assert_eq!(laid_out(Code::braces("A", Vec::new())), "    A {};");
    }
}
