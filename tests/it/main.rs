//! Every integration test, in one binary: links once.

mod floors;
mod scenarios;
