use crate::record::{Failure, Outcome, RequestRecord};

use super::RequestCounts;

impl RequestCounts {
    /// Counts a request that did not complete; one that did is counted by its figures.
    pub(super) fn add_other(&mut self, record: &RequestRecord) {
        match &record.outcome {
            Outcome::Completed => {}
            Outcome::Cancelled => self.cancelled += 1,
            Outcome::Dropped => self.dropped += 1,
            Outcome::Failed(failure) => self.add_failure(failure, record.http_status),
        }
    }

    fn add_failure(&mut self, failure: &Failure, status: Option<u16>) {
        self.failed += 1;
        let cause = failure.cause.as_str();
        *self.causes.entry(cause.to_owned()).or_default() += 1;
        if !self.first_messages.contains_key(cause) {
            self.first_messages.insert(cause.to_owned(), failure.message.clone());
        }
        if let Some(status) = status {
            *self.http_statuses.entry(status).or_default() += 1;
        }
    }

    /// Counts the attempts that a request had before its last one.
    pub(super) fn add_attempts(&mut self, record: &RequestRecord) {
        let [earlier @ .., _] = record.attempts.as_slice() else { return };
        self.sent_again += u64::from(!earlier.is_empty());
        for cause in earlier.iter().filter_map(|attempt| attempt.cause) {
            *self.attempt_causes.entry(cause.as_str().to_owned()).or_default() += 1;
        }
    }
}

/// Whether the server counted other output than the cell asks for.
pub(super) fn is_output_off(record: &RequestRecord) -> bool {
    let asked = record.tokens.output_requested.zip(record.tokens.output_server);
    asked.is_some_and(|(asked, server)| asked != server)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Attempt, Cause, TokenCounts, samples};

    fn attempt(cause: Option<Cause>) -> Attempt {
        Attempt { sent_ns: None, end_ns: 0, cause }
    }

    #[test]
    fn the_first_message_of_each_cause_stays() {
        let mut counts = RequestCounts::default();
        for (cause, said) in [(Cause::HttpStatus, "one"), (Cause::Empty, "two"), (Cause::HttpStatus, "three")] {
            let outcome = Outcome::Failed(Failure::new(cause, said));
            counts.add_other(&RequestRecord { outcome, ..samples::completed() });
        }
        counts.add_other(&samples::completed());
        counts.add_other(&RequestRecord { outcome: Outcome::Dropped, ..samples::completed() });
        let first: Vec<_> = counts.first_messages.iter().map(|(cause, said)| (cause.as_str(), said.as_str())).collect();
        assert_eq!(first, [("empty", "two"), ("http_status", "one")]);
        assert_eq!((counts.failed, counts.dropped, counts.completed, counts.http_statuses[&200]), (3, 1, 0, 3));
    }

    #[test]
    fn attempts_before_the_last_one_are_counted_with_their_causes() {
        let mut counts = RequestCounts::default();
        let (limited, cut) = (Some(Cause::RateLimited), Some(Cause::StreamCut));
        for causes in [vec![], vec![None], vec![cut], vec![limited, None], vec![limited, limited, cut]] {
            let attempts = causes.into_iter().map(attempt).collect();
            counts.add_attempts(&RequestRecord { attempts, ..samples::completed() });
        }
        assert_eq!((counts.sent_again, counts.attempt_causes["rate_limited"], counts.attempt_causes.len()), (2, 3, 1));
    }

    #[test]
    fn output_is_off_where_both_counts_are_known_and_differ() {
        for (asked, server, off) in
            [(Some(5), Some(5), false), (Some(5), Some(4), true), (None, Some(4), false), (Some(5), None, false)]
        {
            let tokens = TokenCounts { output_requested: asked, output_server: server, ..TokenCounts::default() };
            assert_eq!(is_output_off(&RequestRecord { tokens, ..samples::completed() }), off);
        }
    }
}
