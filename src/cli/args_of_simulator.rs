use std::path::PathBuf;

use clap::Args;

use crate::cpus::CpuList;

#[derive(Debug, Args)]
pub(super) struct Calibrate {
    /// Streams at a time; may be a list
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=20_000),
          default_values_t = [1, 10, 100, 300, 1000])]
    pub(super) concurrency: Vec<u32>,
    /// Events of each stream in a second; may be a list
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=10_000),
          default_values_t = [50])]
    pub(super) events_per_s: Vec<u32>,
    /// Tokens, and so events, of an answer; half a second's unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) output_tokens: Option<u32>,
    /// The measured time of each reader at each load
    #[arg(long, value_name = "TIME", default_value = "1.5s")]
    pub(super) duration: String,
    /// What the p99 of both the send and the arrival error is to stay below
    #[arg(long, value_name = "TIME", default_value = "1ms")]
    pub(super) limit: String,
    /// Leave out the raw socket reader, this machine's own floor
    #[arg(long)]
    pub(super) no_floor: bool,
    /// Run the server in a process of its own, on other cores than the client
    #[arg(long)]
    pub(super) separate: bool,
    /// The directory that holds the results; they go to DIR/calibrate
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(super) out: PathBuf,
    /// Print the figures as JSON instead of the table
    #[arg(long)]
    pub(super) json: bool,
    /// Show only results and errors
    #[arg(long, short)]
    pub(super) quiet: bool,
}

#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// The port on loopback; 0 picks a free one
    #[arg(long, value_name = "N", default_value_t = 8000)]
    pub(super) port: u16,
    /// Fixed part of the time to the first token
    #[arg(long, value_name = "TIME", default_value = "40ms")]
    pub(super) ttft: String,
    /// Time of a decode step for one sequence
    #[arg(long, value_name = "TIME", default_value = "8ms")]
    pub(super) itl: String,
    /// Added to the time to the first token for each input token
    #[arg(long, value_name = "TIME", default_value = "20us")]
    pub(super) prefill_per_token: String,
    /// Time to make another model ready than the one used last
    #[arg(long, value_name = "TIME", default_value = "0s")]
    pub(super) switch: String,
    /// Fraction by which each further sequence slows a step
    #[arg(long, value_name = "SHARE", default_value_t = 0.02)]
    pub(super) batch_slowdown: f64,
    /// Sequences decoded at once; more wait
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub(super) slots: u32,
    /// Relative standard deviation of prefill and step times
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(super) jitter: f64,
    /// Decode each sequence by steps of its own instead of all in one batch: no bursts
    #[arg(long)]
    pub(super) apart: bool,
    /// Speak HTTP/2 in clear, by prior knowledge, instead of HTTP/1.1
    #[arg(long)]
    pub(super) http2: bool,
    /// Hold the server to these processors, as 0-3,8
    #[arg(long, value_name = "LIST")]
    pub(super) cpus: Option<CpuList>,
    /// Stop when standard input ends too
    #[arg(long)]
    pub(super) until_eof: bool,
    /// Requests whose stamps are kept for /simulator/stamps
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(super) kept_stamps: usize,
}
