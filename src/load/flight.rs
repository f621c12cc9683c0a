use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::gate::Entry;
use super::{Stop, StopSignal};
use crate::record::Phase;
use crate::time::MonotonicNs;

/// Requests that follow one another in one slot.
pub trait Script: Send + 'static {
    /// What is sent.
    type Request: Send;
    /// What comes back.
    type Reply: Send;

    /// The next request and the wait before it; `None` ends the script.
    fn next(&mut self, last: Option<&Self::Reply>) -> Option<(Self::Request, Duration)>;
}

/// What a transport is told of a request besides its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// From 0, in order of starting.
    pub request_index: u64,
    /// The session's phase.
    pub phase: Phase,
    /// When it was due, in open loop.
    pub scheduled_ns: Option<MonotonicNs>,
}

/// Sends one request and waits for its end. Records what happened by itself.
pub trait Transport: Send + Sync + 'static {
    /// What it sends.
    type Request: Send;
    /// What a script learns from it.
    type Reply: Send;

    /// Sends `request`; gives up when `stop` reaches [`Stop::Cancelling`].
    fn send(&self, request: Self::Request, start: Start, stop: StopSignal) -> impl Future<Output = Self::Reply> + Send;

    /// Notes that `request` was due and is never sent.
    fn drop_unsent(&self, request: Self::Request, start: Start);
}

/// One session on its way: its script's requests, one after the other, in the slot of `entry`.
pub(super) async fn fly<S, T>(
    mut script: S,
    entry: Entry,
    transport: Arc<T>,
    rows: Arc<AtomicU64>,
    mut stop: StopSignal,
) where
    S: Script,
    T: Transport<Request = S::Request, Reply = S::Reply>,
{
    let mut last = None;
    let Entry { phase, mut scheduled_ns, slot, .. } = entry;
    while let Some((request, think)) = script.next(last.as_ref()) {
        if !think.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(think) => {}
                () = stop.reached(Stop::Cancelling) => break,
            }
        }
        if stop.now() >= Stop::Cancelling {
            break;
        }
        let request_index = rows.fetch_add(1, Ordering::Relaxed);
        let start = Start { request_index, phase, scheduled_ns: scheduled_ns.take() };
        last = Some(transport.send(request, start, stop.clone()).await);
    }
    drop(slot);
}

/// Tells the transport of a session that is due and finds no room.
pub(super) fn drop_unsent<S, T>(mut script: S, entry: &Entry, transport: &T, rows: &AtomicU64)
where
    S: Script,
    T: Transport<Request = S::Request, Reply = S::Reply>,
{
    if let Some((request, _)) = script.next(None) {
        let request_index = rows.fetch_add(1, Ordering::Relaxed);
        transport.drop_unsent(request, Start { request_index, phase: entry.phase, scheduled_ns: entry.scheduled_ns });
    }
}
