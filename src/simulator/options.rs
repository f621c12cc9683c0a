//! What the simulated server is like.

use std::time::Duration;

/// How the simulated server behaves. Values out of their domain are taken as the nearest one inside it.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatorOptions {
    /// The fixed part of a prefill: from a request's admission to the end of its prefill, with an empty prompt.
    pub ttft: Duration,
    /// What each prompt token adds to the prefill.
    pub prefill_per_token: Duration,
    /// The length of a decode step with one sequence in the batch.
    pub itl: Duration,
    /// The fraction of `itl` by which each further sequence in the batch lengthens a step, at least 0.
    pub batch_slowdown: f64,
    /// How the requests in the slots come to their tokens.
    pub decoding: Decoding,
    /// How long it takes to make another model ready than the one used last, where all share one batch. Requests that are
    /// being served go on meanwhile.
    pub switch: Duration,
    /// How many requests a model serves at a time, at least 1; further ones queue.
    pub slots: usize,
    /// The relative standard deviation of every prefill and step, log-normal with mean 1; 0 is none.
    pub jitter: f64,
    /// The seed of jitter, text and failures.
    pub seed: u64,
    /// The models served, each with slots and a batch of its own. Empty: any name is accepted, and all share one batch.
    pub models: Vec<SimulatedModel>,
    /// What the chat template adds to the prompt tokens of every chat request.
    pub template_tokens: u64,
    /// The most tokens that prompt and completion may have together.
    pub context_length: u64,
    /// The completion length, in tokens, of a request that does not name one.
    pub default_max_tokens: u64,
    /// How many tokens a streamed event carries, at least 1.
    pub tokens_per_chunk: u64,
    /// How many of the first tokens of a chat completion are sent as `reasoning_content`.
    pub reasoning_tokens: u64,
    /// What goes wrong, and how often.
    pub failures: Failures,
    /// Whether connections stay open between requests.
    pub keep_alive: bool,
    /// Whether it speaks HTTP/2 in clear, by prior knowledge, and nothing else.
    pub http2: bool,
    /// Of how many of the last requests the stamps are kept, and of 40 times as many events.
    pub kept_stamps: usize,
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        Self {
            ttft: Duration::from_millis(40),
            prefill_per_token: Duration::from_micros(20),
            itl: Duration::from_millis(8),
            batch_slowdown: 0.02,
            decoding: Decoding::Batch,
            switch: Duration::ZERO,
            slots: 16,
            jitter: 0.0,
            seed: 0,
            models: Vec::new(),
            template_tokens: 7,
            context_length: 131_072,
            default_max_tokens: 128,
            tokens_per_chunk: 1,
            reasoning_tokens: 0,
            failures: Failures::default(),
            keep_alive: true,
            http2: false,
            kept_stamps: 100_000,
        }
    }
}

/// How requests that are served at the same time come to their tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decoding {
    /// In one batch, as real servers do: everyone's token leaves in the same instant.
    #[default]
    Batch,
    /// Each on steps of its own, whose phase is drawn from the seed: tokens of different requests are spread evenly in
    /// time. Nobody slows anybody, and a first token leaves up to one `itl` later.
    Apart,
}

/// One model of the simulated server.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedModel {
    /// The name on the wire.
    pub id: String,
    /// How many times faster than the options say it prefills and decodes, above 0.
    pub speed: f64,
}

/// The fractions of requests, each in 0..=1 and together at most 1, that go wrong, and how.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Failures {
    /// Answered with status 503 and never served.
    pub refused: f64,
    /// The connection is cut after half of the tokens.
    pub cut: f64,
    /// An error event takes the place of the second half of the tokens; status 500 if not streamed.
    pub broken: f64,
    /// Nothing comes after half of the tokens, and the connection stays open.
    pub stalled: f64,
}
