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

/// The rank of each cell by one figure: within each group the best and the worst, unless they are the same.
pub(super) fn ranks(values: &[Option<f64>], groups: &[Vec<usize>], better: Better) -> Vec<Option<Rank>> {
    let mut ranks = vec![None; values.len()];
    if better == Better::Neither {
        return ranks;
    }
    for group in groups {
        let mut known: Vec<(usize, f64)> = group.iter().filter_map(|at| Some((*at, values[*at]?))).collect();
        known.sort_by(|a, b| a.1.total_cmp(&b.1));
        if better == Better::Higher {
            known.reverse();
        }
        if let (Some((best, high)), Some((worst, low))) = (known.first(), known.last())
            && high.to_bits() != low.to_bits()
        {
            ranks[*best] = Some(Rank::Best);
            ranks[*worst] = Some(Rank::Worst);
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn best_and_worst_are_found_within_a_group() {
        let values = [Some(3.0), Some(1.0), None, Some(2.0), Some(5.0), Some(5.0)];
        let groups = [vec![0, 1, 2, 3], vec![4, 5]];
        let word = |better| {
            let letter = |rank: &Option<Rank>| match rank {
                Some(Rank::Best) => 'b',
                Some(Rank::Worst) => 'w',
                None => '-',
            };
            ranks(&values, &groups, better).iter().map(letter).collect::<String>()
        };
        assert_eq!(
            (word(Better::Lower).as_str(), word(Better::Higher).as_str(), word(Better::Neither).as_str()),
            ("wb----", "bw----", "------")
        );
    }
}
