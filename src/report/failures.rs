use std::collections::BTreeMap;

use super::notes::{asked, requests};
use crate::metrics::CellSummary;
use crate::record::Cause;
use crate::text::{plural, shorten};

/// Characters of a message that a note shows; the rows have all of it.
const SHOWN_MESSAGE: usize = 160;

/// What was said of the first failure of each cause, and what to do: once for all cells, in the order of a request's life.
pub(super) fn first_messages(cells: &[CellSummary]) -> Vec<String> {
    let said = |cause: Cause| {
        let message = cells.iter().find_map(|cell| cell.requests.first_messages.get(cause.as_str()))?;
        let message = shorten(message, SHOWN_MESSAGE);
        let said = if message.is_empty() { String::new() } else { format!(" \"{message}\";") };
        Some(format!("{}:{said} {}", cause.as_str(), cause.advice()))
    };
    Cause::ALL.into_iter().filter_map(said).collect()
}

/// How many requests took more than one attempt, and why.
pub(super) fn sent_again(cell: &CellSummary, count: u64) -> String {
    let attempts: u64 = cell.requests.attempt_causes.values().sum();
    let more = plural(usize::try_from(attempts).unwrap_or(usize::MAX), "time", "times");
    let why: Vec<String> = most_first(&cell.requests.attempt_causes)
        .into_iter()
        .map(|(cause, count)| format!("{count} {cause}"))
        .collect();
    format!(
        "{count} of {} sent again, {more} in all, timed from the first attempt: {}",
        requests(asked(cell)),
        why.join(", ")
    )
}

/// `3 http_status (2 of 503, 1 of 500), 1 connect`, the most first.
pub(super) fn causes(cell: &CellSummary) -> String {
    let text = |(cause, count): (&String, u64)| {
        if cause == "http_status" { format!("{count} {cause}{}", statuses(cell)) } else { format!("{count} {cause}") }
    };
    most_first(&cell.requests.causes).into_iter().map(text).collect::<Vec<_>>().join(", ")
}

/// " (503)", or " (2 of 503, 1 of 500)". Errors in a good answer and 429 have causes of their own.
fn statuses(cell: &CellSummary) -> String {
    let bad: BTreeMap<u16, u64> = cell
        .requests
        .http_statuses
        .iter()
        .filter(|(status, _)| !(200..300).contains(*status) && **status != 429)
        .map(|(status, count)| (*status, *count))
        .collect();
    let texts: Vec<String> = match bad.len() {
        0 => return String::new(),
        1 => bad.keys().map(u16::to_string).collect(),
        _ => most_first(&bad).into_iter().map(|(status, count)| format!("{count} of {status}")).collect(),
    };
    format!(" ({})", texts.join(", "))
}

fn most_first<K: Ord>(counts: &BTreeMap<K, u64>) -> Vec<(&K, u64)> {
    let mut list: Vec<(&K, u64)> = counts.iter().map(|(key, count)| (key, *count)).collect();
    list.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    list
}
