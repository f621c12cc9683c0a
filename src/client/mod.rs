//! One request on the wire, stamped truthfully.
//!
//! A [`Client`] speaks to one endpoint: it encodes a request, sends it over a connection of its own pool and fills
//! an [`Observation`] with what comes back. A stamp belongs to the socket call that moved the bytes, below TLS and
//! before anything is parsed. It knows nothing of rates, cells or statistics; a failure is data, not an `Err`.
//!
//! Reading order: `client` is the story, `exchange` and `stream` one try of it, `link` and `wire` the connection and its
//! stamps, `links`, `dial` and `pool` where they come from, `http1` and `http2` how they are spoken on, `carrier`,
//! `socket`, `encryption` and `tunnel` what is below; `sse`, `ndjson`, `chat_chunk` and the providers behind `api` turn
//! bytes into pieces, `thinking`, `content`, `chunk_tokens` and `server_report` turn pieces into facts; `route` chooses
//! the provider; `retry` says what is sent again; `control` and `prometheus` are all that is not timed.

mod address;
mod api;
mod arrival;
mod carrier;
mod chat_chunk;
mod chunk_tokens;
#[expect(clippy::module_inception, reason = "the story of the module, under the name of its type")]
mod client;
mod compressed;
mod content;
mod control;
mod deadline;
mod dial;
mod encryption;
mod ending;
mod exchange;
mod failure;
mod flat_text;
mod framing;
mod http1;
mod http2;
mod hub;
mod link;
mod links;
mod messages;
mod ndjson;
mod observation;
mod openai_body;
mod openai_chat;
mod openai_completions;
mod pool;
mod prometheus;
mod refusal;
mod request_head;
mod retry;
mod route;
mod sambanova;
mod sambastudio;
mod server_figures;
mod server_report;
mod socket;
mod sse;
mod stream;
mod studio_body;
mod thinking;
mod trace;
mod tunnel;
mod wire;

#[cfg(test)]
mod tests;

pub use api::Target;
pub use client::{Client, ClientError};
pub use control::{ControlError, ModelListing};
pub use hub::{Hub, HubError, HubFile};
pub use observation::{Asked, Observation};
pub use prometheus::{Sample, ScrapeSession, Scraper, samples};
pub use server_report::server_columns;
