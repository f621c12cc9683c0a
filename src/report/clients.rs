use super::figures::column;
use super::grid::{Cell, Column, Emphasis};
use super::notes::MOST_NAMED;
use crate::metrics::{CellSummary, ClientHealth, Verdict};
use crate::text::plural;
use crate::units::format_significant;

/// The verdict on the client, where it is not `ok` everywhere.
pub(super) fn client_column(cells: &[CellSummary]) -> Option<Column> {
    cells.iter().any(is_doubtful).then(|| {
        column("client", cells, |cell| match cell.client.verdict {
            Some(Verdict::Limited) => Cell::bad("limited"),
            Some(Verdict::Suspect) => Cell::plain("suspect"),
            Some(Verdict::Ok) => Cell { emphasis: Emphasis::Dim, ..Cell::plain("ok") },
            None => Cell { emphasis: Emphasis::Dim, ..Cell::plain("-") },
        })
    })
}

/// Why clients are not `ok`, the worst first, and how they did altogether.
pub(super) fn notes(cells: &[CellSummary], name: impl Fn(&CellSummary) -> String) -> Vec<String> {
    let mut doubtful: Vec<&CellSummary> = cells.iter().filter(|cell| is_doubtful(cell)).collect();
    doubtful.sort_by_key(|cell| std::cmp::Reverse(cell.client.verdict));
    let note = |cell: &&CellSummary| {
        let verdict = cell.client.verdict.map_or("", Verdict::as_str);
        format!("{}: client {verdict}: {}", name(cell), cell.client.reasons.join("; "))
    };
    let mut notes: Vec<String> = doubtful.iter().take(MOST_NAMED).map(note).collect();
    let rest = doubtful.len().saturating_sub(MOST_NAMED);
    if let (Some(last), true) = (notes.last_mut(), rest > 0) {
        *last = format!("{last}; and {} like it", plural(rest, "cell", "cells"));
    }
    notes.extend(whole(cells));
    notes
}

/// `client: ok (loop lag p99 0.3 ms, CPU 12 %)`: the worst verdict and figures of all cells.
fn whole(cells: &[CellSummary]) -> Option<String> {
    let worst = cells.iter().filter_map(|cell| cell.client.verdict).max()?;
    let greatest =
        |of: fn(&ClientHealth) -> Option<f64>| cells.iter().filter_map(|cell| of(&cell.client)).reduce(f64::max);
    let lag =
        greatest(|client| client.loop_lag_ms_p99).map(|ms| format!("loop lag p99 {} ms", format_significant(ms, 2)));
    let cpu = greatest(|client| client.cpu_utilization).map(|share| format!("CPU {:.0} %", share * 100.0));
    let sends = greatest(|client| client.schedule_lag_ms_p99)
        .map(|ms| format!("schedule lag p99 {} ms", format_significant(ms, 2)));
    let figures: Vec<String> = lag.into_iter().chain(cpu).chain(sends).collect();
    let at_most = if cells.len() > 1 { "at most " } else { "" };
    let words = if worst == Verdict::Ok { "ok".to_owned() } else { counts(cells) };
    Some(if figures.is_empty() {
        format!("client: {words}")
    } else {
        format!("client: {words} ({at_most}{})", figures.join(", "))
    })
}

/// `limited in 1 cell, suspect in 2 cells`.
fn counts(cells: &[CellSummary]) -> String {
    let of = |verdict: Verdict| {
        let count = cells.iter().filter(|cell| cell.client.verdict == Some(verdict)).count();
        (count > 0).then(|| format!("{verdict} in {}", plural(count, "cell", "cells")))
    };
    of(Verdict::Limited).into_iter().chain(of(Verdict::Suspect)).collect::<Vec<_>>().join(", ")
}

fn is_doubtful(cell: &CellSummary) -> bool {
    cell.client.verdict.is_some_and(|verdict| verdict > Verdict::Ok)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::metrics::CellAccumulator;
    use crate::report::{comparison, summary_csv};

    /// A cell for each verdict, as wide as it goes.
    fn cells(verdicts: &[Option<Verdict>]) -> Vec<CellSummary> {
        let cell = |(number, verdict): (usize, &Option<Verdict>)| {
            let axes = Map::from_iter([("concurrency".to_owned(), json!(number + 1))]);
            let mut cell = CellAccumulator::new(&format!("c{}", number + 1), axes, None).finish();
            let bad = verdict.is_some_and(|verdict| verdict > Verdict::Ok);
            cell.client = ClientHealth {
                verdict: *verdict,
                reasons: if bad { vec!["a, b".to_owned(), "c".to_owned()] } else { Vec::new() },
                loop_lag_ms_p99: verdict.is_some().then_some(0.346),
                cpu_utilization: verdict.is_some().then_some(0.119),
                ..ClientHealth::default()
            };
            cell
        };
        verdicts.iter().enumerate().map(cell).collect()
    }

    #[test]
    fn a_healthy_client_is_one_line() {
        let cells = cells(&[Some(Verdict::Ok)]);
        let drawn = comparison("q", &cells).terminal(100, false);
        assert!(drawn.ends_with("\nclient: ok (loop lag p99 0.35 ms, CPU 12 %)"), "{drawn}");
        assert!(client_column(&cells).is_none());
        let unwatched = comparison("q", &self::cells(&[None, None])).terminal(100, false);
        assert!(!unwatched.contains("client"), "{unwatched}");
    }

    #[test]
    fn a_client_in_doubt_has_a_column_and_its_reasons() {
        let cells = cells(&[Some(Verdict::Suspect), Some(Verdict::Ok), None, Some(Verdict::Limited)]);
        for drawn in [comparison("q", &cells).terminal(200, false), comparison("q", &cells).markdown()] {
            let at = |text: &str| drawn.find(text).unwrap_or_else(|| panic!("{text}:\n{drawn}"));
            assert!(
                at("concurrency=4: client limited: a, b; c") < at("concurrency=1: client suspect: a, b; c"),
                "{drawn}"
            );
            at("client: limited in 1 cell, suspect in 1 cell (at most loop lag p99 0.35 ms, CPU 12 %)");
            at("suspect");
        }
        let column = client_column(&cells).unwrap();
        let texts: Vec<&str> = column.cells.iter().map(|cell| cell.text.as_str()).collect();
        assert_eq!(texts, ["suspect", "ok", "-", "limited"]);
        assert!(summary_csv(&cells).contains("\"a, b; c\""));
    }

    #[test]
    fn many_of_them_are_counted() {
        let notes = notes(&cells(&[Some(Verdict::Suspect); 8]), |cell| cell.cell_id.clone());
        assert_eq!(notes.len(), MOST_NAMED + 1);
        assert!(notes[MOST_NAMED - 1].ends_with("; and 3 cells like it"), "{notes:?}");
    }
}
