//! What happened: the facts of one request, as stamps, counts and an outcome. No metric lives here.

mod cause;
mod request;
mod thin;

pub use cause::{Cause, Failure};
pub use request::{Attempt, Chunk, Outcome, Phase, RequestRecord, ServerReport, Stamps, TokenCounts, TokenSource};
pub use thin::{KeptTimes, thin};
