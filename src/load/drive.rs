use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::flight::Flight;
use super::gate::Gate;
use super::{Pace, Script, Start, Stop, StopHandle, StopRule, StopSignal, Transport, Warmup};
use crate::record::Phase;
use crate::time::{Alarm, MonotonicNs};

/// The load of one repeat of one cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Traffic {
    /// When the next session may start.
    pub pace: Pace,
    /// What comes before the measured phase.
    pub warmup: Warmup,
    /// When the measured phase is over.
    pub stop: StopRule,
    /// Since the first start; what is in flight then is cancelled.
    pub timeout: Duration,
}

/// Where scripts come from: the `index`-th of a phase. Prepared ahead, so that `next` seldom waits.
pub trait Source {
    /// The scripts.
    type Script: Script;

    /// The script for that place; `None` when there is none, which ends the load.
    fn next(&mut self, phase: Phase, index: u64) -> impl Future<Output = Option<Self::Script>>;
}

/// Why a load ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The stop rule was met and everything in flight ended.
    Done,
    /// What it was for was reached before that, and everything in flight ended.
    Enough,
    /// The timeout cancelled what was in flight.
    TimedOut,
    /// A stop from outside.
    Stopped,
    /// The source gave no more.
    OutOfWork,
}

/// When a load happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first start, warm-up included.
    pub began_ns: MonotonicNs,
    /// The first measured start, by the schedule in open loop; `None` when there was none.
    pub measured_from_ns: Option<MonotonicNs>,
    /// When nothing was in flight any more.
    pub ended_ns: MonotonicNs,
    /// Why it ended.
    pub ending: Ending,
}

/// Paces the scripts of `source` over `transport` until the stop rule is met, the timeout passes or `stop` says so.
///
/// Returns when nothing is in flight any more. Every request that starts, or that is due and dropped, is told to the
/// transport, which records it. `alarm` wakes for what is due and has the clock of all stamps.
pub async fn drive<S, T>(traffic: Traffic, mut source: S, transport: Arc<T>, alarm: Alarm, stop: StopSignal) -> Window
where
    S: Source,
    T: Transport<Request = <S::Script as Script>::Request, Reply = <S::Script as Script>::Reply>,
{
    let clock = alarm.clock();
    let began_ns = clock.now_ns();
    let mut gate = Gate::new(traffic.pace, traffic.warmup, traffic.stop, alarm, began_ns);
    let rows = Arc::new(AtomicU64::new(0));
    let mut flights = JoinSet::new();
    let (cancel, _) = StopHandle::new();
    let watch = watch_over(clock.instant_of(began_ns) + traffic.timeout, stop, cancel.clone());
    tokio::pin!(watch);
    let mut starting = cancel.signal();

    let launch = async {
        loop {
            // A flight that has ended leaves its result behind; taking it keeps memory flat.
            while flights.try_join_next().is_some() {}
            let Some(place) = gate.next().await else { return Ending::Done };
            let (phase, scheduled_ns) = (place.phase, place.scheduled_ns);
            // Before it is due: what is not made in time shows as lag of the send.
            let Some(mut script) = source.next(phase, place.index).await else { return Ending::OutOfWork };
            let slot = gate.pass(place).await;
            let start = Start { request_index: rows.fetch_add(1, Ordering::Relaxed), phase, scheduled_ns };
            if let Some(slot) = slot {
                let flight =
                    Flight { transport: Arc::clone(&transport), rows: Arc::clone(&rows), stop: cancel.signal() };
                flights.spawn(flight.fly(script, start, slot));
            } else if let Some((request, _)) = script.next(None) {
                transport.drop_unsent(request, start);
            }
        }
    };
    let mut cut_short = None;
    let launched = tokio::select! {
        ending = launch => ending,
        () = starting.reached(Stop::Enough) => if starting.now() == Stop::Enough { Ending::Enough } else { Ending::Stopped },
        ending = &mut watch => { cut_short = Some(ending); Ending::Stopped },
    };
    let ending = loop {
        tokio::select! {
            flight = flights.join_next() => if flight.is_none() { break cut_short.unwrap_or(launched) },
            ending = &mut watch, if cut_short.is_none() => cut_short = Some(ending),
        }
    };
    Window { began_ns, measured_from_ns: gate.measured_from_ns(), ended_ns: clock.now_ns(), ending }
}

/// Turns the timeout and the stop from outside into the flights' own stop; returns once they are cancelled.
async fn watch_over(deadline: tokio::time::Instant, mut outside: StopSignal, flights: StopHandle) -> Ending {
    let pass_on = async {
        outside.reached(Stop::Enough).await;
        flights.go(outside.now());
        outside.reached(Stop::Draining).await;
        flights.go(Stop::Draining);
        outside.reached(Stop::Cancelling).await;
    };
    let ending = tokio::select! {
        () = tokio::time::sleep_until(deadline) => Ending::TimedOut,
        () = pass_on => Ending::Stopped,
    };
    flights.go(Stop::Cancelling);
    ending
}
