//! A repository outside this one, as a user has it: each use that the README shows, with the README's own code. Two fragments
//! are generated as crates and tested, one of them is a module too, and token sources of both get tokens from the sandbox.
#![allow(clippy::unwrap_used)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The folder of freshtoken's repository.
fn freshtoken() -> PathBuf {
    // Cargo runs the tests in the folder of their package.
    fs::canonicalize("../..").unwrap()
}

/// A repository in the system's folder for temporary files, which is deleted at the end.
struct Repository(PathBuf);

impl Drop for Repository {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Repository {
    fn new() -> Self {
        let root = env::temp_dir().join(format!("freshtoken-own-repository-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        Self(root)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    #[track_caller]
    fn generator(&self, arguments: &[&str]) -> String {
        let program = env!("CARGO_BIN_EXE_freshtoken-codegen");
        succeeds(Command::new(program).args(arguments).current_dir(&self.0).env_remove("CARGO_MANIFEST_DIR").output())
    }

    #[track_caller]
    fn cargo(&self, arguments: &[&str]) -> String {
        // Reuses the dependencies that this workspace has built, without network.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let mut command = Command::new(env!("CARGO"));
        for (name, _) in env::vars_os() {
            if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
                command.env_remove(name);
            }
        }
        command.args([arguments[0], "--offline", "--quiet"]).args(&arguments[1..]).current_dir(&self.0);
        command.env("CARGO_TARGET_DIR", target).env("INSTA_UPDATE", "always").env("INSTA_WORKSPACE_ROOT", &self.0);
        succeeds(command.output())
    }
}

#[track_caller]
fn succeeds(output: std::io::Result<Output>) -> String {
    let output = output.unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    text
}

/// Returns the blocks of code below a heading of the README. None has more than 30 lines.
fn blocks(heading: &str) -> Vec<String> {
    let readme = fs::read_to_string("README.md").unwrap();
    let section = readme.split("\n## ").find(|section| section.starts_with(heading)).unwrap().to_owned();
    let blocks = section.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap().1.to_owned());
    let blocks: Vec<String> = blocks.collect();
    assert!(blocks.iter().map(|block| block.lines().count()).sum::<usize>() <= 30, "{heading}");
    blocks
}

/// Makes every warning of the generated code an error.
const DENIED: &str = "\n[lints.rust]\nwarnings = { level = \"deny\", priority = -1 }\n";

const CRATES: [&str; 2] = ["acme", "consent"];

#[test]
#[ignore = "builds a workspace with cargo: see .ci/run"]
fn a_repository_outside_this_one_generates_compiles_and_gets_tokens() {
    let repository = Repository::new();
    let origin = format!("path={}", freshtoken().display());
    use_the_program(&repository, &origin);
    add_the_other_uses(&repository);

    // The same versions and profiles as in this repository, so that nothing is built twice.
    let manifest = fs::read_to_string(freshtoken().join("Cargo.toml")).unwrap();
    let profiles = &manifest[manifest.find("[profile.dev]").unwrap()..];
    repository.write(
        "Cargo.toml",
        &format!("[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\", \"app\", \"xtask\"]\n\n{profiles}"),
    );
    fs::copy(freshtoken().join("Cargo.lock"), repository.0.join("Cargo.lock")).unwrap();

    let checked = repository.cargo(&["run", "--package", "xtask", "--", "--check"]);
    assert!(checked.contains("2 specs, every generated file is fresh"), "{checked}");
    for name in CRATES {
        let path = format!("crates/{name}/Cargo.toml");
        repository.write(&path, &format!("{}{DENIED}", repository.read(&path)));
    }
    repository.cargo(&["test", "--workspace"]);
    assert!(repository.0.join("crates/acme/tests/shapes/snapshots/requests/create_token.example.snap").is_file());
    // A client alone.
    repository.cargo(&["check", "--package", "freshtoken-acme", "--no-default-features"]);
}

/// Starts from an empty folder. Installing is left out: the program is built already.
fn use_the_program(repository: &Repository, origin: &str) {
    let commands = &blocks("As a program")[0];
    let commands: Vec<Vec<&str>> = commands
        .lines()
        .map(|line| line.trim_start_matches("$ ").split('#').next().unwrap().split_whitespace().collect())
        .collect();
    assert_eq!(commands[0][..3], ["cargo", "install", "--git"]);
    assert_eq!(commands[1][0], "freshtoken-codegen");
    repository.generator(&commands[1][1..]);
    repository.generator(&["new", "consent", "--like", "refresh"]);
    let shown = repository.generator(&[&commands[2][1..], &["--freshtoken", origin]].concat());
    assert!(shown.contains("snapshots are missing: run `INSTA_UPDATE=always cargo test`"), "{shown}");
    assert_eq!(commands[3], ["INSTA_UPDATE=always", "cargo", "test"]);
    // The crates remember their origin.
    let fresh = repository.generator(&commands[4][1..]);
    assert!(fresh.contains("2 specs, every generated file is fresh"), "{fresh}");

    assert_eq!(repository.read("Cargo.toml"), "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n");
    assert!(repository.read("specs/acme.yaml").starts_with("# yaml-language-server: $schema=fragment.schema.json\n"));
    assert!(repository.0.join("specs/fragment.schema.json").is_file());
}

/// Adds a crate with a build script and an xtask, and the test of their token sources.
fn add_the_other_uses(repository: &Repository) {
    let freshtoken = freshtoken();
    let own =
        |name: &str, folder: &str| format!("{name} = {{ path = \"{}/crates/{folder}\" }}\n", freshtoken.display());
    let package = |name: &str| format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n");

    let [build, library, dependencies] = <[String; 3]>::try_from(blocks("In a build script")).unwrap();
    repository.write("app/build.rs", &build);
    let crate_user = &blocks("As a program")[1];
    repository.write("app/src/lib.rs", &format!("{library}\npub mod with_a_crate {{\n{crate_user}}}\n"));
    // Beside the crate of the build script, as the README has it.
    let specs = repository.read("specs/acme.yaml");
    repository.write("app/specs/acme.yaml", &specs);
    let manifest = [
        package("app"),
        "[dependencies]\nfreshtoken-acme = { path = \"../crates/acme\" }\nfreshtoken-consent = { path = \"../crates/consent\" }\n".to_owned(),
        own("freshtoken", "freshtoken"),
        own("freshtoken-wire", "wire"),
        dependencies,
        "\n[build-dependencies]\n".to_owned(),
        own("freshtoken-codegen", "codegen"),
        "\n[dev-dependencies]\ntokio = { version = \"1\", features = [\"macros\", \"rt\"] }\n".to_owned(),
        own("freshtoken-sandbox", "sandbox"),
        DENIED.to_owned(),
    ];
    repository.write("app/Cargo.toml", &manifest.concat());
    repository.write("app/tests/token_sources.rs", TOKEN_SOURCES);

    repository.write("xtask/src/main.rs", &blocks("In an xtask")[0]);
    let manifest = [package("xtask"), "[dependencies]\n".to_owned(), own("freshtoken-codegen", "codegen")];
    repository.write("xtask/Cargo.toml", &manifest.concat());
}

/// A token source of each vendor gets a token from the sandbox, which reads the same fragments.
const TOKEN_SOURCES: &str = r#"
use freshtoken::{TokenSource, Vendor};
use freshtoken::env::FromEnv;
use freshtoken_sandbox::{PlayedVendor, Sandbox};

async fn sandbox() -> Sandbox {
    let specs = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs");
    let vendors = ["acme", "consent"].map(|name| PlayedVendor::read(format!("{specs}/{name}.yaml")).unwrap());
    Sandbox::start(vendors).await.unwrap()
}

async fn gets_a_token<V: FromEnv + Vendor>(name: &str) {
    let sandbox = sandbox().await;
    let issuer = sandbox.issuer(name).unwrap();
    let variables: std::collections::HashMap<String, String> = issuer.environment().into_iter().collect();
    let tokens = TokenSource::from_vars::<V>(&|name| variables.get(name).cloned()).unwrap();
    let header = tokens.header().await.unwrap();
    assert!(header.to_str().unwrap().starts_with("Bearer "));
    assert!(tokens.try_header().is_some());
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_crate_is_a_vendor() {
    gets_a_token::<freshtoken_acme::Endpoint>("acme").await;
}

#[tokio::test]
async fn a_crate_without_a_login_starts_from_a_refresh_token() {
    gets_a_token::<freshtoken_consent::Endpoint>("consent").await;
}

#[tokio::test]
async fn a_module_of_a_build_script_is_a_vendor() {
    gets_a_token::<app::acme::Endpoint>("acme").await;
}

#[tokio::test]
async fn credentials_can_be_written_in_code() {
    let sandbox = sandbox().await;
    let acme = sandbox.issuer("acme").unwrap();
    let given = |name: &str| acme.credentials()[name].clone();
    let credentials = freshtoken_acme::source::Credentials {
        client_id: given("client_id"),
        client_secret: given("client_secret").into(),
    };
    let tokens = TokenSource::new(freshtoken_acme::Endpoint::at(acme.url()).unwrap(), credentials);
    tokens.header().await.unwrap();
    sandbox.shutdown().await;
}
"#;
