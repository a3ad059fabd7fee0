//! The sandbox over real HTTP on loopback. No test sleeps: clocks only move when they are advanced.
#![allow(clippy::unwrap_used, missing_docs)]

mod assertions;
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
mod signer;
mod support;
mod tokens;
mod vendors;
