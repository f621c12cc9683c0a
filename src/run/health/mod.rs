//! Watches the client while the load of a unit runs: facts only, judged by `metrics`.
//!
//! [`Watch`] takes readings before and after; `canary` looks all the while how late the timed loop is.

mod canary;
mod reading;
mod watch;

pub(super) use watch::Watch;
