//! Where a crate is generated to, and what it finds there.

use crate::lower::model::Model;
use crate::repository::folders::Folders;
use crate::repository::origin::Origin;
use crate::repository::workspace_keys::WorkspaceKeys;

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

    /// Whether the crate of a model has the adapter itself, as the module `source`.
    pub fn has_source(&self, model: &Model) -> bool {
        self.adapter == AdapterPlace::Crate && model.x_token.is_some()
    }
}
