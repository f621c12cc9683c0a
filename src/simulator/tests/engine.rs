use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use proptest::prelude::*;

use super::super::cost::Costs;
use super::super::engine::Engine;
use super::super::metrics::Metrics;
use super::super::options::{Decoding, SimulatorOptions};
use super::super::sequence::{Sequence, Wakes};
use crate::seed::Seed;

const MS: i64 = 1_000_000;

/// An engine with prefills of 40 ms, steps of 10 ms and half as much again for each further sequence.
struct Bench {
    engine: Engine,
    metrics: Arc<Metrics>,
    sequences: Vec<Arc<Sequence>>,
}

impl Bench {
    fn new(slots: usize) -> Self {
        Self::decoding(slots, Decoding::Batch)
    }

    fn decoding(slots: usize, decoding: Decoding) -> Self {
        let options = SimulatorOptions {
            ttft: Duration::from_millis(40),
            prefill_per_token: Duration::ZERO,
            itl: Duration::from_millis(10),
            batch_slowdown: 0.5,
            decoding,
            ..SimulatorOptions::default()
        };
        let metrics = Arc::new(Metrics::default());
        let costs = Costs::new(&options, 1.0, Seed::root(0));
        Self { engine: Engine::new(costs, slots, Arc::clone(&metrics)), metrics, sequences: Vec::new() }
    }

    fn arrive(&mut self, at_ns: i64, tokens: u64) -> Arc<Sequence> {
        let number = u64::try_from(self.sequences.len()).unwrap();
        let sequence = Arc::new(Sequence::new(number, 5, tokens, at_ns, Wakes::EachToken));
        self.engine.arrive(Arc::clone(&sequence));
        self.sequences.push(Arc::clone(&sequence));
        sequence
    }

    /// Runs from boundary to boundary until nothing is left; how many there were.
    fn run(&mut self, from_ns: i64) -> usize {
        let mut now = from_ns;
        let mut boundaries = 0;
        while let Some(due) = self.engine.advance(now) {
            now = now.max(due);
            boundaries += 1;
        }
        boundaries
    }
}

/// Admission, first token and last token of a sequence, in milliseconds.
fn times(sequence: &Sequence) -> [i64; 3] {
    let marks = sequence.marks();
    [marks.admitted_ns, marks.first_due_ns, marks.last_due_ns].map(|mark| mark.unwrap() / MS)
}

#[test]
fn requests_beyond_the_slots_wait_their_turn() {
    let mut bench = Bench::new(2);
    for _ in 0..5 {
        bench.arrive(0, 3);
    }
    bench.engine.advance(0);
    assert_eq!((bench.metrics.running.load(Ordering::Relaxed), bench.metrics.waiting.load(Ordering::Relaxed)), (2, 3));
    // Two at a time: 40 ms, two steps of 15 ms; then one alone: 40 ms, two steps of 10 ms.
    assert_eq!(bench.run(0), 9);
    let found: Vec<_> = bench.sequences.iter().map(|sequence| times(sequence)).collect();
    assert_eq!(found, [[0, 40, 70], [0, 40, 70], [70, 110, 140], [70, 110, 140], [140, 180, 200]]);
    assert_eq!(bench.metrics.finished.load(Ordering::Relaxed), 5);
    assert_eq!(bench.metrics.generation_tokens.load(Ordering::Relaxed), 15);
    assert_eq!(bench.metrics.prompt_tokens.load(Ordering::Relaxed), 25);
}

#[test]
fn a_prefilled_request_joins_at_the_next_boundary() {
    let mut bench = Bench::new(4);
    let first = bench.arrive(0, 4);
    let second = bench.arrive(5 * MS, 3);
    bench.run(0);
    // Steps end at 40 (first joins), 50 (second, ready at 45, joins), 65, 80 (both are done).
    assert_eq!(times(&first), [0, 40, 80]);
    assert_eq!(times(&second), [5, 50, 80]);
    assert_eq!((first.marks().batch, second.marks().batch), (Some(1), Some(2)));
}

#[test]
fn steps_grow_with_the_batch_they_begin_with() {
    for (batch, last) in [(1, 40 + 10), (2, 40 + 15), (4, 40 + 25), (16, 40 + 85)] {
        let mut bench = Bench::new(16);
        for _ in 0..batch {
            bench.arrive(0, 2);
        }
        bench.run(0);
        for sequence in &bench.sequences {
            assert_eq!((times(sequence)[2], sequence.marks().batch), (last, Some(batch)));
        }
    }
}

#[test]
fn lateness_does_not_add_up() {
    let mut bench = Bench::new(1);
    let sequence = bench.arrive(0, 1000);
    let mut now = 0;
    while let Some(due) = bench.engine.advance(now) {
        now = due + 3 * MS;
    }
    assert_eq!(sequence.marks().last_due_ns, Some((40 + 999 * 10) * MS));
    assert_eq!(sequence.marks().last_ns, Some((40 + 999 * 10 + 3) * MS));
}

#[test]
fn a_long_pause_is_caught_up() {
    let mut bench = Bench::new(1);
    let sequence = bench.arrive(0, 100);
    assert_eq!(bench.engine.advance(95 * MS), Some(100 * MS));
    assert_eq!(sequence.emitted(), 6);
}

#[test]
fn one_token_needs_no_step() {
    let mut bench = Bench::new(1);
    let [first, second] = [(); 2].map(|()| bench.arrive(0, 1));
    bench.run(0);
    assert_eq!((times(&first), times(&second)), ([0, 40, 40], [40, 80, 80]));
    assert_eq!(first.marks().batch, None);
}

#[test]
fn a_cancelled_request_frees_its_slot_at_once() {
    let mut bench = Bench::new(1);
    let running = bench.arrive(0, 100);
    let queued = bench.arrive(0, 100);
    let next = bench.arrive(0, 2);
    bench.engine.advance(60 * MS);
    running.cancel();
    queued.cancel();
    bench.engine.sweep(63 * MS);
    bench.run(63 * MS);
    assert_eq!((running.emitted(), queued.emitted()), (3, 0));
    assert_eq!(times(&next), [63, 103, 113]);
    assert_eq!(bench.metrics.aborted.load(Ordering::Relaxed), 2);
    assert_eq!(bench.metrics.held_tokens.load(Ordering::Relaxed), 0);
}

#[test]
fn a_free_slot_is_taken_on_receipt_even_after_others_ended() {
    let mut bench = Bench::new(2);
    bench.arrive(0, 1);
    bench.engine.advance(40 * MS);
    let late = bench.arrive(39 * MS, 1);
    bench.run(41 * MS);
    assert_eq!(times(&late), [39, 79, 79]);
}

#[test]
fn apart_each_keeps_its_own_steps_and_slows_nobody() {
    let mut bench = Bench::decoding(200, Decoding::Apart);
    for _ in 0..200 {
        bench.arrive(0, 5);
    }
    let boundaries = bench.run(0);
    let mut phases: Vec<i64> = Vec::new();
    for sequence in &bench.sequences {
        let marks = sequence.marks();
        let first_ns = marks.first_due_ns.unwrap();
        assert_eq!(marks.last_due_ns.unwrap() - first_ns, 4 * 10 * MS, "steps as long as those of one alone");
        assert_eq!(marks.batch, Some(1));
        phases.push(first_ns - 40 * MS);
    }
    phases.sort_unstable();
    assert!(phases[0] >= 0 && phases[199] < 10 * MS, "within a step");
    let in_first_half = phases.iter().filter(|phase| **phase < 5 * MS).count();
    assert!(in_first_half.abs_diff(100) < 30, "spread over the step: {in_first_half} of 200 in its first half");
    assert!(boundaries > 900, "a boundary a token, but for ties: {boundaries}");
}

proptest! {
    #[test]
    fn everyone_is_served_in_order_and_never_too_many_at_once(
        apart in any::<bool>(),
        slots in 1_usize..5,
        requests in prop::collection::vec((0_i64..50, 1_u64..20, prop::bool::weighted(0.2)), 1..30),
        lateness in 0_i64..20,
    ) {
        let mut bench = Bench::decoding(slots, if apart { Decoding::Apart } else { Decoding::Batch });
        let mut now = 0;
        for (gap, tokens, cancelled) in &requests {
            now += gap * MS;
            let sequence = bench.arrive(now, *tokens);
            bench.engine.advance(now + lateness * MS);
            prop_assert!(bench.metrics.running.load(Ordering::Relaxed) <= u64::try_from(slots).unwrap());
            if *cancelled {
                sequence.cancel();
                bench.engine.sweep(now + lateness * MS);
            }
        }
        bench.run(now + lateness * MS);
        let mut admitted = i64::MIN;
        for sequence in &bench.sequences {
            let marks = sequence.marks();
            prop_assert_eq!(sequence.is_finished(), marks.last_ns.is_some());
            prop_assert!(sequence.is_finished() || sequence.is_cancelled());
            if let Some(admitted_ns) = marks.admitted_ns {
                prop_assert!(admitted_ns >= admitted.max(sequence.received_ns));
                admitted = admitted_ns;
            }
        }
        for counter in [&bench.metrics.running, &bench.metrics.waiting, &bench.metrics.held_tokens] {
            prop_assert_eq!(counter.load(Ordering::Relaxed), 0);
        }
        let ended = bench.metrics.finished.load(Ordering::Relaxed) + bench.metrics.aborted.load(Ordering::Relaxed);
        prop_assert_eq!(ended, u64::try_from(requests.len()).unwrap());
    }
}
