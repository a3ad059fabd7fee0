//! A vendor's names: of its spec, its crate, its module and its feature.
//!
//! All of them come from the stem of the spec's file, so a vendor is named in one place.

use crate::diagnostic::{Diagnostic, Severity};

/// Crates of the workspace that aren't a vendor's.
const CRATES: [&str; 9] = ["bench", "codegen", "demo", "freshtoken", "redis", "sandbox", "testing", "wire", "xtask"];

/// Names that no vendor may have, because its name becomes a module, a feature and a dependency of the facade. `types` is a
/// module of each vendor.
const FACADE: [&str; 61] = [
    "_guide",
    "adapter",
    "alloc",
    "arc_swap",
    "async_trait",
    "aws_lc_rs",
    "base64",
    "base_url",
    "blocking",
    "builder",
    "cause",
    "clock",
    "core",
    "credentials",
    "default",
    "env",
    "error",
    "event",
    "file",
    "fingerprint",
    "formats",
    "grant_error",
    "hmac_sha256",
    "http",
    "http_client",
    "http_error",
    "issued_tokens",
    "limits",
    "metrics",
    "middleware",
    "native_tls",
    "redis",
    "request",
    "reqwest",
    "reqwest_middleware",
    "rustix",
    "rustls",
    "seal",
    "serde",
    "serde_json",
    "shuttle",
    "simulation",
    "source",
    "status",
    "std",
    "store",
    "sync",
    "test",
    "testing",
    "token",
    "token_sources",
    "tokio",
    "tower",
    "tower_layer",
    "tower_service",
    "tracing",
    "types",
    "used_token",
    "vendor",
    "vendors",
    "zeroize",
];

/// Names of devices on Windows, with or without an extension: no file or folder can have them there.
const DEVICES: [&str; 4] = ["aux", "con", "nul", "prn"];

/// Rust's keywords, strict and reserved, of edition 2024.
const KEYWORDS: [&str; 52] = [
    "Self", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super",
    "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Whether `word` is a keyword of Rust, so that it can't be an identifier.
pub fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

/// A vendor, named after its spec's file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vendor {
    stem: String,
    ident: String,
}

impl Vendor {
    /// Returns the vendor of a spec's file, such as `specs/github-app.yaml`.
    ///
    /// Each `.` and `-` of the name becomes a `_`. A name that starts with a digit gets a leading `_`, and a keyword of Rust a
    /// trailing `_`.
    ///
    /// # Errors
    ///
    /// If the name has other characters than `a`-`z`, `0`-`9`, `.`, `_` and `-`, or no letter or digit; or if it is the name
    /// of a crate of the workspace, of something in the facade, or of a device on Windows.
    pub fn from_file(file: &str) -> Result<Vendor, Diagnostic> {
        Self::of(stem(file), file)
    }

    /// Returns the vendor of a name, whose spec doesn't exist yet.
    pub fn from_name(name: &str) -> Result<Vendor, Diagnostic> {
        let file = format!("specs/{name}.yaml");
        let is_file = name.contains('/') || stem(name) != name;
        if is_file || name.starts_with('.') {
            Err(refusal(&file, format!("`{name}` names a file, not a vendor")))
        } else {
            Self::of(name, &file)
        }
    }

    fn of(stem: &str, file: &str) -> Result<Vendor, Diagnostic> {
        let refuse = |message: String| Err(refusal(file, message));
        if !is_plain(stem) {
            return refuse(format!(
                "`{stem}` can't name a vendor: a name has lower-case letters, digits, `.`, `_` and `-` only"
            ));
        }
        let mut ident = stem.replace(['.', '-'], "_");
        if !ident.contains(|c: char| c.is_ascii_alphanumeric()) {
            return refuse(format!("`{stem}` can't name a crate: it has no letter or digit"));
        }
        if is_device(stem) {
            return refuse(format!("`{stem}` is the name of a device on Windows, and no file there can have it"));
        }
        if CRATES.contains(&ident.as_str()) {
            return refuse(format!("`{stem}` is the name of a crate of freshtoken"));
        }
        if FACADE.contains(&ident.as_str()) {
            return refuse(format!("`{stem}` is the name of a module, feature or dependency of the facade"));
        }
        if ident.starts_with(|c: char| c.is_ascii_digit()) {
            ident.insert(0, '_');
        }
        if is_keyword(&ident) {
            ident.push('_');
        }
        Ok(Vendor { stem: stem.to_owned(), ident })
    }

    /// Returns the file's name without its extension, as it was written.
    pub fn stem(&self) -> &str {
        &self.stem
    }

    /// Returns the name of the module, the crate's folder and the feature.
    pub fn ident(&self) -> &str {
        &self.ident
    }

    /// Returns the name of the package.
    pub fn package(&self) -> String {
        format!("freshtoken-{}", self.ident)
    }

    /// Returns the name of the library in a `use`.
    pub fn lib(&self) -> String {
        format!("freshtoken_{}", self.ident)
    }
}

/// Returns the name of a spec's file without its folder and its extension.
pub fn stem(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).unwrap_or(name)
}

/// Whether a name has only characters that are the same in every file system, shell and generated file.
pub fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
}

fn refusal(file: &str, message: String) -> Diagnostic {
    let help = "name the file after its vendor, such as `specs/zenoti.yaml`".to_owned();
    Diagnostic {
        severity: Severity::Error,
        rule: None,
        file: file.into(),
        line: None,
        pointer: String::new(),
        message,
        help,
    }
}

fn is_device(stem: &str) -> bool {
    let name = stem.split('.').next().unwrap_or(stem);
    let is_port = |kind| name.strip_prefix(kind).is_some_and(|rest| matches!(rest.as_bytes(), [b'0'..=b'9']));
    DEVICES.contains(&name) || is_port("com") || is_port("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::folder::tests::repository;

    fn ident(file: &str) -> String {
        Vendor::from_file(file).unwrap().ident().to_owned()
    }

    #[test]
    fn a_name_that_is_not_an_identifier_becomes_one() {
        assert_eq!(ident("specs/zenoti.yaml"), "zenoti");
        assert_eq!(ident("specs/github-app.yaml"), "github_app");
        assert_eq!(ident("specs/3cx.yaml"), "_3cx");
        assert_eq!(ident("specs/box.yaml"), "box_");
        assert_eq!(ident("specs/self.yaml"), "self_");
        assert_eq!(ident("specs/a.b.yml"), "a_b");
    }

    #[test]
    fn package_and_library_are_named_alike() {
        let vendor = Vendor::from_file("specs/3cx.yaml").unwrap();
        assert_eq!(
            (vendor.stem(), vendor.package(), vendor.lib()),
            ("3cx", "freshtoken-_3cx".to_owned(), "freshtoken__3cx".to_owned())
        );
    }

    #[test]
    fn names_of_the_workspace_and_names_without_letters_are_refused() {
        for file in [
            "specs/wire.yaml",
            "specs/native-tls.yaml",
            "specs/sandbox.yaml",
            "specs/.yaml",
            "specs/--.yaml",
            "specs/日本.yaml",
            "specs/Acme.yaml",
            "specs/acme.YAML",
            "specs/a b.yaml",
            "specs/a\nb.yaml",
            "specs/con.yaml",
            "specs/nul.old.yaml",
            "specs/com1.yaml",
        ] {
            assert!(Vendor::from_file(file).is_err(), "{file}");
        }
        for name in ["../evil", "a: b", "a/b", "", ".", ".hidden", "acme.yaml", "con", "Acme"] {
            assert!(Vendor::from_name(name).is_err(), "{name}");
        }
        for name in ["acme", "a-b", "a_b", "a.b", "console", "com10"] {
            assert!(Vendor::from_name(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn every_name_of_the_facade_is_reserved() {
        let read = |path: &str| std::fs::read_to_string(repository().join("crates/freshtoken").join(path)).unwrap();
        let library = read("src/lib.rs");
        let modules = library.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod "));
        let mut names: Vec<String> =
            modules.filter_map(|rest| rest.split([';', ' ']).next()).map(str::to_owned).collect();
        let mut is_inside = false;
        for line in read("Cargo.toml").lines() {
            match line.chars().next() {
                Some('[') => is_inside = matches!(line, "[features]" | "[dependencies]"),
                Some(first) if is_inside && first.is_ascii_alphabetic() => {
                    names.extend(line.split([' ', '.', '=']).next().map(|name| name.replace('-', "_")));
                }
                _ => {}
            }
        }
        assert!(names.len() > 10);
        for name in names.iter().filter(|name| !name.starts_with("freshtoken_")) {
            let is_vendor = repository().join(format!("specs/{name}.yaml")).exists();
            assert!(is_vendor || FACADE.contains(&name.as_str()), "add `{name}` to `FACADE`");
        }
    }

    #[test]
    fn syn_agrees_on_the_keywords() {
        for word in KEYWORDS.into_iter().filter(|word| *word != "gen") {
            // syn still accepts `gen` as a name.
            assert!(syn::parse_str::<syn::Ident>(word).is_err(), "{word}");
        }
    }
}
