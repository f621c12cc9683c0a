//! Every integration test, in one binary: links once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod floors;
