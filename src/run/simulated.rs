use std::net::Ipv4Addr;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::scenario::SimulatorSettings;
use crate::simulator::{Simulator, SimulatorOptions};

/// A simulator on a thread and runtime of its own, so that it does not wait for the client it serves.
#[derive(Debug)]
pub(super) struct SimulatedServer {
    base_url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SimulatedServer {
    /// Starts one on a free port of loopback.
    pub(super) fn start(settings: &SimulatorSettings, seed: u64) -> Result<Self, String> {
        let options = options(settings, seed);
        let (ready, started) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            let serving = tokio::runtime::Builder::new_current_thread().enable_all().build().map(|runtime| {
                runtime.block_on(async {
                    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                    let simulator = Simulator::start(options, listener)?;
                    let told = ready.send(Ok(simulator.base_url()));
                    if told.is_ok() {
                        // An error is a dropped sender: a stop as well.
                        let _ = stopped.await;
                    }
                    simulator.stop().await;
                    Ok::<(), std::io::Error>(())
                })
            });
            if let Err(error) | Ok(Err(error)) = serving {
                // Nobody listens any more once it has started.
                let _ = ready.send(Err(error.to_string()));
            }
        };
        let thread =
            std::thread::Builder::new().name("simulator".to_owned()).spawn(serve).map_err(|error| error.to_string())?;
        let base_url = started.recv().map_err(|error| error.to_string())??;
        Ok(Self { base_url, stop: Some(stop), thread: Some(thread) })
    }

    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }
}

impl Drop for SimulatedServer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
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
        seed,
        // Nobody asks for them.
        kept_stamps: 0,
        ..SimulatorOptions::default()
    }
}
