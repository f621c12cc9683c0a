use crate::scenario::{HttpVersion, SimulatorSettings};
use crate::simulator::{HostedSimulator, SimulatorOptions};

/// Starts the simulator that a scenario describes.
pub(super) fn start(settings: &SimulatorSettings, seed: u64, http: HttpVersion) -> Result<HostedSimulator, String> {
    let options = SimulatorOptions { http2: http == HttpVersion::Http2, ..options(settings, seed) };
    HostedSimulator::start(options).map_err(|error| error.to_string())
}

fn options(settings: &SimulatorSettings, seed: u64) -> SimulatorOptions {
    SimulatorOptions {
        ttft: settings.ttft,
        prefill_per_token: settings.prefill_per_token,
        itl: settings.itl,
        batch_slowdown: settings.batch_slowdown,
        slots: settings.slots as usize,
        jitter: settings.jitter,
        template_tokens: settings.template_tokens.into(),
        context_length: settings.context_length.into(),
        switch: settings.switch,
        seed,
        // Nobody asks for them.
        kept_stamps: 0,
        ..SimulatorOptions::default()
    }
}
