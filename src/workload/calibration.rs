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
    /// The words that are one token each, where the server alone counts and not all everyday words are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
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

/// A text to send as a single user message, to be told what the server counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The text.
    pub text: String,
    /// Its tokens by our count.
    pub text_tokens: u64,
}

/// What a calibration wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalibrationStep {
    /// Send these, in any order or at once.
    Probes(Vec<Probe>),
    /// Nothing: this is how the server counts.
    Done(TokenModel),
}

/// Learns the chat template's tokens with two probes, without any I/O of its own.
///
/// The difference between the server's count and ours is the overhead. A longer text must show the same one. Where the
/// server alone counts and it does not, some more probes look for words that are one token each.
#[derive(Debug, Clone)]
pub struct Calibration {
    tokenizer: Arc<dyn Tokenizer>,
}

/// Everyday words of the first probe, and of the second where only those can be counted.
const PROBE_WORDS: [usize; 2] = [8, 120];

/// The second probe otherwise. Any two vocabularies have everyday words as one token each; they part over figures,
/// code, accents and other scripts, so that the wrong tokenizer shows here.
const PROBE: &str = include_str!("probe.txt");

/// The word that further probes measure others by.
const UNIT: &str = "the";

/// Further probes, each of another group of words: so many groups, and words in each.
const GROUPS: usize = 8;
const GROUP_WORDS: usize = 24;

impl Calibration {
    /// A calibration of a tokenizer against a server.
    pub fn new(tokenizer: Arc<dyn Tokenizer>) -> Self {
        Self { tokenizer }
    }

    /// The next step, after these results, in the order of their probes.
    pub fn next(&self, observed: &[ProbeResult]) -> CalibrationStep {
        match observed {
            [short, long] if overhead(short) == overhead(long) => done(observed, overhead(short), false, Vec::new()),
            [_, _] if !self.tokenizer.takes_any_text() => {
                let units = [UNIT.to_owned(), format!("{UNIT} {UNIT}")];
                let groups = (0..GROUPS).map(|group| words_of(group).join(" "));
                CalibrationStep::Probes(units.into_iter().chain(groups).map(|text| self.probe(text)).collect())
            }
            [short, _] => done(observed, overhead(short), true, Vec::new()),
            [short, _, one, two, groups @ ..] => {
                let known = overhead(one);
                let single = |(group, result): (usize, &ProbeResult)| (overhead(result) == known).then_some(group);
                let good: Vec<usize> = groups.iter().enumerate().filter_map(single).collect();
                if overhead(two) != known || good.is_empty() {
                    return done(observed, overhead(short), true, Vec::new());
                }
                done(observed, known, false, good.into_iter().flat_map(words_of).map(str::to_owned).collect())
            }
            _ => {
                let text = |sent: usize| match sent {
                    1 if self.tokenizer.takes_any_text() => PROBE.to_owned(),
                    _ => common().iter().copied().step_by(5).take(PROBE_WORDS[sent]).collect::<Vec<_>>().join(" "),
                };
                CalibrationStep::Probes((0..2).map(|sent| self.probe(text(sent))).collect())
            }
        }
    }

    fn probe(&self, text: String) -> Probe {
        Probe { text_tokens: self.tokenizer.count(&text) as u64, text }
    }
}

fn done(observed: &[ProbeResult], overhead: i64, mismatch: bool, words: Vec<String>) -> CalibrationStep {
    CalibrationStep::Done(TokenModel { overhead, probed: true, mismatch, words, probes: observed.to_vec() })
}

/// The words of a group, from all over the list.
fn words_of(group: usize) -> Vec<&'static str> {
    common().iter().copied().filter(|word| *word != UNIT).skip(group).step_by(GROUPS).take(GROUP_WORDS).collect()
}

fn overhead(result: &ProbeResult) -> i64 {
    signed(result.prompt_tokens_server) - signed(result.text_tokens)
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::Words;
    use crate::workload::tests::{order, tokenizers_of_all_kinds};
    use crate::workload::{Synthetic, SyntheticOrder, server_tokenizer, server_tokenizer_of};

    /// What a calibration of `ours` learns of a server that counts by `theirs` and adds `overhead`.
    fn learnt(ours: &Arc<dyn Tokenizer>, theirs: &dyn Fn(&str) -> usize, overhead: u64) -> TokenModel {
        let calibration = Calibration::new(Arc::clone(ours));
        let mut observed = Vec::new();
        loop {
            match calibration.next(&observed) {
                CalibrationStep::Probes(probes) => {
                    for Probe { text, text_tokens } in probes {
                        assert_eq!((text.trim(), ours.count(&text) as u64), (text.as_str(), text_tokens));
                        observed
                            .push(ProbeResult { text_tokens, prompt_tokens_server: theirs(&text) as u64 + overhead });
                    }
                }
                CalibrationStep::Done(model) => {
                    assert!(observed.len() == 2 || !ours.takes_any_text(), "{}", observed.len());
                    assert_eq!(&observed, &model.probes);
                    return model;
                }
            }
        }
    }

    #[test]
    fn two_probes_learn_the_overhead_and_notice_another_tokenizer() {
        for (name, ours) in tokenizers_of_all_kinds() {
            let right = learnt(ours, &|text| ours.count(text), 36);
            assert_eq!(
                (right.overhead, right.probed, right.mismatch, right.probes.len()),
                (36, true, false, 2),
                "{name}"
            );
            assert!(learnt(ours, &|text| 2 * ours.count(text), 36).mismatch, "{name}");
        }
    }

    #[test]
    fn where_the_server_splits_some_everyday_words_prompts_are_made_of_the_others() {
        // Words on `k` and some more are two tokens.
        let theirs = |text: &str| {
            text.split_whitespace()
                .map(|word| if word.starts_with('k') || word.starts_with("wi") { 2 } else { 1 })
                .sum()
        };
        let model = learnt(&server_tokenizer(), &theirs, 12);
        assert_eq!((model.overhead, model.mismatch), (12, false), "{:?}", model.probes);
        assert!(model.words.len() >= 24 && model.words.iter().all(|word| theirs(word) == 1));
        let tokenizer = server_tokenizer_of(&model.words);
        let cell = "model=a input_tokens=300 output_tokens=5 language=en";
        let synthetic = Synthetic::new(SyntheticOrder { tokens: model, ..order(cell, tokenizer) });
        for index in 0..20 {
            let request = synthetic.request("measure", index).unwrap();
            assert_eq!(theirs(request.messages[0].text().unwrap()), 300 - 12);
        }
    }

    #[test]
    fn vocabularies_that_agree_on_everyday_words_are_told_apart() {
        let splits_figures = |text: &str| Words.count(text) + text.bytes().filter(u8::is_ascii_digit).count();
        let everyday = common().join(" ");
        assert_eq!(splits_figures(&everyday), Words.count(&everyday));
        assert!(learnt(&(Arc::new(Words) as Arc<dyn Tokenizer>), &splits_figures, 3).mismatch);
    }
}
