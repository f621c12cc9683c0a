use serde::{Deserialize, Serialize};

use super::{Chunk, RequestRecord};
use crate::scenario::ChunkTimes;
use crate::seed::Seed;

/// Which of an answer's stamps its row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptTimes {
    /// Every chunk's.
    #[default]
    All,
    /// The first and the last chunk's; the last one's tokens are those of all chunks after the first.
    FirstLast,
}

impl KeptTimes {
    /// One in so many requests keeps all its stamps under [`ChunkTimes::Sampled`].
    pub const SAMPLED_ONE_IN: u64 = 16;

    /// What the request numbered `request_index` keeps. `seed` is the scenario's.
    ///
    /// Of each 16 requests in order of starting the seed picks one that keeps all: the share is exact, and the
    /// sampled ones lie spread over the run without a period of their own. Known before the request is sent, so that
    /// a client need not hold what the row will not have.
    #[must_use]
    pub fn of(times: ChunkTimes, seed: u64, request_index: u64) -> Self {
        match times {
            ChunkTimes::All => Self::All,
            ChunkTimes::Sampled if is_sampled(seed, request_index) => Self::All,
            ChunkTimes::Sampled | ChunkTimes::FirstLast => Self::FirstLast,
        }
    }

    /// The word, as in rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::FirstLast => "first_last",
        }
    }
}

fn is_sampled(seed: u64, request_index: u64) -> bool {
    use rand_chacha::rand_core::Rng as _;
    let block = request_index / KeptTimes::SAMPLED_ONE_IN;
    let picked = Seed::root(seed).child("chunk_times").index(block).rng().next_u64() % KeptTimes::SAMPLED_ONE_IN;
    request_index % KeptTimes::SAMPLED_ONE_IN == picked
}

/// Takes away the stamps that a row does not keep, and says so in it. Tokens of chunks must be counted by then.
///
/// What is left has at most two chunks: the first as it was, and the last with the tokens of all after the first.
pub fn thin(record: &mut RequestRecord, kept: KeptTimes) {
    record.chunk_times = kept;
    if kept == KeptTimes::All {
        return;
    }
    if let [first, .., last] = record.chunks[..] {
        let after = record.chunks.iter().skip(1).map(|chunk| chunk.tokens).fold(0_u32, u32::saturating_add);
        // A fresh list: a shortened one would keep its room.
        record.chunks = vec![first, Chunk { tokens: after, ..last }];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_sixteen_is_sampled_and_the_seed_says_which() {
        let sampled = |seed| {
            let keeps = |index: &u64| KeptTimes::of(ChunkTimes::Sampled, seed, *index) == KeptTimes::All;
            (0..1600).filter(keeps).collect::<Vec<u64>>()
        };
        let of_seven = sampled(7);
        assert_eq!(of_seven.iter().map(|index| index / 16).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
        assert_eq!(of_seven, sampled(7));
        assert_ne!(of_seven, sampled(8));
        let places: std::collections::BTreeSet<u64> = of_seven.iter().map(|index| index % 16).collect();
        assert!(places.len() > 8, "no fixed place: {places:?}");
        assert_eq!(KeptTimes::of(ChunkTimes::All, 7, 3), KeptTimes::All);
        assert_eq!(KeptTimes::of(ChunkTimes::FirstLast, 7, 3), KeptTimes::FirstLast);
    }
}
