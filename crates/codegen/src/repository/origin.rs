//! Where generated crates of another repository get the crates of freshtoken from.

use std::env;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a generated crate gets `freshtoken`, `freshtoken-wire` and `freshtoken-testing` from.
///
/// # Examples
///
/// ```
/// use freshtoken_codegen::repository::origin::Origin;
///
/// let origin: Origin = "path=../freshtoken".parse().unwrap();
/// assert_eq!(origin.to_string(), "path=../freshtoken");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A checkout of freshtoken's repository, relative to the folder that the generator works in.
    Path(String),
    /// A git repository, and a branch, tag or revision such as `("tag", "v1")`.
    Git(String, Option<(String, String)>),
    /// A version in the registry.
    Version(String),
}

/// What `git=URL?…` may select.
const REFERENCES: [&str; 3] = ["branch", "tag", "rev"];

/// The start of the line in a generated manifest that states the origin.
const LINE: &str = "# freshtoken: ";

impl Origin {
    /// Returns the default origin: the repository that cargo installed the generator from, or else
    /// the version of the generator.
    pub fn of_this_generator() -> Self {
        let home = env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
        let installed = home.and_then(|home| fs::read_to_string(home.join(".crates.toml")).ok());
        let version = || Self::Version(env!("CARGO_PKG_VERSION").to_owned());
        installed.as_deref().and_then(Self::of_installation).unwrap_or_else(version)
    }

    /// Returns the repository in cargo's list of installed programs.
    fn of_installation(list: &str) -> Option<Self> {
        let start = concat!("\"", env!("CARGO_PKG_NAME"), " ");
        let source = list.lines().find(|line| line.starts_with(start))?.split(['(', ')']).nth(1)?;
        let url = source.strip_prefix("git+")?;
        // The revision: the lock file of the user's repository says which one is used.
        let url = url.split_once('#').map_or(url, |(url, _)| url);
        format!("git={url}").parse().ok()
    }

    /// Returns the origin that a generated manifest states.
    pub fn of_manifest(manifest: &str) -> Option<Self> {
        manifest.lines().find_map(|line| line.strip_prefix(LINE))?.parse().ok()
    }

    /// Returns the line of a manifest that states the origin, so that the next run uses the same one.
    pub fn line(&self) -> String {
        format!("{LINE}{self}\n")
    }

    /// Returns the keys of a dependency on a crate of freshtoken. `folder` is the crate's folder there, and `up` leads from
    /// the generated crate to where the generator works.
    pub fn dependency(&self, folder: &str, up: &str) -> String {
        match self {
            Self::Path(path) => {
                let up = if path.starts_with('/') { "" } else { up };
                format!("path = \"{up}{path}/crates/{folder}\"")
            }
            Self::Git(url, None) => format!("git = \"{url}\""),
            Self::Git(url, Some((key, value))) => format!("git = \"{url}\", {key} = \"{value}\""),
            Self::Version(version) => format!("version = \"{version}\""),
        }
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let help = "write `path=FOLDER`, `git=URL`, `git=URL?branch=NAME` (or `tag`, `rev`) or `version=VERSION`";
        let is_plain = |c: char| !c.is_control() && !matches!(c, '"' | '\\');
        match text.split_once('=') {
            Some((_, value)) if value.is_empty() || !value.chars().all(is_plain) => Err(help.to_owned()),
            Some(("path", path)) => Ok(Self::Path(path.trim_end_matches('/').to_owned())),
            Some(("version", version)) => Ok(Self::Version(version.to_owned())),
            Some(("git", url)) if has_credentials(url) => {
                Err("the URL contains credentials, which would be committed: leave them to git's configuration"
                    .to_owned())
            }
            Some(("git", url)) => {
                let reference = url.rsplit_once('?').and_then(|(url, query)| Some((url, query.split_once('=')?)));
                Ok(match reference.filter(|(_, (key, _))| REFERENCES.contains(key)) {
                    Some((url, (key, value))) => Self::Git(url.to_owned(), Some((key.to_owned(), value.to_owned()))),
                    None => Self::Git(url.to_owned(), None),
                })
            }
            _ => Err(help.to_owned()),
        }
    }
}

/// Whether a URL has a user or a token before its host. The user of an `ssh` URL is no secret.
fn has_credentials(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    scheme.starts_with("http") && rest.split('/').next().is_some_and(|authority| authority.contains('@'))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "path={path}"),
            Self::Git(url, None) => write!(f, "git={url}"),
            Self::Git(url, Some((key, value))) => write!(f, "git={url}?{key}={value}"),
            Self::Version(version) => write!(f, "version={version}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dependency(origin: &str) -> String {
        origin.parse::<Origin>().unwrap().dependency("wire", "../../")
    }

    #[test]
    fn an_origin_becomes_a_dependency() {
        assert_eq!(dependency("path=../freshtoken/"), "path = \"../../../freshtoken/crates/wire\"");
        assert_eq!(dependency("path=/code/freshtoken"), "path = \"/code/freshtoken/crates/wire\"");
        assert_eq!(dependency("git=https://acme.example/a"), "git = \"https://acme.example/a\"");
        assert_eq!(dependency("git=https://acme.example/a?tag=v1"), "git = \"https://acme.example/a\", tag = \"v1\"");
        assert_eq!(dependency("git=https://acme.example/a?b=c"), "git = \"https://acme.example/a?b=c\"");
        assert_eq!(dependency("version=0.1"), "version = \"0.1\"");
    }

    #[test]
    fn a_wrong_origin_says_what_to_write() {
        for text in ["", "path", "path=", "svn=x", "version=\"1", "git=a\nb"] {
            assert!(text.parse::<Origin>().unwrap_err().contains("git=URL"), "{text}");
        }
    }

    #[test]
    fn credentials_in_a_url_are_refused_and_not_shown() {
        let error = "git=https://example-token@acme.example/a".parse::<Origin>().unwrap_err();
        assert!(error.contains("contains credentials") && !error.contains("example-token"), "{error}");
        assert!("git=ssh://git@acme.example/a".parse::<Origin>().is_ok());
    }

    #[test]
    fn a_manifest_states_its_origin() {
        for text in ["path=../freshtoken", "git=https://acme.example/a?branch=next", "version=0.1.2"] {
            let origin: Origin = text.parse().unwrap();
            let manifest = format!("# @generated\n{}\n[package]\n", origin.line());
            assert_eq!(Origin::of_manifest(&manifest), Some(origin));
        }
        assert_eq!(Origin::of_manifest("[package]\n"), None);
    }

    #[test]
    fn the_repository_of_the_installed_program_is_the_origin() {
        let of = |source: &str| {
            let list = format!("[v1]\n\"freshtoken-codegen 0.1.0 ({source})\" = [\"freshtoken-codegen\"]\n");
            Origin::of_installation(&list).map(|origin| origin.to_string())
        };
        assert_eq!(of("git+https://acme.example/a#0123abc"), Some("git=https://acme.example/a".to_owned()));
        assert_eq!(
            of("git+https://acme.example/a?tag=v1#0123abc"),
            Some("git=https://acme.example/a?tag=v1".to_owned())
        );
        assert_eq!(of("path+file:///code/a"), None);
        assert_eq!(of("git+https://example-token@acme.example/a#0123abc"), None);
        assert_eq!(Origin::of_installation("[v1]\n\"other 1.0.0 (git+https://acme.example/a)\" = []\n"), None);
    }
}
