//! What the generator changes in the workspace: the facade's manifest and modules, and the files that are out of date.

pub mod facade;
pub mod sync;
