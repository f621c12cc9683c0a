//! A row for tests of every floor above.

use super::{KeptTimes, Outcome, Phase, RequestRecord, ServerReport, Stamps, TokenCounts};

/// A measured row that completed and says nothing else.
pub(crate) fn completed() -> RequestRecord {
    RequestRecord {
        request_index: 0,
        phase: Phase::Measure,
        model_id: "m".to_owned(),
        prompt_name: None,
        conversation: None,
        turn: None,
        response_id: None,
        outcome: Outcome::Completed,
        http_status: Some(200),
        attempts: Vec::new(),
        stamps: Stamps::default(),
        chunks: Vec::new(),
        chunk_times: KeptTimes::All,
        token_source: None,
        tokens: TokenCounts::default(),
        finish_reason: None,
        server: ServerReport::default(),
    }
}
