//! Searches on queues whose capacity is known in closed form, as simulated runs of a hundred seeds.

use std::collections::BTreeMap;

use rand::RngExt;

use super::*;
use crate::scenario::SearchAxis;
use crate::seed::{Rng, Seed};
use crate::statistics::{Batches, share, share_parts};

/// Requests of a repeat.
const REQUESTS: u32 = 4000;
/// A request is good that waits so long at most, in mean services.
const PATIENCE: f64 = 2.0;
/// So many must be good.
const ATTAINMENT: f64 = 0.9;

/// A queue with Poisson arrivals, served in order.
#[derive(Clone, Copy, Debug)]
enum Queue {
    /// So many servers, exponential services of mean 1.
    MarkovServers(u32),
    /// One server, services of length 1.
    Constant,
}

impl Queue {
    /// The share of requests that wait no longer than the patience, in the long run.
    fn good_share(self, rate: f64) -> f64 {
        match self {
            Self::MarkovServers(servers) => {
                let servers = f64::from(servers);
                let waits = erlang_c(servers, rate);
                1.0 - waits * (-(servers - rate) * PATIENCE).exp()
            }
            // Erlang's formula of 1909 for M/D/1, whose sum goes as far as the patience.
            Self::Constant => {
                let (mut sum, mut factorial) = (0.0, 1.0);
                for (number, power) in [(0.0, 0), (1.0, 1), (2.0, 2)] {
                    factorial *= f64::max(number, 1.0);
                    let reach = rate * (number - PATIENCE);
                    sum += (-reach).exp() * reach.powi(power) / factorial;
                }
                (1.0 - rate) * sum
            }
        }
    }

    /// The rate up to which so many are good.
    fn capacity(self) -> f64 {
        let (mut low, mut high) = (
            0.0,
            match self {
                Self::MarkovServers(servers) => f64::from(servers),
                Self::Constant => 1.0,
            },
        );
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if self.good_share(middle) >= ATTAINMENT { low = middle } else { high = middle }
        }
        low
    }

    /// Which of a repeat's requests are good, in order.
    fn repeat(self, rate: f64, rng: &mut Rng) -> Batches<1> {
        let servers = match self {
            Self::MarkovServers(servers) => servers as usize,
            Self::Constant => 1,
        };
        let exponential = |rng: &mut Rng| -(1.0 - rng.random::<f64>()).ln();
        let (mut free, mut now) = (vec![0.0_f64; servers], 0.0);
        let mut good = Batches::default();
        for _ in 0..REQUESTS {
            now += exponential(rng) / rate;
            let server = (0..servers).min_by(|one, other| free[*one].total_cmp(&free[*other])).unwrap();
            let begins = free[server].max(now);
            let service = if let Self::Constant = self { 1.0 } else { exponential(rng) };
            free[server] = begins + service;
            good.add(1.0, [f64::from(u8::from(begins - now <= PATIENCE))]);
        }
        good
    }
}

/// The probability that a request waits (Erlang's second formula).
fn erlang_c(servers: f64, load: f64) -> f64 {
    let (mut inverse, mut at) = (1.0, 1.0);
    while at <= servers {
        inverse = 1.0 + inverse * at / load;
        at += 1.0;
    }
    let blocked = 1.0 / inverse;
    blocked / (1.0 - load / servers * (1.0 - blocked))
}

/// A whole search on a queue: the answer, whether it is resolved, and how many repeats it took.
fn searched(queue: Queue, search: &Search, levels: &[f64], seed: Seed) -> (f64, bool, usize) {
    let mut rows: BTreeMap<usize, Vec<Batches<1>>> = BTreeMap::new();
    let mut known = BTreeMap::new();
    let finding = loop {
        match seek(search, levels, &known) {
            Step::Done(finding) => break finding,
            Step::Probe(at) => {
                let of_level = rows.entry(at).or_default();
                let mut rng = seed.index(at as u64).index(of_level.len() as u64).rng();
                of_level.push(queue.repeat(levels[at], &mut rng));
                let repeats: Vec<&Batches<1>> = of_level.iter().collect();
                let estimate = share(&share_parts(&repeats, 0)).unwrap();
                let judged = judge(search, ATTAINMENT, estimate.value, estimate.effective_n);
                let repeats = u32::try_from(repeats.len()).unwrap();
                known.insert(at, Evidence { standing: judged.0, meets: judged.1, repeats, client_limited: false });
            }
        }
    };
    let answer = finding.answer.map_or(0.0, |at| levels[at]);
    (answer, finding.unresolved.is_none(), rows.values().map(Vec::len).sum())
}

#[test]
fn the_formulas_are_what_the_queues_do() {
    for queue in [Queue::MarkovServers(4), Queue::Constant] {
        let rate = queue.capacity();
        let mut rng = Seed::root(1).rng();
        let shares: Vec<f64> = (0..240).filter_map(|_| queue.repeat(rate, &mut rng).ratio(0)).collect();
        let mean = shares.iter().sum::<f64>() / 240.0;
        assert!((mean - ATTAINMENT).abs() < 0.005, "{queue:?}: {mean}");
    }
}

#[test]
fn the_capacity_is_found_within_5_percent_in_95_of_100_seeds() {
    for (queue, max) in [(Queue::MarkovServers(4), 16.0), (Queue::Constant, 4.0)] {
        let search = Search { axis: SearchAxis::Qps, min: 0.25, max, tolerance: 0.05, repeats: 10 };
        let (levels, capacity) = (levels(&search), queue.capacity());
        let found: Vec<_> =
            (0..100).map(|seed| searched(queue, &search, &levels, Seed::root(seed).child("queue"))).collect();
        let is_near = |answer: f64| (answer / capacity - 1.0).abs() <= 0.05;
        let near = found.iter().filter(|(answer, ..)| is_near(*answer)).count();
        let sure = found.iter().filter(|(answer, resolved, _)| *resolved && is_near(*answer)).count();
        let wrong = found.iter().filter(|(answer, resolved, _)| *resolved && !is_near(*answer)).count();
        let repeats: usize = found.iter().map(|(.., repeats)| repeats).sum();
        println!("{queue:?} {capacity:.3}: {near} near, {sure} of them resolved, {wrong} wrong, {repeats} repeats");
        assert!(near >= 95, "{queue:?}: {near} of 100 within 5 % of {capacity}: {found:?}");
        assert!(wrong <= 2, "{queue:?}: {wrong} resolved and wrong: {found:?}");
    }
}
