//! An LLM inference server of known behaviour, on loopback and in process.
//!
//! It answers OpenAI's chat and text completions and SambaStudio's generic API, streamed or whole, the way a server with
//! continuous batching does, and knows what the right measurements are: every duration follows
//! from [`SimulatorOptions`], and [`RequestStamps`] say when each event was handed to the socket.
//!
//! A request waits in a FIFO queue for one of [`SimulatorOptions::slots`]. In its slot its prompt is
//! prefilled beside the decoding of others: neither slows the other. When the prefill is done it joins
//! the batch at the next step boundary (at once if no step is running) and its first token leaves there.
//! From then on it gets one token a step, until it has all that it asked for, and frees its slot.
//! A step's length is fixed when it begins, by the size of the batch at that moment. Boundaries are on an
//! absolute schedule: a step is due its own length after the last was *due*, however late the machine ran.
//!
//! With [`Decoding::Apart`] there is no batch: each request is decoded by steps of its own, so that the events of
//! different streams do not leave in bursts.
//!
//! Reading order: `options`, then `cost`, `residence`, `sequence`, `lanes`, `engine` (a pure state machine, no clock), `pacer`
//! (the thread that runs it in real time), `refusal`, `picture`, `request`, `prose`, `usage`, `studio`, `chunk`, `mishap`, `stamps`, `ticket`,
//! `stream` (one answer's events), `metrics`, `service` (the routes), `server`, and `hosted` (a thread for all of it).

mod chunk;
mod cost;
mod engine;
mod hosted;
mod lanes;
mod metrics;
mod mishap;
mod options;
mod pacer;
mod picture;
mod prose;
mod refusal;
mod request;
mod residence;
mod sequence;
mod server;
mod service;
mod stamps;
mod stream;
mod studio;
mod ticket;
mod usage;

#[cfg(test)]
mod tests;

pub use hosted::HostedSimulator;
pub use options::{Decoding, Failures, SimulatedModel, SimulatorOptions};
pub use server::Simulator;
pub use stamps::{MOST_STAMPS, RequestStamps, StampPage};
