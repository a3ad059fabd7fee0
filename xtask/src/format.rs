//! Generated tokens as source that people can read.

use proc_macro2::TokenStream;

use crate::model::Model;

/// Items as source, with empty lines between them. What the standard prelude has goes by its short name, unless the
/// spec has a type of that name.
pub fn items(model: &Model, what: &str, tokens: TokenStream) -> Result<String, String> {
    let file: syn::File = syn::parse2(tokens).map_err(|error| format!("{what} is no Rust: {error}"))?;
    Ok(source(model, file.items))
}

/// The same, of items that are parsed.
pub fn source(model: &Model, items: Vec<syn::Item>) -> String {
    let mut source = String::new();
    for item in items {
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
    spaced(&short(model, source))
}

/// A type as source.
pub fn ty(model: &Model, ty: &TokenStream) -> String {
    short(model, ty.to_string().replace(' ', "").replace(',', ", "))
}

const PRELUDE: [(&str, &str); 5] = [
    ("::std::option::Option", "Option"),
    ("::std::string::String", "String"),
    ("::std::result::Result", "Result"),
    ("::std::vec::Vec", "Vec"),
    ("::std::convert::From", "From"),
];

/// Source in which the prelude's names are short.
pub fn short(model: &Model, source: String) -> String {
    let is_free = |name: &str| !model.components.contains_key(name);
    let free: Vec<(&str, &str)> = PRELUDE.into_iter().filter(|(_, name)| is_free(name)).collect();
    let mut shortened = String::with_capacity(source.len());
    let mut rest = source.as_str();
    while let Some(at) = rest.find(STD) {
        shortened.push_str(&rest[..at]);
        rest = &rest[at..];
        let (path, name) = free.iter().copied().find(|(path, _)| rest.starts_with(path)).unwrap_or((STD, STD));
        rest = &rest[path.len()..];
        let variant = ["Some", "None"].into_iter().find(|variant| {
            name == "Option"
                && is_free(variant)
                && rest.strip_prefix("::").is_some_and(|rest| rest.starts_with(variant))
        });
        match variant {
            Some(_) => rest = &rest["::".len()..],
            None => shortened.push_str(name),
        }
    }
    shortened.push_str(rest);
    shortened
}

const STD: &str = "::std::";

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
