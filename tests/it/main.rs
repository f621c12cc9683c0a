//! Every integration test, in one binary: links once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod bad_input;
mod bad_sources;
mod calibrate;
mod commands;
mod compare;
mod crashes;
mod documents;
mod faults;
mod floors;
mod fronts;
mod gates;
mod health;
mod hooks;
mod hostile;
mod imports;
mod interrupted;
mod locks;
mod open_loop;
mod pictures;
mod providers;
mod repeatable;
mod resume;
mod reuse;
mod run_lists;
mod scenarios;
mod search;
mod secrets;
mod server_metrics;
mod sources;
mod suites;
mod tokenizers;
mod tool;
mod transport;
mod watch;
mod whole_runs;
