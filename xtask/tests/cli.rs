//! The command line: the real binary, on a repository in a temporary folder.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

/// A repository with the specs of this one.
struct Repository(PathBuf);

impl Repository {
    fn new(test: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("specs")).unwrap();
        fs::create_dir_all(root.join("xtask")).unwrap();
        // Cargo runs the tests in the folder of their package.
        let specs = Path::new("../specs");
        for vendor in ["voucherify", "wellnessliving", "zenoti"] {
            let name = format!("{vendor}.yaml");
            fs::copy(specs.join(&name), root.join("specs").join(&name)).unwrap();
        }
        Self(root)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.args(arguments).env("CARGO_MANIFEST_DIR", self.0.join("xtask"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.0.join(path)).unwrap();
        assert!(text.contains(from), "{path} has no {from}");
        self.write(path, &text.replacen(from, to, 1));
    }

    fn exists(&self, path: &str) -> bool {
        self.0.join(path).exists()
    }

    /// Every file with its text and when it was written.
    fn files(&self) -> BTreeMap<PathBuf, (String, SystemTime)> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.0.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    // What is in the build folder is not generated.
                    folders.extend(Some(path).filter(|path| !path.ends_with("target")));
                } else {
                    let written = fs::metadata(&path).unwrap().modified().unwrap();
                    files.insert(path.clone(), (fs::read_to_string(path).unwrap(), written));
                }
            }
        }
        files
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(output));
    text(output)
}

#[track_caller]
fn fails(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", text(output));
    text(output)
}

#[test]
fn a_second_run_touches_no_file() {
    let repository = Repository::new("second_run");
    succeeds(&repository.run(&["gen"]));
    let first = repository.files();
    assert!(succeeds(&repository.run(&["gen"])).contains("0 files written, 0 removed"));
    assert_eq!(repository.files(), first);
}

#[test]
fn a_second_run_repeats_warnings_without_generating_again() {
    let repository = Repository::new("repeated_warnings");
    let fragment = "openapi: 3.0.3\ninfo: { title: Acme, version: '1' }\nservers: [{ url: 'https://acme.example' }]\npaths:\n  \
                    /a: { post: { operationId: a, summary: A., responses: { '204': { description: Done. } } } }\n";
    repository.write("specs/acme.yaml", fragment);
    let build = repository.0.join("target");
    let run = || succeeds(&repository.command(&["gen"]).env("CARGO_TARGET_DIR", &build).output().unwrap());
    // A run that uses a stamp writes none.
    let stamp =
        || fs::metadata(fs::read_dir(&build).unwrap().next().unwrap().unwrap().path()).unwrap().modified().unwrap();
    run();
    repository.write("crates/zenoti/notes.md", "mine\n");
    let first = run();
    let written = stamp();
    for shown in [first, run()] {
        assert!(shown.contains("has no `x-token`") && shown.contains("kept crates/zenoti/notes.md"), "{shown}");
    }
    assert_eq!(stamp(), written);
}

#[test]
fn a_second_run_still_sees_what_has_changed() {
    let repository = Repository::new("second_run_with_changes");
    succeeds(&repository.run(&["gen"]));
    let fresh = repository.files();
    let is_restored = |repository: &Repository| {
        let texts = |files: &BTreeMap<PathBuf, (String, SystemTime)>| {
            files.iter().map(|(path, (text, _))| (path.clone(), text.clone())).collect::<Vec<_>>()
        };
        succeeds(&repository.run(&["gen"]));
        texts(&repository.files()) == texts(&fresh)
    };
    repository.edit("crates/zenoti/src/types.rs", "pub struct", "pub  struct");
    assert!(is_restored(&repository), "an edited file");
    fs::remove_file(repository.0.join("crates/zenoti/src/types.rs")).unwrap();
    assert!(is_restored(&repository), "a lost file");
    repository.write("crates/zenoti/tests/shapes/snapshots/requests/old.snap", "");
    assert!(is_restored(&repository), "an orphan");
    repository.edit("specs/zenoti.yaml", "/v1/tokens:", "/v2/tokens:");
    assert!(!is_restored(&repository), "another spec");
}

#[test]
fn a_copied_program_works_on_the_checkout_around_it() {
    let repository = Repository::new("copied_program");
    repository.write("Cargo.toml", "[workspace]\nmembers = [\"crates/*\", \"xtask\"]\n");
    repository.write("target/debug/notes.txt", "");
    let program = repository.0.join("target/debug/xtask");
    // A link, since a copy may still be open for writing in a process that another test starts, and then can't be run.
    fs::hard_link(env!("CARGO_BIN_EXE_xtask"), &program).unwrap();
    let run = |folder: &Path| {
        let mut command = Command::new(&program);
        command.args(["gen", "zenoti"]).current_dir(folder).env_remove("CARGO_MANIFEST_DIR").output().unwrap()
    };
    succeeds(&run(&repository.0.join("specs")));
    assert!(repository.exists("crates/zenoti/src/client.rs"));

    let outside = std::env::temp_dir();
    let shown = fails(&run(&outside));
    assert!(shown.contains("run it in the repository"), "{shown}");
}

#[test]
fn two_machines_generate_the_same_bytes() {
    let texts = |test: &str| {
        let repository = Repository::new(test);
        succeeds(&repository.run(&["gen"]));
        let files = repository.files().into_iter();
        files.map(|(path, (text, _))| (path.strip_prefix(&repository.0).unwrap().to_owned(), text)).collect::<Vec<_>>()
    };
    assert_eq!(texts("one_machine"), texts("another_machine"));
}

#[test]
fn check_shows_what_is_stale_and_writes_nothing() {
    let repository = Repository::new("check");
    succeeds(&repository.run(&["gen"]));
    assert!(succeeds(&repository.run(&["gen", "--check"])).contains("every generated file is fresh"));

    repository.edit("specs/zenoti.yaml", "/v1/tokens:", "/v2/tokens:");
    let before = repository.files();
    let shown = fails(&repository.run(&["gen", "--check"]));
    assert!(
        shown.contains("--- a/crates/zenoti/src/progenitor.rs\n+++ b/crates/zenoti/src/progenitor.rs\n"),
        "{shown}"
    );
    assert!(shown.contains("\n-        let url = self.inner.url(\"/v1/tokens\")"), "{shown}");
    assert!(shown.contains("\n+        let url = self.inner.url(\"/v2/tokens\")"), "{shown}");
    assert!(shown.contains("run `cargo xtask gen`"), "{shown}");
    assert_eq!(repository.files(), before);

    assert!(
        succeeds(&repository.run(&["gen", "--check", "voucherify"])).contains("fresh"),
        "only the given vendor is checked"
    );
}

#[test]
fn without_its_spec_generated_files_are_deleted_and_others_stay() {
    let repository = Repository::new("removed_spec");
    succeeds(&repository.run(&["gen"]));
    repository.write("crates/zenoti/tests/shapes/snapshots/requests/revoke_tokens.snap", "a snapshot\n");
    repository.write("crates/voucherify/notes.md", "mine\n");
    fs::remove_file(repository.0.join("specs/zenoti.yaml")).unwrap();
    fs::remove_file(repository.0.join("specs/voucherify.yaml")).unwrap();

    let shown = succeeds(&repository.run(&["gen"]));
    assert!(!repository.exists("crates/zenoti"));
    assert!(repository.exists("crates/voucherify/notes.md") && !repository.exists("crates/voucherify/Cargo.toml"));
    assert!(shown.contains("kept crates/voucherify/notes.md"), "{shown}");
    assert!(repository.exists("crates/wellnessliving/Cargo.toml"));
}

#[cfg(unix)]
#[test]
fn the_demo_needs_fresh_crates_and_gets_its_arguments() {
    let repository = Repository::new("demo");
    let demo = || {
        let mut command = repository.command(&["demo", "--vendor", "zenoti", "--help"]);
        command.env("CARGO", "echo").output().unwrap()
    };
    assert!(fails(&demo()).contains("files are stale: run `cargo xtask gen`"));
    succeeds(&repository.run(&["gen"]));
    let shown = succeeds(&demo());
    assert!(shown.contains("run --quiet --package freshtoken-demo -- --vendor zenoti --help\n"), "{shown}");
}

/// The manifest of a facade, with its two regions.
const FACADE: &str = "[package]\nname = \"freshtoken\"\n\n[features]\nrustls = []\n# vendors begin\n# vendors end\n\n\
                      [dependencies]\nhttp = \"1\"\n# vendors begin\n# vendors end\n";

#[test]
fn the_facade_gets_a_module_a_feature_and_a_dependency_per_vendor() {
    let repository = Repository::new("facade");
    repository.write("Cargo.toml", "[workspace.package]\nversion = \"1.2.3\"\n");
    repository.write("crates/freshtoken/Cargo.toml", FACADE);
    succeeds(&repository.run(&["gen"]));
    let manifest = || repository.files()[&repository.0.join("crates/freshtoken/Cargo.toml")].0.clone();
    assert!(manifest().contains("rustls = []\n# vendors begin\nvoucherify = [\"dep:freshtoken-voucherify\"]\n"));
    assert!(
        manifest()
            .contains("freshtoken-zenoti = { path = \"../zenoti\", version = \"1.2.3\", default-features = false")
    );
    assert!(repository.exists("crates/freshtoken/src/vendors/zenoti.rs"));
    assert!(succeeds(&repository.run(&["gen", "--check"])).contains("fresh"));

    // A run for some vendors keeps the others.
    let before = repository.files();
    succeeds(&repository.run(&["gen", "zenoti"]));
    assert_eq!(repository.files(), before);

    // A vendor without a spec loses them.
    fs::remove_file(repository.0.join("specs/zenoti.yaml")).unwrap();
    let shown = fails(&repository.run(&["gen", "--check"]));
    assert!(shown.contains("\n-zenoti = [\"dep:freshtoken-zenoti\"]\n"), "{shown}");
    assert!(shown.contains("--- a/crates/freshtoken/src/vendors/zenoti.rs\n+++ /dev/null"), "{shown}");
    succeeds(&repository.run(&["gen"]));
    assert!(!repository.exists("crates/freshtoken/src/vendors/zenoti.rs") && !manifest().contains("zenoti"));
    assert!(repository.exists("crates/freshtoken/src/vendors/voucherify.rs"));

    // Outside the regions, the manifest is written by hand.
    repository.edit("crates/freshtoken/Cargo.toml", "http = \"1\"", "http = \"2\"");
    assert!(succeeds(&repository.run(&["gen", "--check"])).contains("fresh"));
    repository.edit("crates/freshtoken/Cargo.toml", "# vendors end", "");
    let shown = fails(&repository.run(&["gen"]));
    assert!(shown.contains("crates/freshtoken/Cargo.toml") && shown.contains("# vendors begin"), "{shown}");
}

#[test]
fn without_a_facade_nothing_is_written_for_it() {
    let repository = Repository::new("no_facade");
    succeeds(&repository.run(&["gen"]));
    assert!(!repository.exists("crates/freshtoken"));
}

#[test]
fn with_an_error_all_problems_are_shown_and_nothing_is_written() {
    let repository = Repository::new("errors");
    repository.edit("specs/zenoti.yaml", "operationId: create_token\n", "operationID: create_token\n");
    repository.edit("specs/voucherify.yaml", "access-token: /access_token", "access-token: /acess_token");
    let before = repository.files();
    let shown = fails(&repository.run(&["gen"]));
    assert!(shown.contains("specs/zenoti.yaml:") && shown.contains("`operationID`"), "{shown}");
    assert!(shown.contains("specs/voucherify.yaml:") && shown.contains("/acess_token"), "{shown}");
    assert!(shown.contains("nothing was written"), "{shown}");
    assert_eq!(repository.files(), before);
}

#[cfg(unix)]
#[test]
fn every_unusable_file_in_specs_is_reported_among_other_problems() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    let repository = Repository::new("wrong_files");
    let specs = repository.0.join("specs");
    for name in ["con.yaml", "acme.YAML", "new\nline.yaml", "a b.yaml", "zenoti.yml", "tail.yaml\n"] {
        fs::copy(specs.join("zenoti.yaml"), specs.join(name)).unwrap();
    }
    fs::create_dir(specs.join("folder.yaml")).unwrap();
    fs::create_dir(specs.join("folder")).unwrap();
    symlink("nowhere", specs.join("dangling.yaml")).unwrap();
    symlink("/dev/zero", specs.join("endless.yaml")).unwrap();
    assert!(Command::new("mkfifo").arg(specs.join("pipe.yaml")).status().unwrap().success());
    fs::write(specs.join(std::ffi::OsStr::from_bytes(b"latin-\xe9.yaml")), "").unwrap();
    fs::write(specs.join("large.yaml"), " ".repeat(1024 * 1024 + 1)).unwrap();
    fs::write(specs.join("latin.yaml"), b"openapi: \xe9").unwrap();
    repository.edit("specs/voucherify.yaml", "access-token: /access_token", "access-token: /acess_token");
    // These aren't specs, so they are ignored.
    for name in
        ["README.md", "x-token.schema.json", "notes.txt", "zenoti.yaml.orig", ".zenoti.yaml.swp", "#zenoti.yaml#"]
    {
        fs::write(specs.join(name), b"\0\xff").unwrap();
    }

    let shown = fails(&repository.run(&["gen"]));
    let headlines: Vec<&str> = shown.lines().filter(|line| line.starts_with("error: specs/")).collect();
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!("wrong_files", headlines.join("\n")) });
    assert!(!repository.exists("crates"));
}

#[test]
fn new_refuses_a_name_that_a_file_cannot_have() {
    let repository = Repository::new("new_names");
    let before = repository.files();
    for name in ["../evil", "a: b", "a/b", "Acme", "acme.yaml", "con", "", ".hidden", "a\nerror: b", "--", "größe"] {
        let shown = fails(&repository.run(&["new", "--", name]));
        assert!(shown.starts_with("error: specs/"), "{shown}");
        assert_eq!(shown.lines().filter(|line| line.starts_with("error")).count(), 1, "{shown}");
    }
    assert_eq!(repository.files(), before);
    repository.write("specs/acme.yml", "");
    assert!(fails(&repository.run(&["new", "acme"])).contains("specs/acme.yml already exists"));
}

#[test]
fn control_characters_of_a_spec_reach_neither_terminal_nor_files() {
    let repository = Repository::new("control_characters");
    succeeds(&repository.run(&["new", "acme"]));
    let edit = |from: &str, to: &str| repository.edit("specs/acme.yaml", from, to);
    edit("title: VENDOR tokens".replace("VENDOR", "acme").as_str(), r#"title: "A\ecme\0\n@generated""#);
    edit("\"What this covers, how certain it is, and its source.\"", r#""One\0 two\e[2J.\r\n\tThree\x85 four.""#);
    edit("description: The only server.", r#"description: "The \0only\e server.""#);
    edit("summary: Log in with the client's own credentials.", r#"summary: "Log in\0 \e[31m now.""#);
    edit("description: The client's secret.", r#"default: "\0\e", description: "The\0 secret.""#);
    edit("description: The code.", r#"example: "\e", title: "\0", description: "The\e code.""#);
    edit("description: The request was refused.", r#"description: "Re\0fused\e.""#);
    repository.write("Cargo.toml", "[workspace.package]\nversion = \"1.2.3\"\n");
    repository.write("crates/freshtoken/Cargo.toml", FACADE);
    let shown = succeeds(&repository.run(&["gen", "acme"]));
    assert!(!shown.contains(['\0', '\x1b']), "{shown}");
    for (path, (text, _)) in repository.files().iter().filter(|(path, _)| !path.starts_with(repository.0.join("specs")))
    {
        let is_wrong = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        assert!(
            !text.contains(is_wrong),
            "{}: {:?}",
            path.display(),
            text.lines().find(|line| line.contains(is_wrong))
        );
    }

    repository.edit("specs/acme.yaml", "paths:\n", "\"x\\nerror: all is well\\e[2J\": 1\npaths:\n");
    let shown = fails(&repository.run(&["gen", "acme"]));
    assert_eq!(shown.lines().filter(|line| line.starts_with("error")).count(), 1, "{shown}");
    assert!(shown.contains(r"`x\nerror: all is well\u{1b}[2J`"), "{shown}");
}

#[test]
fn a_file_that_is_not_generated_is_never_overwritten() {
    let repository = Repository::new("in_the_way");
    repository.write("crates/zenoti/Cargo.toml", "[package]\nname = \"mine\"\n");
    let before = repository.files();
    let shown = fails(&repository.run(&["gen"]));
    assert!(shown.contains("crates/zenoti/Cargo.toml is not generated"), "{shown}");
    assert_eq!(repository.files(), before);
}

#[test]
fn only_the_given_vendors_are_generated() {
    let repository = Repository::new("subset");
    succeeds(&repository.run(&["gen", "zenoti"]));
    assert!(repository.exists("crates/zenoti/src/lib.rs") && !repository.exists("crates/voucherify"));
    let shown = fails(&repository.run(&["gen", "zenotti"]));
    assert!(shown.contains("specs/zenotti.yaml") && shown.contains("voucherify, wellnessliving, zenoti"), "{shown}");
}

#[test]
fn a_pipe_gets_no_colours() {
    let repository = Repository::new("colours");
    repository.write("specs/empty.yaml", "");
    let shown = fails(&repository.run(&["gen"]));
    assert!(!shown.contains('\x1b'), "{shown}");
}

#[test]
fn new_writes_a_fragment_that_passes_gen_and_overwrites_none() {
    let repository = Repository::new("new");
    succeeds(&repository.run(&["new", "acme"]));
    let fragment = fs::read_to_string(repository.0.join("specs/acme.yaml")).unwrap();
    assert!((50..=75).contains(&fragment.lines().count()), "about 60 lines: {}", fragment.lines().count());
    let shown = succeeds(&repository.run(&["gen", "acme"]));
    assert!(!shown.contains("warning"), "{shown}");
    assert!(repository.exists("crates/acme/src/client.rs"));

    repository.edit("specs/acme.yaml", "acme tokens", "mine");
    let before = repository.files();
    assert!(fails(&repository.run(&["new", "acme"])).contains("already exists"));
    assert!(fails(&repository.run(&["new", "wire"])).contains("wire"), "the name of a crate of the workspace");
    assert_eq!(repository.files(), before);
}

#[test]
fn help_has_examples() {
    let repository = Repository::new("help");
    for arguments in [&["--help"][..], &["gen", "--help"], &["new", "--help"]] {
        let shown = succeeds(&repository.run(arguments));
        assert!(shown.contains("Example") && shown.contains("cargo xtask"), "{shown}");
    }
}
