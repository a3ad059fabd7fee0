//! The files in `specs/`: the specs among them, and a problem for each file that can't be one.
//!
//! A file's name becomes part of generated code, and its kind decides whether reading it ends. So both are checked before
//! a file is opened, and one wrong file never hides the problems of the others.

use std::ffi::OsStr;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Severity};
use crate::vendor::{is_plain, stem};

/// The largest spec in bytes: far more than any vendor needs, and small enough to read at once.
const MAX_SIZE: u64 = 1024 * 1024;

/// A spec as it is on disk.
pub struct Source {
    /// Its path, as people write it.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// The repository that a program works on: the one whose `xtask` cargo runs, else the one around the current directory.
///
/// Both are looked up at run time: a path fixed at compile time would lead a copied `target` back to the checkout that it
/// was copied from.
pub fn repository(manifest: Option<PathBuf>, current: &Path) -> Option<PathBuf> {
    // `CARGO_MANIFEST_DIR` of another package, a test's for instance, says nothing about this one.
    let of_cargo = manifest.filter(|manifest| manifest.ends_with("xtask"));
    let of_cargo = of_cargo.as_deref().and_then(Path::parent).filter(|root| root.join("specs").is_dir());
    let is_repository = |folder: &&Path| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        folder.join("specs").is_dir() && manifest.lines().any(|line| line.starts_with("[workspace"))
    };
    of_cargo.or_else(|| current.ancestors().find(is_repository)).map(Path::to_path_buf)
}

/// The specs of these vendors, or of all, and what is wrong with their files.
///
/// # Errors
///
/// When the folder itself can't be read.
pub fn read(root: &Path, vendors: &[String]) -> io::Result<(Vec<Source>, Vec<Diagnostic>)> {
    let folder = root.join("specs");
    let mut names = Vec::new();
    for entry in if folder.is_dir() { fs::read_dir(&folder)?.collect() } else { Vec::new() } {
        names.push(entry?.file_name());
    }
    names.sort();
    let (mut sources, mut diagnostics, mut known) = (Vec::new(), Vec::new(), Vec::new());
    for name in &names {
        let Some(checked) = checked(&folder.join(name), name) else { continue };
        let file = format!("specs/{}", name.to_string_lossy());
        let stem = stem(&file).to_owned();
        if vendors.is_empty() || vendors.contains(&stem) {
            match checked.and_then(|()| text(&folder.join(name))) {
                Ok(text) => sources.push(Source { file, text }),
                Err((message, help)) => diagnostics.push(diagnostic(file, message, help)),
            }
        }
        known.push(stem);
    }
    for vendor in vendors.iter().filter(|vendor| !known.contains(vendor)) {
        let message = "there is no such file".to_owned();
        let help = format!("name one of {}, or run `cargo xtask new {vendor}`", known.join(", "));
        diagnostics.push(diagnostic(format!("specs/{vendor}.yaml"), message, help));
    }
    Ok((sources, diagnostics))
}

/// What is wrong, and what to do instead.
type Wrong = (String, String);

fn diagnostic(file: String, message: String, help: String) -> Diagnostic {
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

/// Whether a file is a spec by its name and kind. None: it is something else, such as `README.md`, and stays unread.
fn checked(path: &Path, name: &OsStr) -> Option<Result<(), Wrong>> {
    let shown = name.to_string_lossy();
    // An editor's files begin with one of these.
    if shown.starts_with(['.', '~', '#']) {
        return None;
    }
    let wrong = |message: &str, help: String| Some(Err((message.to_owned(), help)));
    let lower = shown.to_lowercase();
    let is_spec = lower.ends_with(".yaml") || lower.ends_with(".yml");
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return wrong("it is a directory", REGULAR.to_owned()),
        Ok(found) if !found.is_file() => return wrong("it is not a regular file", REGULAR.to_owned()),
        Ok(found) if is_spec && found.len() > MAX_SIZE => return wrong(TOO_LARGE, SMALLER.to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return wrong("it is a link that leads to no file", REGULAR.to_owned());
        }
        Err(error) => return Some(Err(unreadable(&error))),
    }
    if name.to_str().is_none() {
        return wrong("its name is not UTF-8", RENAME.to_owned());
    }
    if !is_spec && !shown.contains(char::is_control) {
        return None;
    }
    match is_plain(&shown) {
        true => Some(Ok(())),
        false if is_plain(&lower) => {
            wrong("its name has an upper-case letter", format!("rename it to `{lower}`: {RENAME}"))
        }
        false => wrong("its name has a character that isn't allowed", RENAME.to_owned()),
    }
}

const REGULAR: &str = "remove it, or put a regular file in its place: each entry of `specs/` is read as a file";
const RENAME: &str = "use lower-case letters, digits, `.`, `_` and `-` only";
const TOO_LARGE: &str = "it is larger than 1 MiB";
const SMALLER: &str = "keep the operations that tokens need, and the schemas that they refer to";

/// The text of a spec, as far as it may be read.
fn text(path: &Path) -> Result<String, Wrong> {
    let mut bytes = Vec::new();
    // A file may grow, or be larger than its metadata says.
    let read = File::open(path).and_then(|file| file.take(MAX_SIZE + 1).read_to_end(&mut bytes));
    read.map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err((TOO_LARGE.to_owned(), SMALLER.to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let message = format!("it is not UTF-8 from byte {} on", error.utf8_error().valid_up_to());
        (message, "save it as UTF-8".to_owned())
    })
}

fn unreadable(error: &io::Error) -> Wrong {
    (format!("it can't be read: {error}"), "make it readable, or remove it".to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::env;

    use super::*;

    /// The repository that the tests belong to, found as the program finds it.
    pub fn repository() -> PathBuf {
        let current = env::current_dir().unwrap();
        super::repository(env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from), &current).unwrap()
    }

    #[test]
    fn the_repository_is_found_at_run_time() {
        let of_tests = repository();
        assert!(of_tests.join("crates/codegen/src/read/folder.rs").is_file());
        let tests = env::temp_dir().join(format!("codegen-repository-{}", std::process::id()));
        let other = tests.join("checkout");
        for folder in ["specs", "crates/acme/src"] {
            fs::create_dir_all(other.join(folder)).unwrap();
        }
        fs::write(other.join("crates/acme/Cargo.toml"), "[package]\n").unwrap();
        let found =
            |manifest: Option<&Path>, current: &Path| super::repository(manifest.map(Path::to_path_buf), current);
        let inside = other.join("crates/acme/src");
        assert_eq!(found(None, &inside), None, "no workspace");
        fs::write(other.join("Cargo.toml"), "[workspace]\nmembers = []\n").unwrap();
        assert_eq!(found(None, &inside), Some(other.clone()));
        assert_eq!(found(Some(&inside), &inside), Some(other.clone()), "cargo runs another package");
        assert_eq!(found(Some(&of_tests.join("xtask")), &inside), Some(of_tests));
        assert_eq!(found(None, &tests), None);
        fs::remove_dir_all(&tests).unwrap();
    }
}
