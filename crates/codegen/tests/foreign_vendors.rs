//! Fragments of vendors that this repository doesn't have, each with features that the first three lack. They are generated,
//! compiled, and run against a server on loopback by the tests of each crate. Their adapters are compiled into a copy of the
//! facade, and `fixtures/behaviour` runs all of them against the sandbox.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Cargo runs the tests in the folder of their package.
fn repository() -> &'static Path {
    Path::new("../..")
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy(&from.join(&name), &to.join(&name));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

/// Creates a workspace of the fragments, the facade, and the crates that generated crates depend on.
fn workspace() -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("foreign");
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(root.join("crates")).unwrap();
    let manifest = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    let manifest = manifest.replace("members = [\"crates/*\", \"xtask\"]", "members = [\"crates/*\"]");
    // A version of its own: otherwise cargo mistakes what it builds here for the same crates of the repository.
    let manifest = manifest.replacen("version = \"0.1.0\"", "version = \"0.1.999\"", 1);
    fs::write(root.join("Cargo.toml"), manifest).unwrap();
    copy(&repository().join("Cargo.lock"), &root.join("Cargo.lock"));
    for folder in ["crates/wire", "crates/testing", "crates/freshtoken"] {
        copy(&repository().join(folder), &root.join(folder));
    }
    copy(&repository().join("crates/codegen/tests/fixtures/vendors"), &root.join("specs"));
    root
}

/// Makes every warning of the generated code an error, as in the CI of a user who denies warnings.
fn deny_warnings(root: &Path) {
    for folder in sorted(&root.join("crates")).iter().filter(|folder| !folder.ends_with("wire")) {
        let path = folder.join("Cargo.toml");
        let manifest = fs::read_to_string(&path).unwrap();
        assert!(manifest.contains(LINTS), "{manifest}");
        fs::write(path, manifest.replace(LINTS, DENIED)).unwrap();
    }
}

/// `shuttle` is a cfg of the facade's tests.
const DENIED: &str = "[lints.rust]
warnings = { level = \"deny\", priority = -1 }
unexpected_cfgs = { level = \"deny\", check-cfg = [\"cfg(shuttle)\"] }
";

const LINTS: &str = "[lints]\nworkspace = true\n";

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[track_caller]
fn succeeds(output: &Output) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
}

#[test]
#[ignore = "builds a workspace with cargo: see .ci/run"]
fn fragments_of_other_vendors_generate_compile_and_pass_their_tests() {
    let root = workspace();
    let generator = env!("CARGO_BIN_EXE_freshtoken-codegen");
    let generated = Command::new(generator).arg("gen").current_dir(&root).env_remove("CARGO_MANIFEST_DIR").output();
    succeeds(&generated.unwrap());
    deny_warnings(&root);

    // Reuses the dependencies that this workspace has built, without network.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let tested = Command::new(env!("CARGO"))
        .args([
            "test",
            "--workspace",
            "--exclude",
            "freshtoken-wire",
            "--exclude",
            "freshtoken-testing",
            "--exclude",
            "freshtoken",
            "--offline",
            "--quiet",
        ])
        .current_dir(&root)
        .env("CARGO_TARGET_DIR", target)
        .env("INSTA_UPDATE", "always")
        .env("INSTA_WORKSPACE_ROOT", &root)
        .output();
    succeeds(&tested.unwrap());

    let adapters: Vec<PathBuf> = sorted(&root.join("crates/freshtoken/src/vendors"));
    let vendors: Vec<String> = sorted(&root.join("specs"))
        .iter()
        .filter_map(|path| path.file_name()?.to_str()?.strip_suffix(".yaml"))
        .map(|name| if name.starts_with(char::is_numeric) { format!("_{name}") } else { name.replace('-', "_") })
        .collect();
    assert_eq!(adapters.len(), vendors.len() + 1, "an adapter each, and the list of them: {adapters:?}");
    copy(Path::new("tests/fixtures/behaviour"), &root.join("crates/freshtoken/tests/foreign"));
    let built = Command::new(env!("CARGO"))
        .args(["build", "--workspace", "--bin", "freshtoken-sandbox", "--offline", "--quiet"])
        .current_dir(repository())
        .env("CARGO_TARGET_DIR", target)
        .output();
    succeeds(&built.unwrap());
    let sandbox = target.join("debug/freshtoken-sandbox").with_extension(std::env::consts::EXE_EXTENSION);
    let facade = Command::new(sandbox)
        .args(["--specs", "specs", "--", env!("CARGO")])
        .args(["test", "--package", "freshtoken", "--test", "foreign", "--offline", "--quiet", "--features"])
        .arg(vendors.join(","))
        .current_dir(&root)
        .env("CARGO_TARGET_DIR", target)
        .output();
    succeeds(&facade.unwrap());
    for vendor in [
        "appish",
        "assertish",
        "basicish",
        "bearerish",
        "choosish",
        "consentish",
        "hostish",
        "limitish",
        "madeish",
        "prolongish",
        "renewish",
        "rotatish",
        "selfish",
        "sharish",
        "shopish",
        "stripish",
        "thenish",
    ] {
        let adapter = fs::read_to_string(root.join(format!("crates/freshtoken/src/vendors/{vendor}.rs"))).unwrap();
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(format!("adapter_{vendor}"), adapter) });
    }
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!("requests", requests(&root)) });
}

/// Returns the snapshots of all requests in one text.
fn requests(root: &Path) -> String {
    let mut shapes = String::new();
    for folder in sorted(&root.join("crates"))
        .iter()
        .map(|path| path.join("tests/shapes/snapshots/requests"))
        .filter(|path| path.is_dir())
    {
        for file in sorted(&folder) {
            let text = fs::read_to_string(&file).unwrap();
            let shape = text.splitn(3, "---\n").nth(2).unwrap();
            shapes += &format!("{}\n\n{}\n\n\n", file.strip_prefix(root).unwrap().display(), shape.trim_end());
        }
    }
    shapes
}
