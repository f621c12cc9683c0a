use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::gate::Slot;
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

/// Sends one request and waits for its end. Records by itself what happened to it, or that nothing did.
pub trait Transport: Send + Sync + 'static {
    /// What it sends.
    type Request: Send;
    /// What a script learns from it.
    type Reply: Send;

    /// Sends `request`; gives up when `stop` reaches [`Stop::Cancelling`].
    fn send(&self, request: Self::Request, start: Start, stop: StopSignal) -> impl Future<Output = Self::Reply> + Send;

    /// Notes that `request` was due while as many as may be were in flight: it is never sent.
    fn drop_unsent(&self, request: Self::Request, start: Start);
}

/// What a session on its way needs besides itself.
pub(super) struct Flight<T> {
    pub(super) transport: Arc<T>,
    /// Counts rows, for the numbers of the requests after the first.
    pub(super) rows: Arc<AtomicU64>,
    pub(super) stop: StopSignal,
}

impl<T: Transport> Flight<T> {
    /// Sends a script's requests, one after the other, in one slot; the first of them as `start` says.
    pub(super) async fn fly<S>(mut self, mut script: S, mut start: Start, slot: Slot)
    where
        S: Script<Request = T::Request, Reply = T::Reply>,
    {
        let mut last = None;
        while let Some((request, think)) = script.next(last.as_ref()) {
            if !think.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(think) => {}
                    () = self.stop.reached(Stop::Cancelling) => break,
                }
            }
            if self.stop.now() >= Stop::Cancelling {
                break;
            }
            if last.is_some() {
                let request_index = self.rows.fetch_add(1, Ordering::Relaxed);
                start = Start { request_index, scheduled_ns: None, ..start };
            }
            last = Some(self.transport.send(request, start, self.stop.clone()).await);
        }
        drop(slot);
    }
}
