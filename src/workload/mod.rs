//! What to send: prompts of an exact size, rows of a dataset and conversations, as sessions of requests. Pure but
//! for reading files.
//!
//! A template is rendered for each request, then fitted to the tokens that are left when the chat template's own
//! are taken off. Content hangs on the seed and the workload axes only, so that every model and load sees the same.

mod body;
mod calibration;
mod chat;
mod dataset;
mod fit;
mod material;
mod picture;
mod prefix;
mod prompts;
mod ruler;
mod seams;
mod session;
mod sizes;
mod synthetic;
mod tails;
mod template;
#[cfg(test)]
mod tests;
mod tokenizer;
mod words;

pub use body::render_body;
pub use calibration::{Calibration, CalibrationStep, Probe, ProbeResult, TokenModel};
pub use chat::Chat;
pub use dataset::{Custom, CustomOrder, Rows};
pub use fit::Fitter;
pub use material::Material;
pub use picture::{Picture, PictureError, Pictures};
pub use prompts::{Prompts, workload_axes};
pub use session::{ChatRequest, Message, Reply, Role, Session, Shown, Workload};
pub use synthetic::{Synthetic, SyntheticOrder};
pub use tokenizer::{
    Cached, HubCache, canonical_tokenizer, load_tokenizer, read_canonical_tokenizer, read_tokenizer, server_tokenizer,
    server_tokenizer_of, word_tokenizer,
};
