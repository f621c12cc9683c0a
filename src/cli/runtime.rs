use tokio::runtime::{Builder, Runtime};

use super::exit::Failure;
use crate::cpus::{CpuList, Manner, keep_for_timing, step_aside};

/// The runtime that sends and stamps: the calling thread alone, held to `pin`. What is called blocking steps aside.
pub(super) fn timed(pin: Option<&CpuList>) -> Result<Runtime, Failure> {
    if let Some(cpus) = pin {
        keep_for_timing(cpus).map_err(|error| {
            Failure::usage(format!("--pin {cpus}: {error}"))
                .help("name processors that this process may run on: `nproc` counts them, the first is 0")
        })?;
    }
    let mut builder = Builder::new_current_thread();
    builder.enable_all().on_thread_start(|| step_aside(Manner::GivesWay)).build().map_err(Failure::failed)
}
