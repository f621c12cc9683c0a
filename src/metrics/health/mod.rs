//! Whether the client was fast enough: figures and a verdict from what was seen of it and from its rows.
//!
//! `docs/METHODOLOGY.md` states every rule with its reason; a test holds it against the table in `rules`.

mod client;
mod rules;
mod sends;
#[cfg(test)]
mod tests;

pub use client::{ClientHealth, Verdict};
pub(super) use sends::Sends;
