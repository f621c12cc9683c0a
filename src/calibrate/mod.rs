//! The client's own error, measured: infersweep against a server that stamps what it does, on the same clock.
//!
//! For a ladder of loads, the very code of `run` reads the simulator, and a raw socket reader does after it; each
//! request and each event is held against the server's own stamps. `docs/CALIBRATION.md` says what the figures mean.
//!
//! [`calibrate`] is the story (`ladder`); `rung` is one load, `server` the simulator it is put on, `engine` and `floor`
//! the two readers, `seen` what a reader saw, `judge` the comparison, `figures` what comes out, `picture` its drawing.

mod cost;
mod engine;
mod error;
mod figures;
mod floor;
mod judge;
mod ladder;
mod picture;
mod rung;
mod seen;
mod server;
#[cfg(test)]
mod tests;

pub use error::CalibrateError;
pub use figures::{Calibration, ErrorFigures, Highest, ReaderFigures, RungFigures, ServerPlace};
pub use judge::{Judgement, Mismatch, judge};
pub use ladder::{CalibrationEvent, Order, Reader, calibrate};
pub use picture::picture;
pub use rung::Rung;
pub use seen::{Seen, Window};
pub use server::ServerHost;
