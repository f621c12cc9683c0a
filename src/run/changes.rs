use std::path::{Component, Path, PathBuf};

use crate::plan::Cell;
use crate::scenario::{AxisName, AxisValue, Scenario, TokenizerSource};
use crate::store::{PlanFile, PlannedCell};
use crate::units::SizeSpec;

/// Why the digest of a cell is another than it was, in words: `prompts/x.yaml changed`, `load.requests 8 is now 16`.
///
/// Never empty.
pub(super) fn changes(scenario: &Scenario, cell: &Cell, earlier: &PlannedCell, plan: &PlanFile) -> Vec<String> {
    let mut told = Vec::new();
    if cell.requests != earlier.requests {
        let count = |requests: Option<u64>| requests.map_or_else(|| "by time".to_owned(), |count| count.to_string());
        told.push(format!("requests {} is now {}", count(earlier.requests), count(cell.requests)));
    }
    if let Some(parts) = plan.parts_of(earlier) {
        told.extend(cell.parts.changed(parts).into_iter().map(|part| changed(part, scenario, cell)));
    }
    if told.is_empty() {
        told.push("measured in another way by another version of the tool".to_owned());
    }
    told
}

/// A part by the file that it is the content of, else by its key.
fn changed(part: &str, scenario: &Scenario, cell: &Cell) -> String {
    match file(part, scenario, cell) {
        Some(file) => format!("{} changed", tidy(&file).display()),
        None => format!("{part} changed"),
    }
}

fn file(part: &str, scenario: &Scenario, cell: &Cell) -> Option<PathBuf> {
    let prompt = &scenario.prompt;
    match part {
        "prompt.file" => return prompt.file.clone(),
        "prompt.system" => return prompt.system.clone(),
        "dataset.file" => return scenario.dataset.as_ref().map(|dataset| dataset.file.clone()),
        "matrix.input_tokens" => return size_file(cell, &AxisName::InputTokens),
        "matrix.output_tokens" => return size_file(cell, &AxisName::OutputTokens),
        _ => {}
    }
    if let Some(name) = part.strip_prefix("prompt.included.") {
        return prompt.included.iter().find(|one| one.name == name).map(|one| one.path.clone());
    }
    let label = part.strip_prefix("models.")?.strip_suffix(".tokenizer")?;
    match &scenario.models.get(label)?.tokenizer {
        Some(TokenizerSource::File(path)) => Some(path.clone()),
        _ => None,
    }
}

fn size_file(cell: &Cell, axis: &AxisName) -> Option<PathBuf> {
    match cell.axes.get(axis) {
        Some(AxisValue::Tokens(SizeSpec::Empirical(file))) => Some(file.path().to_owned()),
        _ => None,
    }
}

/// `a/../b/./c` as `b/c`.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(tidy.components().next_back(), Some(Component::Normal(_))) => {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    tidy
}

/// The first of many, and how many more there are.
pub(super) fn first_of(texts: &[String], most: usize) -> String {
    let named = texts.iter().take(most).map(String::as_str).collect::<Vec<_>>().join(", ");
    match texts.len().saturating_sub(most) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_without_detours() {
        for (path, shown) in [
            ("a/../b/./c", "b/c"),
            ("../../x", "../../x"),
            ("/a/b/../../c", "/c"),
            ("a/b/../../../c", "../c"),
            ("a", "a"),
        ] {
            assert_eq!(tidy(Path::new(path)), Path::new(shown), "{path}");
        }
    }

    #[test]
    fn many_changes_are_cut_short() {
        let texts = ["a", "b", "c", "d"].map(str::to_owned);
        assert_eq!((first_of(&texts, 4).as_str(), first_of(&texts, 2).as_str()), ("a, b, c, d", "a, b and 2 more"));
    }
}
