//! What goes wrong with a request on purpose.

use rand::RngExt;

use super::options::Failures;
use crate::seed::Seed;

/// How a request goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mishap {
    /// It is not served.
    Refused,
    /// Its connection is cut.
    Cut,
    /// It ends with an error.
    Broken,
    /// It stops without an end.
    Stalled,
}

impl Mishap {
    /// What goes wrong with request `number`, the same for the same seed.
    pub(super) fn draw(failures: &Failures, seed: Seed, number: u64) -> Option<Self> {
        let mut left: f64 = seed.index(number).rng().random();
        [
            (failures.refused, Self::Refused),
            (failures.cut, Self::Cut),
            (failures.broken, Self::Broken),
            (failures.stalled, Self::Stalled),
        ]
        .into_iter()
        .find_map(|(share, mishap)| {
            left -= share;
            (left < 0.0).then_some(mishap)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mishap_has_its_share() {
        let failures = Failures { refused: 0.1, cut: 0.2, broken: 0.0, stalled: 0.3 };
        let drawn: Vec<_> = (0..10_000).map(|number| Mishap::draw(&failures, Seed::root(3), number)).collect();
        for (mishap, wanted) in [
            (Some(Mishap::Refused), 1000),
            (Some(Mishap::Cut), 2000),
            (Some(Mishap::Broken), 0),
            (Some(Mishap::Stalled), 3000),
            (None, 4000),
        ] {
            let count = drawn.iter().filter(|found| **found == mishap).count();
            assert!(count.abs_diff(wanted) <= 150, "{mishap:?}: {count}, not about {wanted}");
        }
        assert_eq!(Mishap::draw(&Failures::default(), Seed::root(3), 0), None);
    }
}
