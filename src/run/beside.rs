use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::RunError;
use crate::client::{Client, Observation};
use crate::load::Start;
use crate::record::{Answer, RequestRecord, SentImage};
use crate::scenario::Output;
use crate::store::{RunDir, SideLog, UnitId};
use crate::workload::{ChatRequest, Picture};

/// Failures of a unit that are kept: they are alike when there are many.
const MOST_FAILURES: u64 = 1000;

/// What is kept of a unit beside its rows, where the scenario asks for it; the journal's thread writes it.
#[derive(Debug)]
pub(super) struct Beside {
    answers: Option<SideLog>,
    failures: Option<SideLog>,
    failures_seen: AtomicU64,
}

/// The texts of an answer.
#[derive(Debug)]
pub(super) struct Said {
    text: String,
    reasoning: String,
    tool_calls: String,
}

impl Beside {
    /// Opens what `output` asks for.
    pub(super) fn open(output: &Output, dir: &RunDir, unit: &UnitId, client: &Client) -> Result<Self, RunError> {
        let secrets = || client.secrets().clone();
        let answers =
            output.save_responses.then(|| SideLog::create(&dir.responses_path(unit), secrets())).transpose()?;
        let failures = output.debug.then(|| SideLog::create(&dir.debug_path(unit), secrets())).transpose()?;
        Ok(Self { answers, failures, failures_seen: AtomicU64::new(0) })
    }

    /// Keeps what a failed request looked like.
    pub(super) fn note_failure(&self, client: &Client, start: Start, body: &[u8], observed: &Observation) {
        let Some(failures) = &self.failures else { return };
        if let Some(trace) = client.trace(start.request_index, start.phase, body, observed)
            && self.failures_seen.fetch_add(1, Ordering::Relaxed) < MOST_FAILURES
        {
            failures.add(&trace);
        }
    }

    /// The texts of an answer, if they are kept.
    pub(super) fn said(&self, observed: &Observation) -> Option<Said> {
        self.answers.is_some().then(|| Said {
            text: observed.text().to_owned(),
            reasoning: observed.reasoning().to_owned(),
            tool_calls: observed.tool_calls().to_owned(),
        })
    }

    /// Keeps what was asked and said.
    pub(super) fn note_answer(&self, said: Option<Said>, record: &RequestRecord, request: ChatRequest) {
        let (Some(answers), Some(Said { text, reasoning, tool_calls })) = (&self.answers, said) else { return };
        let image = |picture: &Arc<Picture>| SentImage {
            mime: picture.mime.to_owned(),
            bytes: u64::try_from(picture.bytes.len()).unwrap_or(u64::MAX),
        };
        answers.add(&Answer {
            request_index: record.request_index,
            phase: record.phase,
            conversation: record.conversation,
            turn: record.turn,
            response_id: record.response_id.clone(),
            outcome: record.outcome.as_str().to_owned(),
            finish_reason: record.finish_reason.clone(),
            prompt_name: request.prompt_name,
            images: request.images.iter().map(image).collect(),
            messages: request.messages.into_iter().map(Into::into).collect(),
            text,
            reasoning,
            tool_calls,
        });
    }

    /// Whether a write failed, as on a full disk.
    pub(super) fn failed(&self) -> bool {
        [&self.answers, &self.failures].into_iter().flatten().any(SideLog::failed)
    }

    /// Waits until all of it is on the disk; for after the journal, which feeds it.
    pub(super) fn finish(self: Arc<Self>) -> Result<(), RunError> {
        let fed = |_| RunError::Internal("the journal still writes".to_owned());
        let Self { answers, failures, .. } = Arc::try_unwrap(self).map_err(fed)?;
        answers.map(SideLog::finish).transpose()?;
        failures.map(SideLog::finish).transpose()?;
        Ok(())
    }
}
