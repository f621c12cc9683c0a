//! Mutated answers for every parser that reads what a server sends: none may panic, hold more than it was sent, or see
//! something else when the same bytes come in other pieces.
//!
//! What is mutated stands in `tests/corpus`, a directory a target. Everything is drawn from a seed, so that a finding
//! is found again. `cargo test` makes a short run; `.ci/fuzz SECONDS` a long one, from another seed each time. An
//! input that was found goes into the corpus, under a name that says what it was.

mod corpus;
mod mutate;
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use corpus::Corpus;
use mutate::Mutator;
use targets::{TARGETS, Target};

use crate::seed::Seed;
use crate::time::{Clock, MonotonicNs, duration_ns};

/// Inputs for each target in a short run.
const SHORT_RUN: u64 = 1500;

/// How long a target is fed.
#[derive(Clone, Copy)]
enum Until {
    Inputs(u64),
    /// By that clock.
    Time(Clock, MonotonicNs),
}

impl Until {
    fn goes_on(self, done: u64) -> bool {
        match self {
            Self::Inputs(count) => done < count,
            Self::Time(clock, end_ns) => clock.now_ns() < end_ns,
        }
    }
}

/// Feeds a target; the number of inputs.
fn feed(target: &Target, seed: u64, until: Until) -> u64 {
    let corpus = Corpus::read(target.name);
    let mut done = 0;
    while until.goes_on(done) {
        let mut mutator = Mutator::new(Seed::root(seed).child(target.name).index(done).rng());
        // As it stands first: what was found once stays mended.
        let input = match corpus.entries.get(usize::try_from(done).unwrap()) {
            Some(entry) => entry.clone(),
            None => mutator.mutated(&corpus),
        };
        let ran = catch_unwind(AssertUnwindSafe(|| (target.check)(&input, &mut mutator)));
        assert!(ran.is_ok(), "{} with seed {seed}, input {done}:\n{}", target.name, input.escape_ascii());
        done += 1;
    }
    done
}

#[test]
fn no_mutated_answer_confuses_a_parser() {
    for target in TARGETS {
        assert_eq!(feed(target, 1, Until::Inputs(SHORT_RUN)), SHORT_RUN);
    }
}

/// Called by `.ci/fuzz`, which says how long and from which seed.
#[test]
#[ignore = "as long as it is told to: .ci/fuzz"]
#[expect(clippy::disallowed_methods, reason = "a script says how long, and no scenario is run")]
fn for_long() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (seconds, seed) = (number("FUZZ_SECONDS").unwrap_or(60), number("FUZZ_SEED").unwrap_or(2));
    let share = Duration::from_secs(seconds) / u32::try_from(TARGETS.len()).unwrap();
    let clock = Clock::start();
    for target in TARGETS {
        let done = feed(target, seed, Until::Time(clock, clock.now_ns() + duration_ns(share)));
        println!("{}: {done} inputs", target.name);
    }
}

#[test]
fn a_parser_that_panics_is_noticed() {
    let broken = Target { name: "sse", check: |input, _| assert!(!input.windows(2).any(|two| two == b"::")) };
    let found = catch_unwind(|| feed(&broken, 1, Until::Inputs(SHORT_RUN)));
    let said = *found.unwrap_err().downcast::<String>().unwrap();
    assert!(said.starts_with("sse with seed 1, input ") && said.contains("::"), "{said}");
}
