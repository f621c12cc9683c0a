//! Whether this machine suffices for a plan, found out before anything is sent.
//!
//! `needs` adds up what a plan takes, `limits` are what the machine has; [`Preflight`] holds the one against the other.

mod limits;
mod needs;
mod verdict;

pub use limits::Limits;
pub use verdict::{Preflight, Shortage};
