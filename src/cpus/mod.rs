//! Processors: lists of them as people write them, threads that are held to some, and threads that step aside for the
//! one that takes the time.

mod aside;
mod list;

pub use aside::{Manner, keep_for_timing, spawn_aside, step_aside};
pub use list::{CpuList, core_of};
