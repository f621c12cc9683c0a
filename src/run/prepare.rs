use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::error::RunError;
use super::room::Room;
use crate::client::{Client, Target};
use crate::load::{Script, Source};
use crate::record::Phase;
use crate::workload::{ChatRequest, Reply, Session, Workload};

/// Sessions made ahead of use, at least; as many as are in flight when that is more.
const AHEAD: usize = 64;

/// Sessions of each phase that are made ahead of use.
pub(super) fn made_ahead(concurrency: usize) -> usize {
    AHEAD.max(concurrency.saturating_mul(2))
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
    fn encode(&self, request: ChatRequest, session: u64) -> Outgoing {
        let turn = request.turn.map(|turn| (session, turn));
        Outgoing { body: self.client.encode(&request, &self.target), request, turn }
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
            Some(encoder.encode(request, index))
        });
        Some((Upcoming::Encoding(encoding), think))
    }
}

fn locked(session: &Mutex<Box<dyn Session>>) -> MutexGuard<'_, Box<dyn Session>> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sessions of a unit, made by a thread of their own into two bounded rings, one a phase.
pub(super) struct Prompter {
    warmup: Ring,
    measure: Ring,
}

/// The sessions of a phase, first made first out: made ahead, bounded in number and in bytes.
struct Ring {
    /// Taken out of the ring already, to see that all is well before the clock starts.
    ready: VecDeque<Prepared>,
    made: mpsc::Receiver<Made>,
    room: Arc<Room>,
}

impl Ring {
    async fn next(&mut self) -> Option<Made> {
        let made = self.made.recv().await?;
        if let Ok(prepared) = &made {
            self.room.give_back(prepared.bytes);
        }
        Some(made)
    }
}

type Made = Result<Prepared, String>;

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
        let ring = |phase: Phase, count: Option<u64>| {
            let (sender, receiver) = mpsc::channel(ahead);
            let (workload, encoder) = (Arc::clone(workload), encoder.clone());
            let room = Arc::new(Room::default());
            let room_there = Arc::clone(&room);
            let make = move || {
                for index in 0..count.unwrap_or(u64::MAX) {
                    if !room_there.wait(|| sender.is_closed()) {
                        break;
                    }
                    let made = prepare(workload.as_ref(), &encoder, phase, index);
                    let failed = made.is_err();
                    room_there.take(made.as_ref().map_or(0, |prepared| prepared.bytes));
                    if sender.blocking_send(made).is_err() || failed {
                        break;
                    }
                }
            };
            // Without a thread nothing is made, and the load ends for want of work.
            let _ = std::thread::Builder::new().name("prompts".to_owned()).spawn(make);
            Ring { ready: VecDeque::new(), made: receiver, room }
        };
        Self { warmup: ring(Phase::Warmup, wanted.warmup), measure: ring(Phase::Measure, wanted.measure) }
    }

    /// Waits until enough is made for the first starts, so that the clock does not start before.
    pub(super) async fn ready(&mut self, wanted: Wanted) -> Result<(), RunError> {
        let enough = |count: Option<u64>| {
            let most = wanted.concurrency.max(1);
            count.map_or(most, |count| usize::try_from(count).unwrap_or(most).min(most))
        };
        for (phase, count) in [(Phase::Warmup, enough(wanted.warmup)), (Phase::Measure, enough(wanted.measure))] {
            for _ in 0..count {
                let ring = self.ring(phase);
                match ring.next().await {
                    Some(Ok(prepared)) => ring.ready.push_back(prepared),
                    Some(Err(message)) => return Err(RunError::Prompt { cell: String::new(), message }),
                    None => return Err(RunError::Internal("no thread to make prompts".to_owned())),
                }
            }
        }
        Ok(())
    }

    fn ring(&mut self, phase: Phase) -> &mut Ring {
        match phase {
            Phase::Warmup => &mut self.warmup,
            Phase::Measure => &mut self.measure,
        }
    }
}

impl Source for Prompter {
    type Script = Prepared;

    async fn next(&mut self, phase: Phase, _: u64) -> Option<Prepared> {
        let ring = self.ring(phase);
        if let Some(prepared) = ring.ready.pop_front() {
            return Some(prepared);
        }
        // What renders once renders again: an error here ends the load early, and the unit shows fewer requests.
        ring.next().await?.ok()
    }
}

fn prepare(workload: &dyn Workload, encoder: &Encoder, phase: Phase, index: u64) -> Made {
    let mut session = workload.session(phase.as_str(), index).map_err(|fault| fault.message)?;
    let first = session.next(None).map(|request| Box::new(encoder.encode(request, index)));
    let bytes = first.as_ref().map_or(0, |first| first.body.len());
    Ok(Prepared { first, bytes, index, session: Arc::new(Mutex::new(session)), encoder: encoder.clone() })
}
