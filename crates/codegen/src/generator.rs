//! The generator as a whole: it reads a repository, prints what is wrong or has changed, and returns the exit code.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anstream::{eprintln, print, println};

use crate::diagnostic::visible;
use crate::new;
use crate::new::Like;
use crate::pipeline::{generate, on_this_thread_too};
use crate::program::program;
use crate::read::folder;
use crate::read::folder::Source;
use crate::report::{coloured, report, shown};
use crate::repository::folders::Folders;
use crate::repository::origin::Origin;
use crate::vendor::Vendor;
use crate::workspace::Workspace;
use crate::workspace::facade;
use crate::workspace::stamp::{Stamp, Unchanged};
use crate::workspace::sync;
use crate::workspace::sync::Plan;

/// Progress is shown, a line per vendor, if generating takes longer than this.
const SHOW_PROGRESS_AFTER: Duration = Duration::from_millis(500);

/// Whether `gen` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Writes what has changed.
    Write,
    /// Changes nothing: shows what is stale as a diff, and makes the exit code 1.
    Check,
}

/// Generates vendor crates in a repository.
///
/// # Examples
///
/// A task of an xtask:
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use freshtoken_codegen::generator::{Generator, Mode};
///
/// fn generate() -> std::io::Result<ExitCode> {
///     Generator::new(".").specs("specs")?.out("crates")?.generate(Mode::Write, &[])
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Generator {
    root: PathBuf,
    folders: Folders,
    freshtoken: Option<Origin>,
}

impl Generator {
    /// Creates a generator that works in a folder, usually the root of a repository: fragments are in `specs`, crates in
    /// `crates`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), folders: Folders::default(), freshtoken: None }
    }

    /// Sets the folder of the fragments.
    ///
    /// # Errors
    ///
    /// If the folder is not below the one that the generator works in.
    pub fn specs(mut self, folder: &str) -> io::Result<Self> {
        self.folders.specs = Folders::tidy(folder)?;
        Ok(self)
    }

    /// Sets the folder of the crates.
    ///
    /// # Errors
    ///
    /// If the folder is not below the one that the generator works in.
    pub fn out(mut self, folder: &str) -> io::Result<Self> {
        self.folders.out = Folders::tidy(folder)?;
        Ok(self)
    }

    /// Sets where the crates get the crates of freshtoken from.
    ///
    /// Without it, they inherit them from `[workspace.dependencies]` if it has them. Otherwise, they stay with what they have,
    /// and new ones get [`Origin::of_this_generator`].
    pub fn freshtoken(mut self, origin: Origin) -> Self {
        self.freshtoken = Some(origin);
        self
    }

    /// Generates the crates of these vendors, or of all, and writes what has changed or shows it as a diff.
    ///
    /// # Errors
    ///
    /// If the repository cannot be read or written. Problems of the specs are printed, and make the exit code 1.
    pub fn generate(&self, mode: Mode, vendors: &[String]) -> io::Result<ExitCode> {
        let started = Instant::now();
        // It fails if the threads run already, and then they are used as they are.
        let _ = on_this_thread_too();
        if !self.root.join(&self.folders.specs).is_dir() {
            let message = format!("there is no folder `{}`: run `{} new VENDOR` first", self.folders.specs, program());
            return Err(io::Error::other(message));
        }
        let (sources, mut diagnostics) = folder::read(&self.root, &self.folders.specs, vendors)?;
        let count = sources.len();
        let done = AtomicUsize::new(0);
        let workspace = self.workspace()?;
        let stamp = self.stamp(mode, vendors, &sources, &workspace).filter(|_| diagnostics.is_empty());
        if let Some(unchanged) = stamp.as_ref().and_then(|stamp| stamp.unchanged(&self.root, &self.folders.out)) {
            unchanged.messages.iter().for_each(|message| eprintln!("{message}"));
            println!("{count} specs, 0 files written, 0 removed");
            ask_for_snapshots(unchanged.missing_snapshots);
            return Ok(ExitCode::SUCCESS);
        }
        let workspace = if vendors.is_empty() { workspace } else { workspace.partial() };
        let generated = generate(&sources, &workspace, |file| {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if started.elapsed() > SHOW_PROGRESS_AFTER {
                eprintln!("generating {file} ({done} of {count})");
            }
        });
        let mut generated = match generated {
            Ok(generated) if diagnostics.is_empty() => generated,
            Ok(_) => return Ok(report(&diagnostics)),
            Err(found) => {
                diagnostics.extend(found);
                return Ok(report(&diagnostics));
            }
        };
        let mut messages: Vec<String> = generated.warnings.iter().map(shown).collect();
        messages.iter().for_each(|message| eprintln!("{message}"));
        generated.files.extend(self.new_workspace(&workspace));
        let only: Option<BTreeSet<String>> = (!vendors.is_empty()).then(|| {
            let roots = sources.iter().filter_map(|source| Vendor::from_file(&source.file).ok());
            roots.map(|vendor| self.folders.of_crate(vendor.ident())).collect()
        });
        let found = sync::read(&self.root, &self.folders.out, &generated.files, only.as_ref())?;
        let wanted: Vec<String> = generated.files.keys().cloned().collect();
        let plan = match sync::plan(generated.files, &generated.snapshots, &found) {
            Ok(plan) => plan,
            Err(paths) => return Ok(report_obstacles(&paths)),
        };
        for path in &plan.kept {
            let message = format!("kept {}: it is not generated", visible(path));
            eprintln!("{message}");
            messages.push(message);
        }
        if mode == Mode::Check {
            return Ok(report_stale(&plan, count, vendors));
        }
        sync::apply(&self.root, &plan)?;
        println!("{count} specs, {} files written, {} removed", plan.write.len(), plan.delete.len());
        let missing_snapshots = generated.snapshots.iter().filter(|path| !found.contains_key(*path)).count();
        ask_for_snapshots(missing_snapshots);
        if let Some(stamp) = stamp {
            stamp.write(&self.root, &self.folders.out, wanted, Unchanged { missing_snapshots, messages });
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Returns the stamp of a run that writes all crates.
    fn stamp(&self, mode: Mode, vendors: &[String], sources: &[Source], workspace: &Workspace) -> Option<Stamp> {
        if mode == Mode::Check || !vendors.is_empty() {
            return None;
        }
        let manifest = fs::read_to_string(self.root.join("Cargo.toml")).ok();
        // The next run finds the one that this run writes.
        let manifest = manifest.or_else(|| Some(self.new_workspace(workspace)?.1));
        let sources: Vec<_> = sources.iter().map(|source| (&source.file, &source.text)).collect();
        let folders = (&self.folders.specs, &self.folders.out);
        Some(Stamp::new(&self.root, (sources, folders, manifest, workspace.target.origin.to_string())))
    }

    /// Reads what the generator needs to know about the workspace.
    fn workspace(&self) -> io::Result<Workspace> {
        let read = |path: &str| match fs::read_to_string(self.root.join(path)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io::Error::new(error.kind(), format!("{path}: {error}"))),
        };
        let workspace = Workspace::new(&read("Cargo.toml")?.unwrap_or_default(), read(facade::MANIFEST)?);
        let origin = self.freshtoken.clone().or_else(|| self.known_origin());
        Ok(workspace.folders(self.folders.clone()).origin(origin.unwrap_or_else(Origin::of_this_generator)))
    }

    /// Returns the origin that a generated crate has already.
    fn known_origin(&self) -> Option<Origin> {
        let entries = fs::read_dir(self.root.join(&self.folders.out)).ok()?;
        let mut folders: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        folders.sort();
        folders.iter().find_map(|folder| Origin::of_manifest(&fs::read_to_string(folder.join("Cargo.toml")).ok()?))
    }

    /// Returns the manifest of a workspace, where none is around the crates: so that `cargo test` works in an empty repository.
    fn new_workspace(&self, workspace: &Workspace) -> Option<(String, String)> {
        let root = std::path::absolute(&self.root).unwrap_or_else(|_| self.root.clone());
        let has_manifest = root.ancestors().any(|folder| folder.join("Cargo.toml").exists());
        let members = self.folders.of_crate("*");
        let text = format!("[workspace]\nresolver = \"3\"\nmembers = [\"{members}\"]\n");
        (!workspace.target.is_home() && !has_manifest).then(|| ("Cargo.toml".to_owned(), text))
    }

    /// Writes a fragment for a new vendor to the folder of the fragments, which is created if need be.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. An unusable name or an existing file is reported, and makes the exit code 1.
    pub fn new_fragment(&self, name: &str, like: Like) -> io::Result<ExitCode> {
        let vendor = match Vendor::from_name(name) {
            Ok(vendor) => vendor,
            Err(diagnostic) => return Ok(report(&[diagnostic])),
        };
        let file = self.folders.beside_specs(&format!("{name}.yaml"));
        let exists = |file: &str| {
            eprintln!("\x1b[1;31merror\x1b[0m: {file} already exists; nothing was written");
            Ok(ExitCode::FAILURE)
        };
        let other = self.folders.beside_specs(&format!("{name}.yml"));
        if self.root.join(&other).symlink_metadata().is_ok() {
            return exists(&other);
        }
        fs::create_dir_all(self.root.join(&self.folders.specs))?;
        // `create_new`, so that an existing fragment is never overwritten.
        match fs::OpenOptions::new().write(true).create_new(true).open(self.root.join(&file)) {
            Ok(mut new) => io::Write::write_all(&mut new, new::fragment(&vendor, like).as_bytes())?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return exists(&file),
            Err(error) => return Err(io::Error::new(error.kind(), format!("{file}: {error}"))),
        }
        let program = program();
        println!("wrote {file}: edit it to match the vendor's API, then run `{program} gen {}`", vendor.stem());
        Ok(ExitCode::SUCCESS)
    }
}

/// Reports files that are not generated, where generated files would be.
fn report_obstacles(paths: &[String]) -> ExitCode {
    for path in paths {
        eprintln!("\x1b[1;31merror\x1b[0m: {} is not generated, and a generated file would replace it", visible(path));
    }
    eprintln!("  move these files, or rename the spec; nothing was written");
    ExitCode::FAILURE
}

/// Shows the changes that a run would write.
fn report_stale(plan: &Plan, count: usize, vendors: &[String]) -> ExitCode {
    if plan.is_empty() {
        println!("{count} specs, every generated file is fresh");
        return ExitCode::SUCCESS;
    }
    print!("{}", coloured(&plan.diff()));
    let names = vendors.iter().map(|name| format!(" {name}")).collect::<String>();
    let stale = plan.write.len() + plan.delete.len();
    eprintln!("{stale} files are stale: run `{} gen{names}`", program());
    ExitCode::FAILURE
}

/// Says how to take the snapshots that the tests of new crates and new examples lack.
fn ask_for_snapshots(missing: usize) {
    if missing > 0 {
        println!("{missing} snapshots are missing: run `INSTA_UPDATE=always cargo test`, and read what it writes");
    }
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    #[test]
    fn the_manifest_of_an_empty_repository_does_not_outdate_the_stamp() {
        let root = env::temp_dir().join(format!("codegen-empty-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root).unwrap();
        let generator = Generator::new(&root);
        let workspace = || generator.workspace().unwrap();
        let stamp = || generator.stamp(Mode::Write, &[], &[], &workspace()).unwrap();
        let first = stamp();
        let (path, text) = generator.new_workspace(&workspace()).unwrap();
        fs::write(root.join(&path), &text).unwrap();
        assert_eq!(stamp(), first);
        fs::write(root.join(&path), text + "[workspace.package]\nversion = \"1.2.3\"\n").unwrap();
        assert_ne!(stamp(), first);
        fs::remove_dir_all(&root).unwrap();
    }
}
