//! The guide: one page per topic.
//!
//! | page | for whom |
//! | --- | --- |
//! | [Several replicas](replicas) | several processes or machines share one account |
//!
//! These modules hold documentation only. Every piece of code in them is compiled or run by the tests.

#[doc = include_str!("replicas.md")]
pub mod replicas {}
