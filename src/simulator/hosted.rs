//! A simulator on a thread and runtime of its own.

use std::io;
use std::net::Ipv4Addr;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::options::SimulatorOptions;
use super::server::Simulator;
use crate::cpus::{Manner, spawn_aside};

/// A simulator on a thread and runtime of its own, so that it does not wait for the client it serves. Dropping it stops it.
#[derive(Debug)]
pub struct HostedSimulator {
    base_url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl HostedSimulator {
    /// What its thread is called; on Linux the threads of its engines inherit the name.
    pub const THREAD_NAME: &str = "simulator";

    /// Starts one on a free port of loopback.
    ///
    /// # Errors
    /// No thread, no runtime or no port is to be had.
    pub fn start(options: SimulatorOptions) -> io::Result<Self> {
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
                    Ok::<(), io::Error>(())
                })
            });
            if let Err(error) | Ok(Err(error)) = serving {
                // Nobody listens any more once it has started.
                let _ = ready.send(Err(error));
            }
        };
        let thread = spawn_aside(Self::THREAD_NAME, Manner::Equal, serve)?;
        let base_url = started.recv().map_err(io::Error::other)??;
        Ok(Self { base_url, stop: Some(stop), thread: Some(thread) })
    }

    /// The base URL of its OpenAI interface: `http://ADDRESS/v1`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}

impl Drop for HostedSimulator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
