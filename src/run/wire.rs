use std::sync::{Arc, Mutex};

use super::beside::Beside;
use super::certainty::Certainty;
use super::gauges::Gauges;
use super::prepare::{Outgoing, Upcoming};
use crate::client::{Asked, Client, Observation, Target};
use crate::load::{Start, Stop, StopSignal, Transport};
use crate::record::{KeptTimes, thin};
use crate::scenario::ChunkTimes;
use crate::store::JournalWriter;
use crate::time::Clock;
use crate::tokens::Tokenizer;
use crate::workload::Reply;

/// Joins load and client: sends what is due, records what happened.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) client: Client,
    pub(super) target: Arc<Target>,
    /// Counts the tokens of chunks where the server does not; `None` when it would only guess.
    pub(super) tokenizer: Option<Arc<dyn Tokenizer>>,
    pub(super) journal: JournalWriter,
    /// Written by the journal's thread, as rows are.
    pub(super) beside: Arc<Beside>,
    pub(super) gauges: Arc<Gauges>,
    /// Ends the load when a figure is certain enough; asked by the journal's thread.
    pub(super) certainty: Option<Arc<Mutex<Certainty>>>,
    pub(super) clock: Clock,
    /// Which stamps rows keep, and the scenario's seed, which picks the sampled ones.
    pub(super) chunk_times: (ChunkTimes, u64),
}

impl Transport for Wire {
    type Request = Upcoming;
    type Reply = Reply;

    async fn send(&self, upcoming: Upcoming, start: Start, mut stop: StopSignal) -> Reply {
        let Some(outgoing) = upcoming.encoded().await else {
            return Reply { text: String::new(), completed: false };
        };
        self.gauges.start();
        let mut observed = self.client.observation();
        let ended = tokio::select! {
            biased;
            () = self.client.exchange(&outgoing.body, &mut observed) => true,
            () = stop.reached(Stop::Cancelling) => false,
        };
        if !ended {
            observed.cancel(self.clock.now_ns());
        }
        self.gauges.end();
        // Only a conversation goes on with what was said.
        let reply = if outgoing.turn.is_some() { observed.reply() } else { observed.reply_without_text() };
        self.keep(observed, outgoing, start);
        reply
    }

    fn drop_unsent(&self, upcoming: Upcoming, start: Start) {
        // Only what stands at the start of a session is ever dropped, and that is encoded.
        let Upcoming::Encoded(outgoing) = upcoming else { return };
        let mut observed = self.client.observation();
        observed.drop_unsent(self.clock.now_ns());
        self.keep(observed, *outgoing, start);
    }
}

impl Wire {
    /// Has the row made and kept by the journal's thread: tokens are attributed there, which may run a tokenizer.
    fn keep(&self, observed: Observation, outgoing: Outgoing, start: Start) {
        let (target, tokenizer, gauges) = (Arc::clone(&self.target), self.tokenizer.clone(), Arc::clone(&self.gauges));
        let (client, beside) = (self.client.clone(), Arc::clone(&self.beside));
        let (certainty, (times, seed)) = (self.certainty.clone(), self.chunk_times);
        let weight = observed.weight() + outgoing.body.len();
        self.journal.add(weight, move || {
            let asked = Asked {
                request_index: start.request_index,
                phase: start.phase,
                model_id: &target.model_id,
                request: &outgoing.request,
                conversation: outgoing.turn.map(|(conversation, _)| conversation),
                turn: outgoing.turn.map(|(_, turn)| turn),
                scheduled_ns: start.scheduled_ns,
            };
            beside.note_failure(&client, start, &outgoing.body, &observed);
            let said = beside.said(&observed);
            let mut record = observed.into_record(&asked, tokenizer.as_deref());
            client.strike_out(&mut record);
            thin(&mut record, KeptTimes::of(times, seed, start.request_index));
            gauges.count(&record);
            if let Some(Ok(mut certainty)) = certainty.as_ref().map(|certainty| certainty.lock()) {
                certainty.add(&record);
            }
            beside.note_answer(said, &record, outgoing.request);
            record
        });
    }
}
