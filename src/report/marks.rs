use std::collections::BTreeMap;

use crate::metrics::{Better, CellSummary};

/// Marks the best of a group.
pub(super) const BEST: char = '▲';
/// Marks the worst of a group.
pub(super) const WORST: char = '▼';
/// Marks a percentile that has fewer samples than it needs.
pub(super) const UNSURE: char = '~';

/// Whether a cell is best or worst among those that differ in nothing but model or endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    Best,
    Worst,
}

/// Groups of cells, by index, that differ in nothing but model or endpoint; only those of at least two.
pub(super) fn rivals(cells: &[CellSummary]) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, cell) in cells.iter().enumerate() {
        let mut axes = cell.axes.clone();
        axes.remove("model");
        axes.remove("endpoint");
        let key = serde_json::Value::Object(axes).to_string();
        groups.entry(key).or_default().push(at);
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

/// A figure as a rival: its value as it is shown, and whether it has the samples it needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    pub(super) shown: f64,
    pub(super) sure: bool,
}

/// The rank of each cell by one figure, within its group.
///
/// A mark is a claim, so there is none in a group of which a value is unsure or that looks all the same; values that
/// look the same share a rank. The worst is marked where there are at least three: of two, it is the one without a mark.
pub(super) fn ranks(values: &[Option<Standing>], groups: &[Vec<usize>], better: Better) -> Vec<Option<Rank>> {
    let mut ranks = vec![None; values.len()];
    if better == Better::Neither {
        return ranks;
    }
    for group in groups {
        let known: Vec<(usize, Standing)> = group.iter().filter_map(|at| Some((*at, values[*at]?))).collect();
        let least = known.iter().map(|(_, standing)| standing.shown).fold(f64::INFINITY, f64::min);
        let most = known.iter().map(|(_, standing)| standing.shown).fold(f64::NEG_INFINITY, f64::max);
        if least >= most || known.iter().any(|(_, standing)| !standing.sure) {
            continue;
        }
        let (best, worst) = if better == Better::Lower { (least, most) } else { (most, least) };
        for (at, standing) in &known {
            ranks[*at] = match standing.shown.to_bits() {
                shown if shown == best.to_bits() => Some(Rank::Best),
                shown if shown == worst.to_bits() && known.len() > 2 => Some(Rank::Worst),
                _ => None,
            };
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(values: &[Option<f64>], unsure: &[usize], groups: &[Vec<usize>], better: Better) -> String {
        let standing =
            |(at, value): (usize, &Option<f64>)| value.map(|shown| Standing { shown, sure: !unsure.contains(&at) });
        let values: Vec<Option<Standing>> = values.iter().enumerate().map(standing).collect();
        let letter = |rank: &Option<Rank>| match rank {
            Some(Rank::Best) => 'b',
            Some(Rank::Worst) => 'w',
            None => '-',
        };
        ranks(&values, groups, better).iter().map(letter).collect()
    }

    #[test]
    fn best_and_worst_are_found_within_a_group() {
        let values = [Some(3.0), Some(1.0), None, Some(2.0), Some(5.0), Some(5.0), Some(8.0), Some(9.0)];
        let groups = [vec![0, 1, 2, 3], vec![4, 5], vec![6, 7]];
        for (better, expected) in
            [(Better::Lower, "wb----b-"), (Better::Higher, "bw-----b"), (Better::Neither, "--------")]
        {
            assert_eq!(word(&values, &[], &groups, better), expected);
        }
    }

    #[test]
    fn equals_share_a_rank_and_doubt_takes_it_away() {
        let values = [Some(1.0), Some(1.0), Some(2.0), Some(1.0), Some(2.0)];
        let groups = [vec![0, 1, 2], vec![3, 4]];
        assert_eq!(word(&values, &[4], &groups, Better::Lower), "bbw--");
    }
}
