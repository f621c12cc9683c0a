//! Every integration test, in one binary: links once.

mod bad_input;
mod commands;
mod faulty;
mod floors;
mod interrupted;
mod tool;
mod whole_runs;
