//! The sandbox over real HTTP on loopback. Nothing here sleeps: clocks stand still until they are moved.
#![allow(clippy::unwrap_used, missing_docs)]

mod client;
mod control;
mod environment;
mod expiries;
mod facade;
mod faults;
mod http;
mod logs;
mod rules;
mod schemas;
mod support;
mod tokens;
mod vendors;
