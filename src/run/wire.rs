use std::sync::Arc;

use super::gauges::Gauges;
use super::prepare::{Outgoing, Upcoming};
use crate::client::{Asked, Client, Target};
use crate::load::{Start, Stop, StopSignal, Transport};
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
    pub(super) gauges: Arc<Gauges>,
    pub(super) clock: Clock,
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
            () = self.client.exchange(&outgoing.body, &mut observed) => true,
            () = stop.reached(Stop::Cancelling) => false,
        };
        if !ended {
            observed.cancel(self.clock.now_ns());
        }
        let reply = observed.reply();
        let record = observed.into_record(&self.asked(&outgoing, start), self.tokenizer.as_deref());
        self.gauges.end(&record);
        self.journal.add(record);
        reply
    }

    fn dropped(&self, upcoming: Upcoming, start: Start) {
        // Only the first request of a session is ever due, and that one is encoded.
        let Upcoming::Encoded(outgoing) = upcoming else { return };
        self.gauges.start();
        let mut observed = self.client.observation();
        observed.drop_unsent(self.clock.now_ns());
        let record = observed.into_record(&self.asked(&outgoing, start), None);
        self.gauges.end(&record);
        self.journal.add(record);
    }
}

impl Wire {
    fn asked<'r>(&'r self, outgoing: &'r Outgoing, start: Start) -> Asked<'r> {
        Asked {
            request_index: start.request_index,
            phase: start.phase,
            model_id: &self.target.model_id,
            request: &outgoing.request,
            conversation: outgoing.turn.map(|(conversation, _)| conversation),
            turn: outgoing.turn.map(|(_, turn)| turn),
            scheduled_ns: start.scheduled_ns,
        }
    }
}
