use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::summary::CellSummary;

/// Fewer switches than this are no measurement.
const LEAST_SWITCHES: usize = 3;
/// Fewer requests in a repeat say nothing of what is usual.
const LEAST_REQUESTS: u64 = 3;
/// The interquartile range, and the median absolute deviation, of a normal distribution in its standard deviations.
const IQR_SIGMAS: f64 = 1.349;
const MAD_SIGMAS: f64 = 0.6745;
/// What lies so many standard deviations off is no accident.
const BEYOND: f64 = 3.0;

/// What it costs to use a model right after another one at the same endpoint, by how much longer the first request of a repeat
/// waited for its first token than is usual in that repeat.
///
/// All by medians: one slow request changes nothing. Repeats of the same model that began without a switch are the control: what
/// their first requests waited longer, for a cold connection say, is no switching.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SwitchingSummary {
    /// Repeats that began after another model was measured at this endpoint.
    pub switches: u64,
    /// The first request's TTFT less the repeat's median, median over those; milliseconds.
    pub first_excess_ms: f64,
    /// Its median absolute deviation.
    pub spread_ms: f64,
    /// The same excess in repeats of this model, at this endpoint, that began without a switch; null without any.
    pub control_ms: Option<f64>,
    /// Below this a difference is noise: three standard deviations of TTFT or of the excess, both robust.
    pub noise_ms: f64,
    /// The time of a switch: the excess less the control's. Null for less than 3 switches, or when it is noise.
    pub switching_ms: Option<f64>,
}

/// A repeat in the order of time.
struct Begun {
    cell: usize,
    model: String,
    start_unix_ns: i64,
    /// How much longer the first request waited, and the standard deviation of what is usual.
    excess: Option<(f64, f64)>,
    switched: bool,
}

/// Finds out, from all cells of a run, which repeats began with a switch, and notes in each cell what that cost.
pub fn note_switching(cells: &mut [CellSummary]) {
    let mut of_endpoint: BTreeMap<String, Vec<Begun>> = BTreeMap::new();
    for (at, cell) in cells.iter_mut().enumerate() {
        cell.switching = None;
        let word = |axis: &str| cell.axes.get(axis).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        of_endpoint.entry(word("endpoint")).or_default().extend(cell.repeats.iter().map(|repeat| Begun {
            cell: at,
            model: word("model"),
            start_unix_ns: repeat.start_unix_ns,
            excess: excess(repeat.first_ttft_ms, repeat.metrics.get("ttft_ms").and_then(Option::as_ref)),
            switched: false,
        }));
    }
    for begun in of_endpoint.values_mut() {
        begun.sort_by_key(|repeat| repeat.start_unix_ns);
        for at in 1..begun.len() {
            begun[at].switched = begun[at].model != begun[at - 1].model;
        }
        // Nobody knows which model was used before the run.
        for cell in begun.iter().filter(|repeat| repeat.switched).map(|repeat| repeat.cell) {
            if cells[cell].switching.is_none() {
                cells[cell].switching = summary(cell, begun.get(1..).unwrap_or_default());
            }
        }
    }
}

fn excess(first_ms: Option<f64>, usual: Option<&super::MetricSummary>) -> Option<(f64, f64)> {
    let usual = usual.filter(|usual| usual.count >= LEAST_REQUESTS)?;
    Some((first_ms? - usual.p50?, (usual.p75? - usual.p25?) / IQR_SIGMAS))
}

fn summary(cell: usize, begun: &[Begun]) -> Option<SwitchingSummary> {
    let model = &begun.iter().find(|repeat| repeat.cell == cell)?.model;
    let switched: Vec<(f64, f64)> = begun
        .iter()
        .filter(|repeat| repeat.cell == cell && repeat.switched)
        .filter_map(|repeat| repeat.excess)
        .collect();
    let control = begun.iter().filter(|repeat| repeat.model == *model && !repeat.switched);
    let control_ms = median(control.filter_map(|repeat| Some(repeat.excess?.0)));
    let first_excess_ms = median(switched.iter().map(|(excess, _)| *excess))?;
    let spread_ms = median(switched.iter().map(|(excess, _)| (excess - first_excess_ms).abs()))?;
    let usual_ms = median(switched.iter().map(|(_, sigma)| *sigma))?;
    let noise_ms = BEYOND * usual_ms.max(spread_ms / MAD_SIGMAS);
    let cost_ms = first_excess_ms - control_ms.unwrap_or(0.0);
    Some(SwitchingSummary {
        switches: switched.len() as u64,
        first_excess_ms,
        spread_ms,
        control_ms,
        noise_ms,
        switching_ms: Some(cost_ms).filter(|cost| switched.len() >= LEAST_SWITCHES && *cost > noise_ms),
    })
}

/// The middle value, or the mean of the middle two.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { values[middle - 1].midpoint(upper) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::metrics::CellAccumulator;
    use crate::record::RequestRecord;
    use crate::record::samples::completed;

    /// A cell whose repeats start at these seconds, each with a first request of that many milliseconds and nine usual ones.
    fn cell(model: &str, name: &str, repeats: &[(i64, i64)]) -> CellSummary {
        let axes = json!({"model": model, "endpoint": "e", "name": name});
        let mut cell = CellAccumulator::new(name, axes.as_object().cloned().unwrap_or(Map::new()), None);
        for (number, (start_s, first_ms)) in (0_u32..).zip(repeats) {
            cell.set_repeat(number, start_s * 1_000_000_000, 0);
            for (at, ttft_ms) in (0..10).map(|at| (at, if at == 0 { *first_ms } else { 40 + at % 3 })) {
                let mut row: RequestRecord = completed();
                row.stamps.sent_ns = Some(at * 1_000_000_000);
                row.stamps.first_token_ns = Some(at * 1_000_000_000 + ttft_ms * 1_000_000);
                cell.add(number, &row);
            }
        }
        cell.finish()
    }

    #[test]
    fn a_switch_costs_what_the_first_request_waits_longer_than_without_one() {
        let mut cells = vec![
            cell("a", "first", &[(1, 900), (5, 541), (9, 541), (13, 545), (17, 3000)]),
            cell("a", "again", &[(2, 51), (6, 51), (10, 51), (14, 51), (18, 51)]),
            cell("b", "first", &[(3, 242), (7, 241), (11, 243), (15, 241)]),
            cell("b", "again", &[(4, 41), (8, 41), (12, 41), (16, 41)]),
        ];
        note_switching(&mut cells);
        let of = |at: usize| cells[at].switching.as_ref();
        let a = of(0).unwrap();
        assert_eq!((a.switches, a.control_ms), (4, Some(10.0)), "the first repeat of all switches from nothing known");
        assert!((a.switching_ms.unwrap() - 492.0).abs() < 1.5, "one slow request changes nothing: {a:?}");
        let b = of(2).unwrap();
        assert!((b.switching_ms.unwrap() - 200.5).abs() < 1.0, "{b:?}");
        assert_eq!((of(1), of(3)), (None, None));
        let before = cells.clone();
        note_switching(&mut cells);
        assert_eq!(cells, before);
    }

    #[test]
    fn noise_and_too_few_switches_are_no_switching_time() {
        let mut cells =
            vec![cell("a", "a", &[(1, 40), (3, 43), (5, 42), (7, 43)]), cell("b", "b", &[(2, 40), (4, 43), (6, 42)])];
        note_switching(&mut cells);
        for cell in &cells {
            let found = cell.switching.as_ref().unwrap();
            assert_eq!((found.switches, found.switching_ms), (3, None), "{found:?}");
        }
        let mut few = vec![cell("a", "a", &[(1, 900), (3, 900), (5, 900)]), cell("b", "b", &[(2, 900), (4, 900)])];
        note_switching(&mut few);
        assert!(
            few.iter().all(|cell| cell.switching.as_ref().unwrap().switching_ms.is_none()),
            "two are no measurement"
        );
        let mut alone = vec![cell("a", "a", &[(1, 900), (3, 900), (5, 900), (7, 900)])];
        note_switching(&mut alone);
        assert_eq!(alone[0].switching, None);
    }

    #[test]
    fn medians() {
        for (values, expected) in
            [(vec![], None), (vec![3.0], Some(3.0)), (vec![9.0, 1.0], Some(5.0)), (vec![9.0, 1.0, 2.0], Some(2.0))]
        {
            assert_eq!(median(values.into_iter()), expected);
        }
    }
}
