//! Every integration test, in one binary: links once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod bad_input;
mod calibrate;
mod commands;
mod documents;
mod floors;
mod health;
mod hooks;
mod imports;
mod interrupted;
mod open_loop;
mod pictures;
mod scenarios;
mod sources;
mod tokenizers;
mod tool;
mod whole_runs;
