use std::net::Ipv4Addr;

use tokio::net::TcpListener;

use super::args;
use super::exit::{Exit, Failure};
use super::terminal::Terminal;
use crate::simulator::{Simulator, SimulatorOptions};
use crate::units::parse_duration;

/// `infersweep simulate`: serves the simulator until it is interrupted.
pub(super) fn simulate(args: &args::Simulate, terminal: &Terminal) -> Result<Exit, Failure> {
    let duration =
        |flag: &str, text: &str| parse_duration(text).map_err(|error| Failure::usage(format!("{flag}: {error}")));
    let options = SimulatorOptions {
        ttft: duration("--ttft", &args.ttft)?,
        itl: duration("--itl", &args.itl)?,
        prefill_per_token: duration("--prefill-per-token", &args.prefill_per_token)?,
        batch_slowdown: args.batch_slowdown,
        slots: args.slots as usize,
        jitter: args.jitter,
        kept_stamps: args.kept_stamps,
        ..SimulatorOptions::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await.map_err(|error| {
            Failure::failed(format!("port {} cannot be used: {error}", args.port))
                .help("choose another with --port, or 0 for a free one")
        })?;
        let simulator = Simulator::start(options, listener).map_err(Failure::failed)?;
        terminal.result(&format!("serving a simulated LLM at {}", simulator.base_url()));
        tokio::signal::ctrl_c().await.map_err(Failure::failed)?;
        simulator.stop().await;
        Ok(Exit::Done)
    })
}
