//! What the last run left behind: with the same inputs and the same files, the next run has nothing to do.
//!
//! Generating takes longer than reading everything that was generated. The stamp is in the build folder, so it is never
//! committed. `gen --check` does not use it.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::workspace::sync;

/// A stamp, and what it must be equal to.
#[derive(Debug, PartialEq, Eq)]
pub struct Stamp {
    file: PathBuf,
    inputs: u64,
}

/// The output that a run repeats if it has nothing to write.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Unchanged {
    /// How many snapshots are missing.
    pub missing_snapshots: usize,
    /// The warnings of the specs, and the files that are not generated.
    pub messages: Vec<String>,
}

/// The content of the file.
#[derive(Deserialize, Serialize)]
struct LastRun {
    /// The hash of the inputs.
    inputs: u64,
    /// The hash of the files after the run.
    files: u64,
    /// The files that the run wanted.
    wanted: Vec<String>,
    unchanged: Unchanged,
}

impl Stamp {
    /// Returns the stamp of a run in the folder `root` with these inputs: everything that the output depends on, besides the
    /// generator itself.
    pub fn new(root: &Path, inputs: impl Hash) -> Self {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        // Several repositories may share a build folder.
        let name = format!("freshtoken-codegen-{:016x}.stamp", hash_of(&root));
        Self { file: target.join(name), inputs: hash_of((inputs, root, generator())) }
    }

    /// Returns what the last run found, if inputs and files are what they were after it.
    pub fn unchanged(&self, root: &Path, out: &str) -> Option<Unchanged> {
        let last: LastRun = serde_json::from_slice(&fs::read(&self.file).ok()?).ok()?;
        let is_same = last.inputs == self.inputs && state_of(root, out, &last.wanted).ok()? == last.files;
        is_same.then_some(last.unchanged)
    }

    /// Writes the stamp after a run that wanted these files. Without it, the next run only takes longer, so no failure is
    /// reported.
    pub fn write(&self, root: &Path, out: &str, wanted: Vec<String>, unchanged: Unchanged) {
        let Ok(files) = state_of(root, out, &wanted) else { return };
        let last = LastRun { inputs: self.inputs, files, wanted, unchanged };
        if let (Some(folder), Ok(text)) = (self.file.parent(), serde_json::to_string(&last)) {
            let _ = fs::create_dir_all(folder).and_then(|()| fs::write(&self.file, text));
        }
    }
}

fn hash_of(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Returns what tells this generator from another one.
fn generator() -> Option<(PathBuf, u64, u128)> {
    let program = env::current_exe().ok()?;
    let metadata = fs::metadata(&program).ok()?;
    let written = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((program, metadata.len(), written.as_nanos()))
}

/// Returns a hash of all files that a run compares: those that it wants, and what else is in generated crates.
fn state_of(root: &Path, out: &str, wanted: &[String]) -> io::Result<u64> {
    let mut paths: BTreeSet<String> = wanted.iter().cloned().collect();
    sync::list(root, out, paths.contains(crate::workspace::facade::MANIFEST), None, &mut |path| {
        paths.insert(path.to_owned());
        Ok(())
    })?;
    let mut hasher = DefaultHasher::new();
    for path in paths {
        path.hash(&mut hasher);
        fs::read(root.join(&path))?.hash(&mut hasher);
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_inputs_and_the_same_files_are_unchanged() {
        let root = env::temp_dir().join(format!("codegen-stamp-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("crates/a/src")).unwrap();
        let write = |path: &str, text: &str| fs::write(root.join(path), text).unwrap();
        write("crates/a/Cargo.toml", "# @generated\n");
        write("crates/a/src/lib.rs", "// @generated\n");
        let wanted = ["crates/a/Cargo.toml", "crates/a/src/lib.rs"];
        let wanted = wanted.map(str::to_owned);
        let stamp = |inputs: &str| Stamp { file: root.join("target/stamp"), ..Stamp::new(&root, inputs) };
        let unchanged = |inputs: &str| stamp(inputs).unchanged(&root, "crates");

        assert_eq!(unchanged("one"), None, "there is no stamp yet");
        let found = Unchanged { missing_snapshots: 2, messages: vec!["a\nb\n".to_owned()] };
        stamp("one").write(&root, "crates", wanted.to_vec(), found.clone());
        assert_eq!(unchanged("one"), Some(found));
        assert_eq!(unchanged("two"), None);

        write("crates/a/src/lib.rs", "// edited\n");
        assert_eq!(unchanged("one"), None, "a file differs");
        write("crates/a/src/lib.rs", "// @generated\n");
        assert!(unchanged("one").is_some());
        write("crates/a/notes.md", "");
        assert_eq!(unchanged("one"), None, "there is another file");
        fs::remove_file(root.join("crates/a/notes.md")).unwrap();
        fs::remove_file(root.join("crates/a/src/lib.rs")).unwrap();
        assert_eq!(unchanged("one"), None, "a file is gone");
        fs::remove_dir_all(&root).unwrap();
    }
}
