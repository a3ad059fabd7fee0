//! Where a crate is generated to, and what it finds there.

use crate::emit::manifest::WorkspaceKeys;
use crate::workspace::folders::Folders;
use crate::workspace::origin::Origin;

/// The repository around a generated crate.
#[derive(Debug)]
pub struct Target {
    /// The folders of the fragments and the crates.
    pub folders: Folders,
    /// What the manifest of the workspace has.
    pub keys: WorkspaceKeys,
    /// Where the adapter is.
    pub adapter: AdapterPlace,
    /// Where the crates of freshtoken come from, if the workspace does not say.
    pub origin: Origin,
}

/// Where an adapter is, and so what its paths are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdapterPlace {
    /// In the facade, as in the repository of freshtoken.
    Facade,
    /// In the vendor's crate, as in any other repository.
    Crate,
}

impl Default for Target {
    /// Returns the repository of freshtoken.
    fn default() -> Self {
        Self {
            folders: Folders::default(),
            keys: WorkspaceKeys::default(),
            adapter: AdapterPlace::Facade,
            origin: Origin::Version(env!("CARGO_PKG_VERSION").to_owned()),
        }
    }
}

impl Target {
    /// Whether it is the repository of freshtoken, whose crates inherit all that they share.
    pub fn is_home(&self) -> bool {
        self.adapter == AdapterPlace::Facade
    }
}
