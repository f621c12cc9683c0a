//! What happened: the facts of one request, as stamps, counts and an outcome. No metric lives here.

mod beside;
mod cause;
mod request;

pub use beside::{Answer, SentImage, Trace};
pub use cause::{Cause, Failure};
pub use request::{Attempt, Chunk, Outcome, Phase, RequestRecord, ServerReport, Stamps, TokenCounts, TokenSource};
