use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::format_count;

/// One step of the ladder: a load, and how fast the server answers it.
///
/// Closed loop: so many streams at a time. A rate of requests joins it here, and in the scenario of a rung, for open loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// Answers that stream at the same time.
    pub streams: u32,
    /// Events of a stream in a second, at least 1.
    pub events_per_s: u32,
    /// Tokens, and so events, of an answer.
    pub output_tokens: u32,
}

/// From a request's receipt to its first event, before the stream's own phase.
pub(super) const TTFT: Duration = Duration::from_millis(30);

/// How long an answer streams unless its tokens are given.
const ANSWER: Duration = Duration::from_millis(500);

/// The fewest events of an answer: an answer of one has no gap.
const LEAST_TOKENS: u32 = 8;

impl Rung {
    /// A rung with answers of half a second, or of so many tokens.
    #[must_use]
    pub fn new(streams: u32, events_per_s: u32, output_tokens: Option<u32>) -> Self {
        let events_per_s = events_per_s.max(1);
        let half_a_second = (f64::from(events_per_s) * ANSWER.as_secs_f64()).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most half of a u32")]
        let usual = (half_a_second as u32).max(LEAST_TOKENS);
        Self { streams: streams.max(1), events_per_s, output_tokens: output_tokens.unwrap_or(usual).max(1) }
    }

    /// Every combination, from the least load to the greatest.
    #[must_use]
    pub fn ladder(streams: &[u32], events_per_s: &[u32], output_tokens: Option<u32>) -> Vec<Self> {
        let of =
            |rate: &u32| streams.iter().map(|streams| Self::new(*streams, *rate, output_tokens)).collect::<Vec<_>>();
        let mut rungs: Vec<Self> = events_per_s.iter().flat_map(of).collect();
        rungs.sort_by_key(|rung| (rung.load(), rung.streams));
        rungs.dedup();
        rungs
    }

    /// Events a second of all streams together, while all of them stream.
    #[must_use]
    pub fn load(&self) -> u64 {
        u64::from(self.streams) * u64::from(self.events_per_s)
    }

    /// Between two events of a stream.
    #[must_use]
    pub fn itl(&self) -> Duration {
        Duration::from_secs(1) / self.events_per_s
    }

    /// From a request to the end of its answer, by the server's own times.
    #[must_use]
    pub fn answer(&self) -> Duration {
        TTFT + self.itl() * self.output_tokens
    }

    /// About how long one reader takes for it: warm-up, measured phase, the end of what is in flight.
    #[must_use]
    pub fn takes(&self, duration: Duration) -> Duration {
        duration + self.answer() * 2
    }

    /// Events of one reader in all, at most.
    #[must_use]
    pub fn most_events(&self, duration: Duration) -> u64 {
        self.load().saturating_mul(self.takes(duration).as_secs().saturating_add(1))
    }

    /// `100 streams of 50 events/s`.
    #[must_use]
    pub fn title(&self) -> String {
        let streams = if self.streams == 1 { "stream" } else { "streams" };
        format!("{} {streams} of {} events/s", format_count(self.streams.into()), self.events_per_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ladder_goes_from_the_least_load_to_the_greatest() {
        let ladder = Rung::ladder(&[100, 1, 10], &[50, 100, 50], None);
        let loads: Vec<_> = ladder.iter().map(|rung| (rung.streams, rung.events_per_s, rung.output_tokens)).collect();
        assert_eq!(loads, [(1, 50, 25), (1, 100, 50), (10, 50, 25), (10, 100, 50), (100, 50, 25), (100, 100, 50)]);
        assert_eq!(ladder[0].itl(), Duration::from_millis(20));
        assert_eq!(ladder[0].answer(), Duration::from_millis(530));
        assert_eq!(ladder[4].title(), "100 streams of 50 events/s");
    }

    #[test]
    fn an_answer_has_a_few_events_however_slow() {
        assert_eq!(Rung::new(0, 0, None), Rung { streams: 1, events_per_s: 1, output_tokens: 8 });
        assert_eq!(Rung::new(5, 20, Some(3)).output_tokens, 3);
    }
}
