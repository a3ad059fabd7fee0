//! The files in `specs/`: the specs among them, and a diagnostic for each file that can't be one.
//!
//! A file's name becomes part of generated code, and reading a pipe or a device may never end. So both the name and the type
//! are checked before a file is opened, and one wrong file never hides the problems of the others.

use std::ffi::OsStr;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Severity};
use crate::program::program;
use crate::vendor::{is_plain, stem};

/// The largest spec in bytes: far more than any vendor needs, and small enough to read at once.
const MAX_SIZE: u64 = 1024 * 1024;

/// A spec as it is on disk.
pub struct Source {
    /// Its path, as the user writes it.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// Finds the repository to work on: the one whose `xtask` cargo runs, or the one around the current directory.
///
/// It is found at run time: with a path fixed at compile time, a copied `target` would work on the checkout that it was copied
/// from.
pub fn repository(manifest: Option<PathBuf>, current: &Path) -> Option<PathBuf> {
    // Another package's `CARGO_MANIFEST_DIR`, such as a test's, is no use here.
    let of_cargo = manifest.filter(|manifest| manifest.ends_with("xtask"));
    let of_cargo = of_cargo.as_deref().and_then(Path::parent).filter(|root| root.join("specs").is_dir());
    let is_repository = |folder: &&Path| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        folder.join("specs").is_dir() && manifest.lines().any(|line| line.starts_with("[workspace"))
    };
    of_cargo.or_else(|| current.ancestors().find(is_repository)).map(Path::to_path_buf)
}

/// Reads the specs of these vendors in the folder `specs`, or of all, and returns what is wrong with their files.
///
/// # Errors
///
/// If the folder itself can't be read.
pub fn read(root: &Path, specs: &str, vendors: &[String]) -> io::Result<(Vec<Source>, Vec<Diagnostic>)> {
    let folder = root.join(specs);
    let mut names = Vec::new();
    for entry in if folder.is_dir() { fs::read_dir(&folder)?.collect() } else { Vec::new() } {
        names.push(entry?.file_name());
    }
    names.sort();
    let in_specs = |name: &str| if specs.is_empty() { name.to_owned() } else { format!("{specs}/{name}") };
    let (mut sources, mut diagnostics, mut known) = (Vec::new(), Vec::new(), Vec::new());
    for name in &names {
        let Some(checked) = checked(&folder.join(name), name) else { continue };
        let file = in_specs(&name.to_string_lossy());
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
        let help = format!("name one of {}, or run `{} new {vendor}`", known.join(", "), program());
        diagnostics.push(diagnostic(in_specs(&format!("{vendor}.yaml")), message, help));
    }
    Ok((sources, diagnostics))
}

/// What is wrong, and what to do.
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

/// Checks the name and the type of a file. None: it isn't a spec, such as `README.md`, and stays unread.
fn checked(path: &Path, name: &OsStr) -> Option<Result<(), Wrong>> {
    let shown = name.to_string_lossy();
    // Temporary files of editors.
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
            return wrong("it is a link to a file that doesn't exist", REGULAR.to_owned());
        }
        Err(error) => return Some(Err(unreadable(&error))),
    }
    if name.to_str().is_none() {
        return wrong("its name is not UTF-8", RENAME.to_owned());
    }
    if !is_spec && !shown.contains(char::is_control) {
        return None;
    }
    if is_plain(&shown) {
        Some(Ok(()))
    } else if is_plain(&lower) {
        wrong("its name has an upper-case letter", format!("rename it to `{lower}`: {RENAME}"))
    } else {
        wrong("its name has a character that isn't allowed", RENAME.to_owned())
    }
}

const REGULAR: &str = "remove it, or replace it with a regular file: each entry of `specs/` is read as a file";
const RENAME: &str = "use lower-case letters, digits, `.`, `_` and `-` only";
const TOO_LARGE: &str = "it is larger than 1 MiB";
const SMALLER: &str = "keep the operations that tokens need, and the schemas that they refer to";

/// Reads a spec, unless it is too large.
fn text(path: &Path) -> Result<String, Wrong> {
    let mut bytes = Vec::new();
    // The file may have grown since its metadata was read.
    let read = File::open(path).and_then(|file| file.take(MAX_SIZE + 1).read_to_end(&mut bytes));
    read.map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err((TOO_LARGE.to_owned(), SMALLER.to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let message = format!("it is not UTF-8 after byte {}", error.utf8_error().valid_up_to());
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

    /// Finds the repository of the tests, as the program does.
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
