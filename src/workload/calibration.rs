use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::words::common;
use crate::tokens::Tokenizer;

/// What a request costs beyond its text, at one endpoint for one model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenModel {
    /// Tokens of the chat template round one user message.
    pub overhead: i64,
    /// Whether a probe told, or nothing did and 0 is assumed.
    pub probed: bool,
    /// Whether the server counts a longer text otherwise than the tokenizer does.
    pub mismatch: bool,
    /// What it was learnt from.
    #[serde(default)]
    pub probes: Vec<ProbeResult>,
}

impl TokenModel {
    /// Nothing known: no overhead.
    #[must_use]
    pub fn assumed() -> Self {
        Self::default()
    }
}

/// What a probe came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// Tokens of its text by our count.
    pub text_tokens: u64,
    /// Input tokens by the server's count.
    pub prompt_tokens_server: u64,
}

/// What a calibration wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalibrationStep {
    /// Send this text as a single user message and say what the server counts.
    Probe {
        /// The text.
        text: String,
        /// Its tokens by our count.
        text_tokens: u64,
    },
    /// Nothing: this is how the server counts.
    Done(TokenModel),
}

/// Learns the chat template's tokens with two probes, without any I/O of its own.
///
/// The difference between the server's count and ours is the overhead. A longer text must show the same one.
#[derive(Debug, Clone)]
pub struct Calibration {
    tokenizer: Arc<dyn Tokenizer>,
}

/// Everyday words of the first probe, and of the second where only those can be counted.
const PROBE_WORDS: [usize; 2] = [8, 120];

/// The second probe otherwise. Any two vocabularies have everyday words as one token each; they part over figures,
/// code, accents and other scripts, so that the wrong tokenizer shows here.
const PROBE: &str = include_str!("probe.txt");

impl Calibration {
    /// A calibration of a tokenizer against a server.
    pub fn new(tokenizer: Arc<dyn Tokenizer>) -> Self {
        Self { tokenizer }
    }

    /// The next step, after these results.
    pub fn next(&self, observed: &[ProbeResult]) -> CalibrationStep {
        let overhead = |result: &ProbeResult| signed(result.prompt_tokens_server) - signed(result.text_tokens);
        if let [short, long, ..] = observed {
            let (overhead, confirmed) = (overhead(short), overhead(long));
            let probes = vec![*short, *long];
            return CalibrationStep::Done(TokenModel {
                overhead,
                probed: true,
                mismatch: overhead != confirmed,
                probes,
            });
        }
        let text = self.text(observed.len());
        let text_tokens = self.tokenizer.count(&text) as u64;
        CalibrationStep::Probe { text, text_tokens }
    }

    /// The text of the probe that follows `sent` others.
    fn text(&self, sent: usize) -> String {
        if sent > 0 && self.tokenizer.takes_any_text() {
            return PROBE.to_owned();
        }
        let words: Vec<&str> = common().iter().copied().step_by(5).take(PROBE_WORDS[sent]).collect();
        words.join(" ")
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
