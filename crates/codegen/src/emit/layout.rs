//! Rust source that is laid out while it is written. Making tokens, parsing and formatting them would take longer than
//! the rest of the generator. The layout is that of prettyplease, which formats progenitor's file.

/// An expression, or a part of one.
pub struct Code {
    /// Its width on one line, or `None` if it always takes several lines.
    width: Option<usize>,
    kind: Kind,
}

enum Kind {
    Text(String),
    /// Parts without a break between them.
    Row(Vec<Code>),
    /// A value and its method calls: all on one line, or each on its own.
    Chain(Vec<Code>),
    /// A head, such as `|value| ` or `pattern => `, with its body on the same line or in a block.
    Headed {
        head: String,
        body: Box<Code>,
    },
    /// An `if` with an `else`, each on its own lines.
    Choice {
        condition: String,
        yes: Box<Code>,
        no: Box<Code>,
    },
    /// Items in brackets: all on one line, or each on its own.
    List {
        open: String,
        items: Vec<Code>,
        close: char,
    },
}

/// The maximum width of a line. A single item can be wider.
pub const WIDTH: usize = 89;

impl Code {
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { width: Some(text.len()), kind: Kind::Text(text) }
    }

    /// Returns a string literal.
    pub fn string(text: &str) -> Self {
        Self::text(format!("{text:?}"))
    }

    /// Returns a string literal with `.into()`.
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

    /// Appends a method call.
    pub fn then(self, part: Code) -> Self {
        let mut parts = match self.kind {
            Kind::Chain(parts) => parts,
            kind => vec![Self { kind, ..self }],
        };
        parts.push(part);
        Self::chain(parts)
    }

    /// Returns a closure or an arm of a `match`. The head ends with a space.
    pub fn headed(head: impl Into<String>, body: Code) -> Self {
        let head = head.into();
        Self { width: body.width.map(|width| head.len() + width), kind: Kind::Headed { head, body: body.into() } }
    }

    /// Returns an `if` with an `else`.
    pub fn choice(condition: impl Into<String>, yes: Code, no: Code) -> Self {
        Self { width: None, kind: Kind::Choice { condition: condition.into(), yes: yes.into(), no: no.into() } }
    }

    /// Returns items in the bracket that ends `open`, such as `call(`.
    pub fn list(open: impl Into<String>, items: Vec<Code>) -> Self {
        let open = open.into();
        let close = if open.ends_with('[') { ']' } else { ')' };
        let width: Option<usize> = items.iter().map(|item| item.width).sum();
        let commas = 2 * items.len().saturating_sub(1);
        Self { width: width.map(|width| open.len() + width + commas + 1), kind: Kind::List { open, items, close } }
    }

    /// Returns `head { items }`. Each field of a struct and each arm of a `match` is on its own line.
    pub fn braces(head: &str, items: Vec<Code>) -> Self {
        if items.is_empty() {
            return Self::text(format!("{head} {{}}"));
        }
        Self { width: None, kind: Kind::List { open: format!("{head} {{"), items, close: '}' } }
    }

    /// Whether the predicate is true for any part.
    pub fn has(&self, is: &impl Fn(&str) -> bool) -> bool {
        match &self.kind {
            Kind::Text(text) => is(text),
            Kind::Row(parts) | Kind::Chain(parts) => parts.iter().any(|part| part.has(is)),
            Kind::Headed { head, body } => is(head) || body.has(is),
            Kind::Choice { condition, yes, no } => is(condition) || yes.has(is) || no.has(is),
            Kind::List { open, items, .. } => is(open) || items.iter().any(|item| item.has(is)),
        }
    }

    /// Returns the code on its own lines. `end` follows the last one.
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

    /// Whether its first line can follow an opening bracket.
    fn hugs(&self) -> bool {
        matches!(self.kind, Kind::Row(_) | Kind::List { .. } | Kind::Headed { .. })
    }

    /// Appends the code to the last line of `source`. `after` is the width of what must follow on the same line.
    fn write(&self, indent: usize, after: usize, source: &mut String) {
        if let Kind::Text(text) = &self.kind {
            return source.push_str(text);
        }
        let column = source.len() - source.rfind('\n').map_or(0, |end| end + 1);
        let fits = self.width.is_some_and(|width| column + width + after <= WIDTH);
        match &self.kind {
            Kind::Text(_) => {}
            Kind::Chain(parts) if !fits => {
                for (index, part) in parts.iter().enumerate() {
                    let indent = if index > 0 { indent + 4 } else { indent };
                    if index > 0 {
                        start_line(indent, source);
                    }
                    part.write(indent, if index + 1 == parts.len() { after } else { 0 }, source);
                }
            }
            Kind::Row(parts) | Kind::Chain(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    let rest: usize = parts[index + 1..].iter().filter_map(|part| part.width).sum();
                    part.write(indent, rest + after, source);
                }
            }
            Kind::Headed { head, body } => {
                source.push_str(head);
                if fits || matches!(body.kind, Kind::List { .. }) {
                    return body.write(indent, after, source);
                }
                write_block(body, indent, source);
            }
            Kind::Choice { condition, yes, no } => {
                source.extend(["if ", condition, " "]);
                write_block(yes, indent, source);
                source.push_str(" else ");
                write_block(no, indent, source);
            }
            Kind::List { open, items, close } => {
                source.push_str(open);
                match &items[..] {
                    [only] if !fits && *close == ')' && only.hugs() => {
                        only.write(indent, after + 1, source);
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
                            // An arm with a block needs no comma, and a struct's base allows none.
                            let is_block =
                                *close == '}' && matches!(item.kind, Kind::Headed { .. }) && source.ends_with('}');
                            let is_base = matches!(&item.kind, Kind::Text(text) if text.starts_with(".."));
                            source.push_str(if is_block || is_base { "" } else { "," });
                        }
                        start_line(indent, source);
                    }
                }
                source.push(*close);
            }
        }
    }
}

/// Appends an expression in braces, on lines of its own.
fn write_block(body: &Code, indent: usize, source: &mut String) {
    source.push('{');
    start_line(indent + 4, source);
    body.write(indent + 4, 0, source);
    start_line(indent, source);
    source.push('}');
}

fn start_line(indent: usize, source: &mut String) {
    if !source.is_empty() {
        source.push('\n');
    }
    source.extend(std::iter::repeat_n(' ', indent));
}

/// Returns statements, each on its own lines.
pub fn statements(statements: &[Code], indent: usize) -> String {
    let mut source = String::new();
    statements.iter().for_each(|statement| statement.write_line(indent, ";", &mut source));
    source
}

/// Returns the signature of a function up to its `{`.
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
    fn code_that_fits_is_on_one_line() {
        let call =
            Code::row([Code::text("let result = "), call(Code::list("[", vec![Code::into("a"), Code::into("b")]))]);
        assert_eq!(laid_out(call), "    let result = client.call([\"a\".into(), \"b\".into()]).await;");
    }

    #[test]
    fn items_that_do_not_fit_are_on_a_line_each() {
        let long = "x".repeat(40);
        let list = Code::list("[", vec![Code::string(&long), Code::string(&long)]);
        assert_eq!(laid_out(list), format!("    [\n        \"{long}\",\n        \"{long}\",\n    ];"));
    }

    #[test]
    fn a_closure_that_does_not_fit_has_a_block() {
        let closure = |text: &str| Code::list("call(", vec![Code::headed("|value| ", Code::text(text))]);
        assert_eq!(laid_out(closure("value")), "    call(|value| value);");
        let long = "x".repeat(80);
        assert_eq!(laid_out(closure(&long)), format!("    call(|value| {{\n        {long}\n    }});"));
        let arms = vec![Code::headed("None => ", Code::text(&*long)), Code::text("_ => x")];
        let wanted =
            format!("    match x {{\n        None => {{\n            {long}\n        }}\n        _ => x,\n    }};");
        assert_eq!(laid_out(Code::braces("match x", arms)), wanted);
    }

    #[test]
    fn a_choice_has_two_blocks() {
        let value = Code::list("Some(", vec![Code::braces("A", vec![Code::text("a: 1")])]);
        let choice = Code::choice("a", value, Code::text("None"));
        let wanted =
            "    a: if a {\n        Some(A {\n            a: 1,\n        })\n    } else {\n        None\n    };";
        assert_eq!(laid_out(Code::row([Code::text("a: "), choice])), wanted);
    }

    #[test]
    fn the_fields_of_a_struct_are_on_a_line_each() {
        let fields = Code::braces("A", vec![Code::row([Code::text("a: "), Code::into("b")])]);
        let wanted = "    client\n        .call(A {\n            a: \"b\".into(),\n        })\n        .await;";
        assert_eq!(laid_out(call(fields)), wanted);
        assert_eq!(laid_out(Code::braces("A", Vec::new())), "    A {};");
    }
}
