//! Where files are: the configuration, and the state of the user.

use std::path::{Path, PathBuf};

use crate::environment;
use crate::failure::Failure;

/// Returns the configuration file.
pub fn config() -> Option<PathBuf> {
    let dir = directory("XDG_CONFIG_HOME", "APPDATA", ".config")?;
    Some(dir.join("freshtoken").join("config.toml"))
}

/// Returns the state directory.
pub fn state() -> Result<PathBuf, Failure> {
    let chosen = environment("FRESHTOKEN_STATE_DIR").map(PathBuf::from);
    let default = || Some(directory("XDG_STATE_HOME", "LOCALAPPDATA", ".local/state")?.join("freshtoken"));
    chosen.or_else(default).ok_or_else(|| {
        Failure::usage(
            "there is no home directory to keep tokens in; set FRESHTOKEN_STATE_DIR to a directory of this user",
        )
    })
}

/// A relative path in an XDG variable is ignored, as the XDG Base Directory Specification says.
fn directory(xdg: &str, windows: &str, below_home: &str) -> Option<PathBuf> {
    if cfg!(windows) {
        return environment(windows).map(PathBuf::from).filter(|dir| dir.is_absolute());
    }
    let absolute = |dir: PathBuf| Some(dir).filter(|dir| dir.is_absolute());
    let set = environment(xdg).map(PathBuf::from).and_then(absolute);
    set.or_else(|| std::env::home_dir().and_then(absolute).map(|home| home.join(below_home)))
}

/// Returns an absolute path, so that messages and other processes name the same file.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
