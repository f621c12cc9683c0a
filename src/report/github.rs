//! Words for GitHub Actions.

use crate::compare::{Check, Outcome};

/// Checks that are not kept as workflow commands, a line each: a missed one is an error, an unclear one a warning.
#[must_use]
pub fn github_annotations(name: &str, checks: &[Check]) -> Vec<String> {
    let line = |check: &Check| {
        let (command, word) = match check.outcome {
            Outcome::Kept => return None,
            Outcome::Missed => ("error", "missed"),
            Outcome::Unclear => ("warning", "unclear"),
        };
        let title = property(&format!("{name}: gate {word}"));
        let cell = check.cell_id.as_ref().map(|cell| format!("{cell}: ")).unwrap_or_default();
        Some(format!("::{command} title={title}::{}", message(&format!("{cell}{}: {}", check.gate, check.says))))
    };
    checks.iter().filter_map(line).collect()
}

/// A command's message, in which lines must not end.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A command's property, which ends at colons and commas too.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_is_one_line_whatever_the_names_are() {
        let check = |outcome| Check {
            gate: "ttft_ms p95 +5%".into(),
            cell_id: Some("c\n1".into()),
            outcome,
            says: "+9.0 %, beyond +5.0 %".into(),
        };
        let lines =
            github_annotations("nightly, x", &[check(Outcome::Kept), check(Outcome::Missed), check(Outcome::Unclear)]);
        assert_eq!(
            lines,
            [
                "::error title=nightly%2C x%3A gate missed::c%0A1: ttft_ms p95 +5%25: +9.0 %25, beyond +5.0 %25",
                "::warning title=nightly%2C x%3A gate unclear::c%0A1: ttft_ms p95 +5%25: +9.0 %25, beyond +5.0 %25",
            ]
        );
    }
}
