//! What the generator changes in the workspace: the facade's manifest and modules, and the files that are out of date.

pub mod facade;
pub mod sync;

use crate::emit::manifest::WorkspaceKeys;
use crate::workspace::facade::Facade;

/// The workspace that the generator writes to.
#[derive(Default)]
pub struct Workspace {
    /// What the manifests of its crates can inherit.
    pub(crate) keys: WorkspaceKeys,
    /// The facade, if it is a member.
    pub(crate) facade: Option<Facade>,
}

impl Workspace {
    /// Returns a workspace with this manifest, and with the facade if its manifest is given.
    pub fn new(manifest: &str, facade: Option<String>) -> Self {
        let keys = WorkspaceKeys::parse(manifest);
        let facade = facade.map(|manifest| Facade::new(manifest, &keys));
        Self { keys, facade }
    }

    /// Leaves the vendors that are not generated as they are.
    pub fn partial(mut self) -> Self {
        self.facade = self.facade.map(|facade| Facade { is_partial: true, ..facade });
        self
    }
}
