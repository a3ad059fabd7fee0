//! Generated tokens as source that people can read.

use proc_macro2::TokenStream;

use crate::model::Model;

/// Items as source, with empty lines between them. What the standard prelude has goes by its short name, unless the
/// spec has a type of that name.
pub fn items(model: &Model, what: &str, tokens: TokenStream) -> Result<String, String> {
    let file: syn::File = syn::parse2(tokens).map_err(|error| format!("{what} is no Rust: {error}"))?;
    let mut source = String::new();
    for item in file.items {
        let is_use = matches!(item, syn::Item::Use(_));
        let text = prettyplease::unparse(&syn::File {
            shebang: None,
            frontmatter: None,
            attrs: Vec::new(),
            items: vec![item],
        });
        // Imports stand together.
        if !(source.is_empty() || is_use && source.ends_with(";\n")) {
            source.push('\n');
        }
        source.push_str(&text);
    }
    Ok(spaced(&short(model, source)))
}

const PRELUDE: [(&str, &str); 5] = [
    ("::std::option::Option", "Option"),
    ("::std::string::String", "String"),
    ("::std::result::Result", "Result"),
    ("::std::vec::Vec", "Vec"),
    ("::std::convert::From", "From"),
];

fn short(model: &Model, mut source: String) -> String {
    for (path, name) in PRELUDE {
        if !model.components.contains_key(name) {
            source = source.replace(path, name);
        }
    }
    for variant in ["Some", "None"] {
        if !model.components.contains_key(variant) && !model.components.contains_key("Option") {
            source = source.replace(&format!("Option::{variant}"), variant);
        }
    }
    source
}

/// An empty line between the methods of a block.
fn spaced(source: &str) -> String {
    let mut lines = source.lines().peekable();
    let mut spaced = String::new();
    while let Some(line) = lines.next() {
        spaced.push_str(line);
        spaced.push('\n');
        let ends_method =
            line == "    }" && lines.peek().is_some_and(|next| !next.starts_with('}') && !next.is_empty());
        if ends_method {
            spaced.push('\n');
        }
    }
    spaced
}
