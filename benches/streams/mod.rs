//! The streams that benches read: a simulator that sends events at a steady pace, and the client that asks it.

use std::path::Path;
use std::time::Duration;

use infersweep::client::{Client, Target};
use infersweep::scenario::{ReadOptions, RequestOptions, Unset, Variables, read_text};
use infersweep::simulator::SimulatorOptions;
use infersweep::time::Clock;
use infersweep::workload::{ChatRequest, Message};

/// A server without queue or batches: first token after 50 ms, then one every `itl`.
pub(crate) fn options(itl: Duration) -> SimulatorOptions {
    SimulatorOptions {
        ttft: Duration::from_millis(50),
        prefill_per_token: Duration::ZERO,
        itl,
        batch_slowdown: 0.0,
        slots: 100_000,
        ..SimulatorOptions::default()
    }
}

/// The client of a run, for the server at `url`.
pub(crate) fn client(url: &str, clock: Clock) -> Client {
    let text = format!("[endpoints.s]\nbase_url = \"{url}\"\n[matrix]\nmodel = \"m\"\n");
    let variables = Variables::default();
    let options = ReadOptions { variables: &variables, unset: Unset::Refuse, set: &[], profile: None };
    let scenario = read_text(Path::new("bench.toml"), &text, &options).scenario.unwrap();
    Client::new(&scenario.endpoints[0], url, clock, scenario.secrets).unwrap()
}

/// Asks for `tokens` of answer.
pub(crate) fn request(tokens: u64) -> ChatRequest {
    ChatRequest { messages: vec![Message::user("hello there")], output_tokens: Some(tokens), ..ChatRequest::default() }
}

/// The request as it goes out.
pub(crate) fn body(client: &Client, request: &ChatRequest) -> bytes::Bytes {
    client.encode(request, &Target { model_id: "m".to_owned(), options: RequestOptions::default() })
}
