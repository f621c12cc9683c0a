//! What to send: prompts of an exact size, as sessions of requests. Pure but for reading files.
//!
//! A template is rendered for each request, then fitted to the tokens that are left when the chat template's own
//! are taken off. Content hangs on the seed and the workload axes only, so that every model and load sees the same.

mod calibration;
mod fit;
mod picture;
mod prompts;
mod session;
mod synthetic;
mod tails;
mod template;
#[cfg(test)]
mod tests;
mod tokenizer;
mod words;

pub use calibration::{Calibration, CalibrationStep, ProbeResult, TokenModel};
pub use picture::{Picture, PictureError, Pictures};
pub use prompts::{Prompts, render_once};
pub use session::{ChatRequest, Message, Reply, Role, Session, Step, Workload};
pub use synthetic::{Synthetic, SyntheticOrder};
pub use tokenizer::load_tokenizer;
