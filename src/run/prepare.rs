use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::error::RunError;
use super::ring::{Held, Ring};
use crate::client::{Client, Target};
use crate::load::{Script, Source};
use crate::record::Phase;
use crate::workload::{ChatRequest, Reply, Session, Workload};

/// Sessions that a ring holds, at least; as many as are in flight when that is more.
const AHEAD: usize = 64;

/// Sessions of each phase that are held at most before they are used: those that wait for the clock to start, and as
/// many as the ring holds behind them.
pub(super) fn made_ahead(concurrency: usize) -> usize {
    concurrency.saturating_add(AHEAD.max(concurrency))
}

/// A request whose body is encoded.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) body: Bytes,
    pub(super) request: ChatRequest,
    /// The conversation it belongs to and its turn.
    pub(super) turn: Option<(u64, u32)>,
}

/// A request on its way: encoded before its session started, or by another thread during the think time.
#[derive(Debug)]
pub(super) enum Upcoming {
    Encoded(Box<Outgoing>),
    Encoding(JoinHandle<Option<Outgoing>>),
}

impl Upcoming {
    /// Waits until it is encoded; `None` when its thread is gone, which only the end of the process does.
    pub(super) async fn encoded(self) -> Option<Outgoing> {
        match self {
            Self::Encoded(outgoing) => Some(*outgoing),
            Self::Encoding(handle) => handle.await.ok().flatten(),
        }
    }
}

/// Encodes requests for one model at one endpoint.
#[derive(Debug, Clone)]
pub(super) struct Encoder {
    pub(super) client: Client,
    pub(super) target: Arc<Target>,
}

impl Encoder {
    /// The request as it goes out; why not, where its endpoint cannot carry it.
    fn encode(&self, request: ChatRequest, session: u64) -> Result<Outgoing, String> {
        if let Some(why) = self.client.refuses(&request) {
            return Err(why.to_owned());
        }
        let turn = request.turn.map(|turn| (session, turn));
        Ok(Outgoing { body: self.client.encode(&request, &self.target), request, turn })
    }
}

/// A session whose first request is encoded already; later ones hang on the replies.
pub(super) struct Prepared {
    first: Option<Box<Outgoing>>,
    /// Of the first request's body.
    bytes: usize,
    /// Its number within the phase.
    index: u64,
    session: Arc<Mutex<Box<dyn Session>>>,
    encoder: Encoder,
}

impl Prepared {
    /// The `index`-th session of a phase.
    pub(super) fn new(workload: &dyn Workload, encoder: &Encoder, phase: Phase, index: u64) -> Result<Self, String> {
        let mut session = workload.session(phase.as_str(), index).map_err(|fault| fault.message)?;
        let first = session.next(None).map(|request| encoder.encode(request, index).map(Box::new)).transpose()?;
        let bytes = first.as_ref().map_or(0, |first| first.body.len());
        Ok(Self { first, bytes, index, session: Arc::new(Mutex::new(session)), encoder: encoder.clone() })
    }
}

impl Held for Prepared {
    fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Script for Prepared {
    type Request = Upcoming;
    type Reply = Reply;

    fn next(&mut self, last: Option<&Reply>) -> Option<(Upcoming, Duration)> {
        if let Some(first) = self.first.take() {
            return Some((Upcoming::Encoded(first), Duration::ZERO));
        }
        let last = last?;
        let think = locked(&self.session).think(last)?;
        let (session, encoder, last, index) =
            (Arc::clone(&self.session), self.encoder.clone(), last.clone(), self.index);
        // A long conversation takes a while to count and to encode: not on the thread that takes the time.
        let encoding = tokio::task::spawn_blocking(move || {
            let request = locked(&session).next(Some(&last))?;
            encoder.encode(request, index).ok()
        });
        Some((Upcoming::Encoding(encoding), think))
    }
}

fn locked(session: &Mutex<Box<dyn Session>>) -> MutexGuard<'_, Box<dyn Session>> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sessions of a unit, made by threads of their own into two bounded rings, one a phase.
pub(super) struct Prompter {
    warmup: Ahead,
    measure: Ahead,
}

/// The sessions of a phase, first made first out.
struct Ahead {
    /// Taken out of the ring already, to see that all is well before the clock starts.
    ready: VecDeque<Prepared>,
    ring: Ring<Prepared>,
}

/// How many sessions of each phase are wanted at most; `None`: as many as the time takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) warmup: Option<u64>,
    pub(super) measure: Option<u64>,
    pub(super) concurrency: usize,
}

impl Prompter {
    /// Starts making sessions.
    pub(super) fn start(workload: &Arc<dyn Workload>, encoder: &Encoder, wanted: Wanted) -> Self {
        let ahead = made_ahead(wanted.concurrency);
        let ahead_of = |phase: Phase, count: Option<u64>| {
            let (workload, encoder) = (Arc::clone(workload), encoder.clone());
            let make = move |index| Prepared::new(workload.as_ref(), &encoder, phase, index);
            Ahead { ready: VecDeque::new(), ring: Ring::start(Arc::new(make), count.unwrap_or(u64::MAX), ahead) }
        };
        Self { warmup: ahead_of(Phase::Warmup, wanted.warmup), measure: ahead_of(Phase::Measure, wanted.measure) }
    }

    /// Waits until enough is made for the first starts, so that the clock does not start before.
    pub(super) async fn ready(&mut self, wanted: Wanted) -> Result<(), RunError> {
        let enough = |count: Option<u64>| {
            let most = wanted.concurrency.max(1);
            count.map_or(most, |count| usize::try_from(count).unwrap_or(most).min(most))
        };
        for (phase, count) in [(Phase::Warmup, enough(wanted.warmup)), (Phase::Measure, enough(wanted.measure))] {
            for _ in 0..count {
                let ahead = self.ahead(phase);
                match ahead.ring.recv().await {
                    Some(Ok(prepared)) => ahead.ready.push_back(prepared),
                    Some(Err(message)) => return Err(RunError::Prompt { cell: String::new(), message }),
                    None => return Err(RunError::Internal("no thread to make prompts".to_owned())),
                }
            }
        }
        Ok(())
    }

    fn ahead(&mut self, phase: Phase) -> &mut Ahead {
        match phase {
            Phase::Warmup => &mut self.warmup,
            Phase::Measure => &mut self.measure,
        }
    }
}

impl Source for Prompter {
    type Script = Prepared;

    async fn next(&mut self, phase: Phase, _: u64) -> Option<Prepared> {
        let ahead = self.ahead(phase);
        if let Some(prepared) = ahead.ready.pop_front() {
            return Some(prepared);
        }
        // What renders once renders again: an error here ends the load early, and the unit shows fewer requests.
        ahead.ring.recv().await?.ok()
    }
}
