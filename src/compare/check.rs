use serde::Serialize;

/// A gate held against a cell, or against a pair of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The gate's words, as `ttft_ms p95 <= 800 ms`.
    pub gate: String,
    /// The cell's id; `None` where the gate applies to no cell.
    pub cell_id: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// What was seen, for people: `850 ms, above 800 ms`.
    pub says: String,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The limit is kept.
    Kept,
    /// Nobody can tell.
    Unclear,
    /// The limit is missed.
    Missed,
}

impl Outcome {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Unclear => "unclear",
            Self::Missed => "missed",
        }
    }
}

/// How many checks came out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Limits kept.
    pub kept: usize,
    /// Limits missed.
    pub missed: usize,
    /// Limits of which nobody can tell.
    pub unclear: usize,
}

impl Tally {
    /// Counts checks.
    #[must_use]
    pub fn of(checks: &[Check]) -> Self {
        let count = |outcome| checks.iter().filter(|check| check.outcome == outcome).count();
        Self { kept: count(Outcome::Kept), missed: count(Outcome::Missed), unclear: count(Outcome::Unclear) }
    }

    /// In words: `2 kept, 1 missed, 1 unclear`.
    #[must_use]
    pub fn words(&self) -> String {
        let words = [(self.kept, "kept"), (self.missed, "missed"), (self.unclear, "unclear")];
        let said: Vec<String> =
            words.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        said.join(", ")
    }
}
