//! How many allocations an event of a stream costs on the timed thread.
//!
//! `cargo bench --bench allocations`. Answers of two lengths are read by the client, one after the other; what the longer
//! ones allocate more is what events cost. The simulator has a thread of its own, whose allocations are not counted.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench that cannot go on should stop, and prints")]

mod streams;

use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use infersweep::client::Client;
use infersweep::simulator::HostedSimulator;
use infersweep::time::Clock;
use streams::{body, client, options, request};
use tokio::runtime::Runtime;

const ANSWERS: u32 = 20;
const SHORT: u32 = 100;
const LONG: u32 = 2_100;

fn main() {
    let simulator = HostedSimulator::start(options(Duration::from_micros(200))).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = client(simulator.base_url(), Clock::start());
    // What is made once, as the connection and the thread's buffers.
    read_answers(&runtime, &client, SHORT);
    let [short, long] = [SHORT, LONG].map(|tokens| measure(|| read_answers(&runtime, &client, tokens)));
    println!("{ANSWERS} answers of {SHORT} and of {LONG} tokens, one event a token\n");
    println!("                 allocations/answer  bytes/answer");
    for (tokens, info) in [(SHORT, &short), (LONG, &long)] {
        println!("{tokens:5} tokens      {:18.1}  {:12.0}", of_each(info.count_total), of_each(info.bytes_total));
    }
    let events = f64::from(LONG - SHORT);
    println!(
        "\nan event more:   {:18.4}  {:12.1}   (the growth of the answer's own text and stamps, which doubles)",
        (of_each(long.count_total) - of_each(short.count_total)) / events,
        (of_each(long.bytes_total) - of_each(short.bytes_total)) / events,
    );
    held(&long);
}

fn read_answers(runtime: &Runtime, client: &Client, tokens: u32) {
    let request = request(tokens.into());
    let body = body(client, &request);
    runtime.block_on(async {
        for _ in 0..ANSWERS {
            let mut observed = client.observation();
            client.exchange(&body, &mut observed).await;
            assert!(observed.outcome().is_some_and(|outcome| *outcome == infersweep::record::Outcome::Completed));
        }
    });
}

fn of_each(total: u64) -> f64 {
    f64::from(u32::try_from(total).unwrap()) / f64::from(ANSWERS)
}

/// What is left when the answers are gone is held for the next ones, or a leak.
fn held(info: &AllocationInfo) {
    println!("held at the end: {} bytes", info.bytes_current);
}
