//! The changes that bring the disk up to date. Planning is pure; only `read` and `apply` touch the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use similar::TextDiff;

use crate::emit::Files;
use crate::emit::header::MARK;
use crate::workspace::facade::{MANIFEST, VENDORS};

/// The files of the generated crates as they are on disk.
pub type Found = BTreeMap<String, There>;

/// A file on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum There {
    /// It is as it should be.
    Same,
    /// It is another text.
    Text(String),
    /// It isn't UTF-8.
    NotText,
}

/// The changes.
#[derive(Debug, Default, PartialEq)]
pub struct Plan {
    /// Path, old content, new content.
    pub write: Vec<(String, Option<String>, String)>,
    /// Path, old content.
    pub delete: Vec<(String, String)>,
    /// Files in generated crates that weren't generated. They stay.
    pub kept: Vec<String>,
}

/// Plans the changes from `found` to `wanted`. Deletes only generated files, and snapshots that no test takes.
///
/// # Errors
///
/// The paths of files that weren't generated, and that a generated file would replace.
pub fn plan(wanted: Files, snapshots: &BTreeSet<String>, found: &Found) -> Result<Plan, Vec<String>> {
    let mut plan = Plan::default();
    let mut in_the_way = Vec::new();
    let orphans: Vec<_> = found.iter().filter(|(path, _)| !wanted.contains_key(*path)).collect();
    // The texts are moved: a copy of each would take as much memory again.
    for (path, text) in wanted {
        match found.get(&path) {
            Some(There::Same) => {}
            Some(There::Text(there)) if *there == text => {}
            Some(There::Text(there)) if is_generated(&path, there) => {
                plan.write.push((path, Some(there.clone()), text));
            }
            Some(There::Text(_) | There::NotText) => in_the_way.push(path),
            None => plan.write.push((path, None, text)),
        }
    }
    for (path, there) in orphans {
        let is_snapshot =
            path.contains("/tests/shapes/snapshots/") && (path.ends_with(".snap") || path.ends_with(".snap.new"));
        match there {
            _ if is_snapshot && snapshots.contains(path.trim_end_matches(".new")) => {}
            There::Text(text) if is_snapshot || is_generated(path, text) => {
                plan.delete.push((path.clone(), text.clone()))
            }
            _ => plan.kept.push(path.clone()),
        }
    }
    if in_the_way.is_empty() { Ok(plan) } else { Err(in_the_way) }
}

fn is_generated(path: &str, text: &str) -> bool {
    // JSON has no comments for the mark. The facade's manifest has none either: only two regions of it are generated.
    path.ends_with(".json") || path == MANIFEST || text.lines().next().is_some_and(|first| first.contains(MARK))
}

impl Plan {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.write.is_empty() && self.delete.is_empty()
    }

    /// Returns the changes as unified diffs.
    pub fn diff(&self) -> String {
        let changed =
            self.write.iter().map(|(path, old, new)| (path, old.as_deref().unwrap_or_default(), new.as_str()));
        let deleted = self.delete.iter().map(|(path, old)| (path, old.as_str(), ""));
        changed
            .chain(deleted)
            .map(|(path, old, new)| {
                let name = |text: &str, side: &str| {
                    if text.is_empty() { "/dev/null".to_owned() } else { format!("{side}/{path}") }
                };
                let diff = TextDiff::from_lines(old, new);
                diff.unified_diff().header(&name(old, "a"), &name(new, "b")).to_string()
            })
            .collect()
    }
}

/// Reads the files of the generated crates in the folder `out` of `root`, and those at the wanted paths.
pub fn read(root: &Path, out: &str, wanted: &Files, only: Option<&BTreeSet<String>>) -> io::Result<Found> {
    let mut found = Found::new();
    for path in wanted.keys() {
        add(root, path, wanted, &mut found)?;
    }
    let has_facade = wanted.contains_key(MANIFEST);
    list(root, out, has_facade, only, &mut |path| {
        if found.contains_key(path) { Ok(()) } else { add(root, path, wanted, &mut found) }
    })?;
    Ok(found)
}

/// Calls `each` with the path of every file that may be generated: all in generated crates, and the adapters of the facade.
pub fn list(
    root: &Path,
    out: &str,
    has_facade: bool,
    only: Option<&BTreeSet<String>>,
    each: &mut dyn FnMut(&str) -> io::Result<()>,
) -> io::Result<()> {
    let crates = root.join(out);
    for entry in if crates.is_dir() { fs::read_dir(&crates)?.collect() } else { Vec::new() } {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let name = if out.is_empty() { name } else { format!("{out}/{name}") };
        let is_asked_for = only.is_none_or(|only| only.contains(&name));
        let manifest = fs::read_to_string(root.join(&name).join("Cargo.toml")).unwrap_or_default();
        if is_asked_for && is_generated("Cargo.toml", &manifest) {
            walk(root, &name, each)?;
        }
    }
    let vendors = root.join(VENDORS);
    // Without the facade, nothing in this folder is generated.
    for entry in if has_facade && vendors.is_dir() { fs::read_dir(&vendors)?.collect() } else { Vec::new() } {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let is_asked_for = only.is_none_or(|only| only.contains(&format!("crates/{}", name.trim_end_matches(".rs"))));
        if is_asked_for && name.ends_with(".rs") {
            each(&format!("{VENDORS}/{name}"))?;
        }
    }
    Ok(())
}

fn walk(root: &Path, folder: &str, each: &mut dyn FnMut(&str) -> io::Result<()>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        match entry.file_type()? {
            kind if kind.is_dir() && entry.file_name() == "target" => {}
            kind if kind.is_dir() => walk(root, &path, each)?,
            _ => each(&path)?,
        }
    }
    Ok(())
}

/// Adds a file if it exists. Only what differs is kept in memory.
fn add(root: &Path, path: &str, wanted: &Files, found: &mut Found) -> io::Result<()> {
    match fs::read(root.join(path)) {
        Ok(bytes) => {
            let is_wanted = wanted.get(path).is_some_and(|text| text.as_bytes() == bytes);
            let there =
                if is_wanted { There::Same } else { String::from_utf8(bytes).map_or(There::NotText, There::Text) };
            found.insert(path.to_owned(), there);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), format!("{path}: {error}"))),
    }
}

/// Applies the changes.
pub fn apply(root: &Path, plan: &Plan) -> io::Result<()> {
    for (path, _, text) in &plan.write {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)?;
    }
    for (path, _) in &plan.delete {
        fs::remove_file(root.join(path))?;
        // Removes the folders that are empty now.
        let mut folder = root.join(path);
        while folder.pop() && folder != *root && fs::remove_dir(&folder).is_ok() {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(entries: &[(&str, &str)]) -> Files {
        entries.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    fn found(entries: &[(&str, &str)]) -> Found {
        entries.iter().map(|(path, text)| ((*path).to_owned(), There::Text((*text).to_owned()))).collect()
    }

    #[test]
    fn an_equal_file_is_left_alone() {
        let plan = plan(files(&[("crates/a/x.rs", "same")]), &BTreeSet::new(), &found(&[("crates/a/x.rs", "same")]));
        assert!(plan.unwrap().is_empty());
    }

    #[test]
    fn a_generated_orphan_is_deleted_and_other_files_stay() {
        let there = found(&[("crates/a/old.rs", "// @generated by x\n"), ("crates/a/mine.rs", "fn mine() {}\n")]);
        let plan = plan(Files::new(), &BTreeSet::new(), &there).unwrap();
        assert_eq!(plan.delete.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["crates/a/old.rs"]);
        assert_eq!(plan.kept, ["crates/a/mine.rs"]);
    }

    #[test]
    fn a_file_that_is_not_generated_is_never_overwritten() {
        let there = found(&[("crates/a/x.rs", "fn mine() {}\n")]);
        let error = plan(files(&[("crates/a/x.rs", "// @generated\n")]), &BTreeSet::new(), &there).unwrap_err();
        assert_eq!(error, ["crates/a/x.rs"]);
    }

    #[test]
    fn a_snapshot_that_no_test_takes_is_deleted() {
        let taken = BTreeSet::from(["crates/a/tests/shapes/snapshots/one.snap".to_owned()]);
        let there = found(&[
            ("crates/a/tests/shapes/snapshots/one.snap", "1"),
            ("crates/a/tests/shapes/snapshots/one.snap.new", "1"),
            ("crates/a/tests/shapes/snapshots/two.snap", "2"),
        ]);
        let plan = plan(Files::new(), &taken, &there).unwrap();
        assert_eq!(plan.delete, [("crates/a/tests/shapes/snapshots/two.snap".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn a_diff_shows_each_change() {
        let plan = Plan {
            write: vec![("crates/a/x.rs".to_owned(), Some("old\n".to_owned()), "new\n".to_owned())],
            ..Plan::default()
        };
        assert_eq!(plan.diff(), "--- a/crates/a/x.rs\n+++ b/crates/a/x.rs\n@@ -1 +1 @@\n-old\n+new\n");
    }
}
