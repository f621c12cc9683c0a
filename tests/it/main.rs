//! Every integration test, in one binary: links once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod bad_input;
mod bad_sources;
mod calibrate;
mod commands;
mod crashes;
mod documents;
mod faults;
mod floors;
mod health;
mod hooks;
mod imports;
mod interrupted;
mod open_loop;
mod pictures;
mod providers;
mod repeatable;
mod resume;
mod reuse;
mod scenarios;
mod sources;
mod tokenizers;
mod tool;
mod watch;
mod whole_runs;
