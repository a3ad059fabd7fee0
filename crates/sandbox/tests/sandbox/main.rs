//! The sandbox over real HTTP on loopback. Nothing here sleeps: clocks stand still until they are moved.
#![allow(clippy::unwrap_used, missing_docs)]

mod control;
mod environment;
mod expiries;
mod facade;
mod faults;
mod http;
mod logs;
mod player;
mod rules;
mod shapes;
mod support;
mod tokens;
mod vendors;
