//! What happened: the facts of one request, as stamps, counts and an outcome; and of the client that sent it.
//! No metric lives here.

mod beside;
mod cause;
mod client_facts;
mod request;
#[cfg(test)]
pub(crate) mod samples;
mod scraped;
mod thin;

pub use beside::{Answer, SentImage, Trace};
pub use cause::{Cause, Failure, OwnLimit};
pub use client_facts::{ClientFacts, LoopLag, Segments, Throttling};
pub use request::{Attempt, Chunk, Outcome, Phase, RequestRecord, ServerReport, Stamps, TokenCounts, TokenSource};
pub use scraped::{ScrapedColumn, ScrapedSample};
pub use thin::{KeptTimes, thin};
