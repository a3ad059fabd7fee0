//! The guide: one page per topic.
//!
//! | page | for whom |
//! | --- | --- |
//! | [Getting started](getting_started) | a first call with a fresh token |
//! | [A vendor of your own](own_vendor) | the token endpoint is not in this repository |
//! | [Several replicas](replicas) | several processes or machines share one account |
//! | [Shells and other languages](shells) | curl, cron jobs, CI, Python |
//! | [Observability](observability) | health checks, metrics, events and logs |
//! | [What happens when …](what_happens_when) | the failures, and what a caller sees of each |
//! | [Security](security) | what is done with secrets, and what you have to do |
//!
//! These modules hold documentation only. Every piece of code in them is compiled or run by the tests.

#[doc = include_str!("getting_started.md")]
pub mod getting_started {}
#[doc = include_str!("observability.md")]
pub mod observability {}
#[doc = include_str!("own_vendor.md")]
pub mod own_vendor {}
#[doc = include_str!("replicas.md")]
pub mod replicas {}
#[doc = include_str!("security.md")]
pub mod security {}
#[doc = include_str!("shells.md")]
pub mod shells {}
#[doc = include_str!("what_happens_when.md")]
pub mod what_happens_when {}
