//! Generation in a `build.rs`: vendors as modules of a crate that is written by hand.
//!
//! A crate per vendor is the usual form, since its snapshots are the review of its fragment: see
//! [`Generator`](crate::generator::Generator). A module needs no committed code, and has no tests.

use std::env;
use std::error::Error;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use crate::diagnostic::Diagnostic;
use crate::emit::Files;
use crate::pipeline::generate;
use crate::read::folder::Source;
use crate::repository::folders::Folders;
use crate::vendor::Vendor;
use crate::workspace::Workspace;

/// Generates the vendor of a fragment into the folder `OUT_DIR` of a build script, as one file with the vendor's name.
///
/// The crate includes it in a module, and depends on `freshtoken`, `freshtoken-wire`, `progenitor-client`, `reqwest`, `serde` and
/// `serde_json`. The module has what a generated crate has, such as `Endpoint`, `Client` and `source`.
///
/// # Errors
///
/// If the fragment has an error or cannot be read, or if the file cannot be written. `Debug` prints all problems, so a `main`
/// can return it.
///
/// # Examples
///
/// ```no_run
/// use freshtoken_codegen::build_script::{BuildError, module};
///
/// fn main() -> Result<(), BuildError> {
///     module("specs/acme.yaml") // include!(concat!(env!("OUT_DIR"), "/acme.rs"));
/// }
/// ```
pub fn module(spec: &str) -> Result<(), BuildError> {
    println!("cargo::rerun-if-changed={spec}");
    let out =
        env::var_os("OUT_DIR").ok_or_else(|| BuildError("OUT_DIR is not set: call it in a build script".to_owned()))?;
    let text = fs::read_to_string(spec).map_err(|error| BuildError(format!("{spec}: {error}")))?;
    let (name, module, warnings) = source(spec, text)?;
    for warning in warnings {
        // Each line of the output is a message to cargo.
        println!("cargo::warning={}", warning.to_string().replace('\n', " "));
    }
    let path = PathBuf::from(out).join(format!("{name}.rs"));
    fs::write(&path, module).map_err(|error| BuildError(format!("{}: {error}", path.display())))
}

/// Why there is no module. `Debug` prints the same message as `Display`, for a `main` that returns it.
#[derive(Clone, PartialEq, Eq)]
pub struct BuildError(String);

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for BuildError {}

/// Returns the name and the text of a fragment's module, and what is suspicious in the fragment.
fn source(spec: &str, text: String) -> Result<(String, String, Vec<Diagnostic>), BuildError> {
    let vendor = Vendor::from_file(spec).map_err(|diagnostic| BuildError(diagnostic.to_string()))?;
    let folders = Folders { out: String::new(), ..Folders::default() };
    let workspace = Workspace::new("", None).folders(folders);
    let generated = generate(&[Source { file: spec.to_owned(), text }], &workspace, |_| {});
    let generated = generated.map_err(|diagnostics| BuildError(listed(&diagnostics)))?;
    let module = in_one_file(&generated.files, vendor.ident());
    Ok((vendor.ident().to_owned(), module, generated.warnings))
}

/// Returns all problems, with an empty line between them.
fn listed(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
}

/// The lints that generated code is exempt from, which a crate of its own states in its `lib.rs`.
const ALLOWED: &str = "#[allow(clippy::complexity, clippy::style, non_snake_case, non_camel_case_types)]\n\
                       #[allow(rustdoc::invalid_html_tags, rustdoc::bare_urls, rustdoc::broken_intra_doc_links)]\n";

/// Returns the library of a crate as one file, whose modules are not at the root of their crate.
fn in_one_file(files: &Files, name: &str) -> String {
    let file = |path: &str| files.get(&format!("{name}/src/{path}.rs")).map(String::as_str).unwrap_or_default();
    let mut text = String::new();
    for line in file("lib").lines() {
        match line.split_once("mod ").and_then(|(start, rest)| Some((start, rest.strip_suffix(';')?))) {
            Some((visibility, module)) => {
                // The example is of a crate with the vendor's name.
                let body = file(module).replace("```rust,no_run", "```ignore");
                text += &format!("{ALLOWED}{visibility}mod {module} {{\n{}}}\n", relative(&body));
            }
            // The attributes of the crate, and the feature that a crate of its own has.
            None if line.starts_with("#!") || line.starts_with("#[cfg") || line.starts_with("//") => {}
            None => text += &format!("{line}\n"),
        }
    }
    text.trim_start().to_owned()
}

/// Replaces the paths that begin at the root of the crate.
fn relative(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("crate::") {
        let (before, found) = rest.split_at(at);
        text += before;
        let is_path = !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | ':'));
        text += if is_path { "super::" } else { "crate::" };
        rest = &found["crate::".len()..];
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::new;
    use crate::new::Like;

    fn fragment(like: Like) -> String {
        new::fragment(&Vendor::from_file("specs/acme.yaml").unwrap(), like)
    }

    #[test]
    fn a_module_has_no_path_from_the_root_of_its_crate() {
        for like in Like::ALL {
            let (name, module, warnings) = source("specs/acme.yaml", fragment(like)).unwrap();
            assert_eq!((name.as_str(), warnings.len()), ("acme", 0));
            assert!(!module.contains("crate::"), "{module}");
            // `include!` takes no inner attribute outside of the modules.
            assert!(module.starts_with("#[rustfmt::skip]\n"), "{module}");
            assert!(module.contains("pub mod source {") && module.contains("impl Vendor for Endpoint"), "{module}");
            syn::parse_file(&module).unwrap();
        }
    }

    #[test]
    fn only_paths_from_the_root_are_replaced() {
        let text = relative("use crate::a; [`x`](crate::x) my_crate::b ::crate::c");
        assert_eq!(text, "use super::a; [`x`](super::x) my_crate::b ::crate::c");
    }

    #[test]
    fn all_problems_of_a_fragment_are_the_message() {
        let text = fragment(Like::default()).replace("summary:", "sumary:").replace("/access_token", "/acess_token");
        let error = source("specs/acme.yaml", text).unwrap_err();
        assert!(error.to_string().contains("`sumary`"), "{error}");
        assert!(error.to_string().contains("`/acess_token`"), "{error}");
        assert_eq!(format!("{error:?}"), error.to_string());
    }
}
