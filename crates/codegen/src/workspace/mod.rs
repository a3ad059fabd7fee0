//! What the generator changes in the workspace: the facade's manifest and modules, and the files that are out of date.

pub mod facade;
pub mod stamp;
pub mod sync;

use crate::repository::folders::Folders;
use crate::repository::origin::Origin;
use crate::repository::target::{AdapterPlace, Target};
use crate::repository::workspace_keys::WorkspaceKeys;
use crate::workspace::facade::Facade;

/// The workspace that the generator writes to.
#[derive(Default)]
pub struct Workspace {
    /// What its crates find in it.
    pub(crate) target: Target,
    /// The facade, if it is a member.
    pub(crate) facade: Option<Facade>,
}

impl Workspace {
    /// Returns a workspace with this manifest, and with the facade if its manifest is given.
    pub fn new(manifest: &str, facade: Option<String>) -> Self {
        let keys = WorkspaceKeys::parse(manifest);
        let facade = facade.map(|manifest| Facade::new(manifest, &keys));
        let adapter = if facade.is_some() { AdapterPlace::Facade } else { AdapterPlace::Crate };
        Self { target: Target { keys, adapter, ..Target::default() }, facade }
    }

    /// Sets the folders of the fragments and of the crates.
    pub fn folders(mut self, folders: Folders) -> Self {
        self.target.folders = folders;
        self
    }

    /// Sets where its crates get the crates of freshtoken from. A workspace that has them as dependencies ignores it.
    pub fn origin(mut self, origin: Origin) -> Self {
        self.target.origin = origin;
        self
    }

    /// Leaves the vendors that are not generated as they are.
    pub fn partial(mut self) -> Self {
        self.facade = self.facade.map(|facade| Facade { is_partial: true, ..facade });
        self
    }
}
