use std::io::{Read, stdin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::cli::env::Env;
use crate::cpus::{Manner, spawn_aside};

/// How long the thread waits for a key before it looks whether it is still wanted.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Single keys of the terminal, without the Enter behind them.
///
/// Ctrl-C and Ctrl-Z stay the signals they are. The terminal is as it was when this is dropped.
pub(super) struct Keyboard {
    keys: UnboundedReceiver<u8>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    before: Termios,
}

impl Keyboard {
    /// `None` where there is no terminal to read keys from.
    pub(super) fn open(env: &Env) -> Option<Self> {
        if !(env.stdin_is_terminal && env.stderr_is_terminal) {
            return None;
        }
        let before = tcgetattr(stdin()).ok()?;
        let over = Arc::new(AtomicBool::new(false));
        let (sender, keys) = unbounded_channel();
        let is_over = Arc::clone(&over);
        let listen = move || {
            while !is_over.load(Ordering::Relaxed) {
                for key in keys_pressed() {
                    // Whoever listens no longer has ended.
                    let _ = sender.send(key);
                }
            }
        };
        let thread = spawn_aside("keys", Manner::GivesWay, listen).ok()?;
        Some(Self { keys, over, thread: Some(thread), before })
    }

    /// The next key.
    pub(super) async fn next(&mut self) -> u8 {
        match self.keys.recv().await {
            Some(key) => key,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A thread that reads keys has nothing to return.
            let _ = thread.join();
        }
        if is_ours() {
            // A terminal that is gone needs nothing back.
            let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
        }
    }
}

/// Whether the terminal is this job's: one in the background is stopped when it reads or changes it.
fn is_ours() -> bool {
    tcgetpgrp(stdin()).is_ok_and(|group| group == getpgrp())
}

/// The keys that were pressed within a moment. A shell that took the terminal back meanwhile may have changed its
/// modes, so they are looked at every time.
fn keys_pressed() -> Vec<u8> {
    if !is_ours() {
        std::thread::sleep(std::time::Duration::from_millis(200));
        return Vec::new();
    }
    take_single_keys();
    let input = stdin();
    let mut wanted = [PollFd::new(&input, PollFlags::IN)];
    let pressed = poll(&mut wanted, Some(&LOOK)).is_ok_and(|ready| ready > 0);
    let mut buffer = [0; 64];
    if !pressed || !is_ours() {
        return Vec::new();
    }
    match input.lock().read(&mut buffer) {
        Ok(read) if read > 0 => buffer[..read].to_vec(),
        // A terminal that hung up is ready for ever.
        _ => {
            std::thread::sleep(std::time::Duration::from_millis(200));
            Vec::new()
        }
    }
}

/// Turns lines and the echo off.
fn take_single_keys() {
    let Ok(mut modes) = tcgetattr(stdin()) else { return };
    let wanted = modes.local_modes - LocalModes::ICANON - LocalModes::ECHO;
    if modes.local_modes != wanted {
        modes.local_modes = wanted;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        let _ = tcsetattr(stdin(), OptionalActions::Now, &modes);
    }
}
