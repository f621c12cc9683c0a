//! Traffic in time: when the next request may start, and when no more do.
//!
//! Knows nothing of models, prompts or HTTP: it paces [`Script`]s over a [`Transport`].
//! *When may the next one start?* is the gate; *which phase, and is it over?* is the admission in closed loop and the
//! [`Schedule`] in open loop; *what happens to one?* is a flight. [`drive`] is one loop over them.

mod admission;
mod arrivals;
mod drive;
mod flight;
mod gate;
mod schedule;
mod stop;
#[cfg(test)]
mod tests;

pub use admission::{StopRule, Warmup};
pub use arrivals::{ArrivalProcess, Offsets};
pub use drive::{Ending, Source, Traffic, Window, drive};
pub use flight::{Script, Start, Transport};
pub use gate::Pace;
pub use schedule::{Due, Schedule};
pub use stop::{Stop, StopHandle, StopSignal};
