//! What to send: prompts of an exact size, as sessions of requests.

mod session;

pub use session::{ChatRequest, Message, Reply, Role, Session, Step};
