use std::net::Ipv4Addr;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::args;
use super::exit::{Exit, Failure};
use super::terminal::Terminal;
use crate::simulator::{Decoding, Simulator, SimulatorOptions};
use crate::units::parse_duration;

/// `infersweep simulate`: serves the simulator until it is interrupted.
pub(super) fn simulate(args: &args::Simulate, terminal: &Terminal) -> Result<Exit, Failure> {
    let duration =
        |flag: &str, text: &str| parse_duration(text).map_err(|error| Failure::usage(format!("{flag}: {error}")));
    let options = SimulatorOptions {
        ttft: duration("--ttft", &args.ttft)?,
        itl: duration("--itl", &args.itl)?,
        prefill_per_token: duration("--prefill-per-token", &args.prefill_per_token)?,
        switch: duration("--switch", &args.switch)?,
        batch_slowdown: args.batch_slowdown,
        slots: args.slots as usize,
        jitter: args.jitter,
        decoding: if args.apart { Decoding::Apart } else { Decoding::Batch },
        http2: args.http2,
        kept_stamps: args.kept_stamps,
        ..SimulatorOptions::default()
    };
    if let Some(cpus) = &args.cpus {
        // Before any other thread: they inherit it.
        cpus.pin_thread().map_err(|error| Failure::failed(format!("--cpus {cpus}: {error}")))?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await.map_err(|error| {
            Failure::failed(format!("port {} cannot be used: {error}", args.port))
                .help("choose another with --port, or 0 for a free one")
        })?;
        let simulator = Simulator::start(options, listener).map_err(Failure::failed)?;
        terminal.result(&format!("serving a simulated LLM at {}", simulator.base_url()));
        let input_ends = end_of_input(args.until_eof);
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Failure::failed)?,
            () = input_ends => {}
        }
        simulator.stop().await;
        Ok(Exit::Done)
    })
}

/// Returns when standard input ends, if that is waited for: who started this process is gone then.
async fn end_of_input(waited_for: bool) {
    let (over, is_over) = oneshot::channel::<()>();
    if !waited_for {
        return std::future::pending().await;
    }
    // A thread: reading standard input cannot be given up, and must not hold up the runtime's end.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop(over);
    });
    let _ = is_over.await;
}
