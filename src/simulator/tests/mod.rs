//! The engine in virtual time, and the whole server over loopback.

mod caller;
mod engine;
mod failures;
mod http;
