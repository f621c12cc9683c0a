//! Faults: what is wrong in a file, where, and what to write instead.
//!
//! A [`Fault`] is data; [`render()`] lays a list of them out as rustc does. Only `cli` prints.

mod fault;
mod render;
mod source;

pub use fault::{Code, Fault, Faults, Severity};
pub use render::{Style, render};
pub use source::SourceFile;
