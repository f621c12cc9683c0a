//! The usage object: OpenAI's token counts, and SambaNova's account of the server's own times.

use serde::Serialize;
use serde_json::Value;

use super::sequence::Sequence;
use crate::time::{Clock, MonotonicNs, unix_ns};

/// `usage` as it is written.
#[derive(Debug, Serialize)]
pub(super) struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
    #[serde(flatten)]
    times: Option<ServerTimes>,
}

#[derive(Debug, Serialize)]
struct PromptDetails {
    /// Always 0: there is no prefix cache.
    cached_tokens: u64,
    /// Only where the prompt has pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    image_tokens: Option<u64>,
}

#[derive(Debug, Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
}

/// What SambaNova's API adds: durations in seconds from the receipt of the request, dates in Unix seconds, rates in
/// tokens a second; null where a completion is too short to define them.
#[derive(Debug, Serialize)]
struct ServerTimes {
    time_to_first_token: Option<f64>,
    total_latency: Option<f64>,
    total_tokens_per_sec: Option<f64>,
    completion_tokens_per_sec: Option<f64>,
    completion_tokens_after_first_per_sec: Option<f64>,
    /// Over tokens 2 to 10.
    completion_tokens_after_first_per_sec_first_ten: Option<f64>,
    /// The size of the batch in the request's first decode step; 1 if it had none.
    batch_size_used: usize,
    start_time: f64,
    end_time: Option<f64>,
    is_last_response: bool,
    stop_reason: &'static str,
}

impl Usage {
    /// The counts after `completion_tokens` tokens, of which up to `reasoning_tokens` are reasoning.
    pub(super) fn so_far(sequence: &Sequence, completion_tokens: u64, reasoning_tokens: u64) -> Self {
        Self {
            prompt_tokens: sequence.prompt_tokens,
            completion_tokens,
            total_tokens: sequence.prompt_tokens.saturating_add(completion_tokens),
            prompt_tokens_details: PromptDetails {
                cached_tokens: 0,
                image_tokens: Some(sequence.image_tokens).filter(|tokens| *tokens > 0),
            },
            completion_tokens_details: CompletionDetails { reasoning_tokens: reasoning_tokens.min(completion_tokens) },
            times: None,
        }
    }

    /// The counts and times of a finished sequence.
    pub(super) fn finished(sequence: &Sequence, reasoning_tokens: u64, clock: Clock) -> Self {
        let counts = Self::so_far(sequence, sequence.emitted(), reasoning_tokens);
        let start_time = seconds(unix_ns() - (clock.now_ns() - sequence.received_ns));
        let times = ServerTimes::new(sequence, start_time);
        Self { times: Some(times), ..counts }
    }
}

impl Usage {
    pub(super) fn prompt_tokens(&self) -> u64 {
        self.prompt_tokens
    }

    pub(super) fn completion_tokens(&self) -> u64 {
        self.completion_tokens
    }

    /// The server's times alone; null before the end.
    pub(super) fn times(&self) -> Value {
        // Numbers and fixed names always have a JSON form.
        serde_json::to_value(&self.times).unwrap_or_default()
    }
}

impl ServerTimes {
    fn new(sequence: &Sequence, start_time: f64) -> Self {
        let marks = sequence.marks();
        let completion = sequence.emitted();
        let since_receipt = |mark: Option<MonotonicNs>| mark.map(|mark| seconds(mark - sequence.received_ns));
        let since_first = |mark: Option<MonotonicNs>| Some(seconds(mark? - marks.first_ns?));
        let total_latency = since_receipt(marks.last_ns);
        Self {
            time_to_first_token: since_receipt(marks.first_ns),
            total_latency,
            total_tokens_per_sec: rate(sequence.prompt_tokens.saturating_add(completion), total_latency),
            completion_tokens_per_sec: rate(completion, total_latency),
            completion_tokens_after_first_per_sec: rate(completion.saturating_sub(1), since_first(marks.last_ns)),
            completion_tokens_after_first_per_sec_first_ten: rate(
                completion.min(10).saturating_sub(1),
                since_first(marks.tenth_ns),
            ),
            batch_size_used: marks.batch.unwrap_or(1),
            start_time,
            end_time: total_latency.map(|latency| start_time + latency),
            is_last_response: true,
            stop_reason: "length",
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^53")]
fn rate(tokens: u64, seconds: Option<f64>) -> Option<f64> {
    seconds.filter(|seconds| *seconds > 0.0).map(|seconds| tokens as f64 / seconds)
}

#[expect(clippy::cast_precision_loss, reason = "fractions of a microsecond are of no use to the reader")]
fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::super::sequence::Wakes;
    use super::*;

    fn close(value: Option<f64>, wanted: f64) -> bool {
        value.is_some_and(|value| (value - wanted).abs() < 1e-9)
    }

    #[test]
    fn times_are_from_receipt_and_rates_from_the_first_token() {
        let ms = 1_000_000;
        let sequence = Sequence::new(0, 100, 21, 5 * ms, Wakes::AtEnd);
        for index in 0..21 {
            sequence.emit(0, (45 + 8 * index) * ms);
        }
        let times = ServerTimes::new(&sequence, 1000.0);
        assert!(close(times.time_to_first_token, 0.040));
        assert!(close(times.total_latency, 0.200));
        assert!(close(times.total_tokens_per_sec, 605.0));
        assert!(close(times.completion_tokens_per_sec, 105.0));
        assert!(close(times.completion_tokens_after_first_per_sec, 125.0));
        assert!(close(times.completion_tokens_after_first_per_sec_first_ten, 125.0));
        assert!(close(times.end_time, 1000.2));
    }

    #[test]
    fn the_rate_of_the_first_ten_is_that_of_all_when_there_are_fewer() {
        let sequence = Sequence::new(0, 1, 5, 0, Wakes::AtEnd);
        for index in 1..=5 {
            sequence.emit(0, index * 10_000_000);
        }
        let times = ServerTimes::new(&sequence, 0.0);
        assert!(close(times.completion_tokens_after_first_per_sec_first_ten, 100.0));
        assert!(close(times.completion_tokens_after_first_per_sec, 100.0));
    }

    #[test]
    fn one_token_has_no_rate_after_the_first() {
        let sequence = Sequence::new(0, 100, 1, 0, Wakes::AtEnd);
        sequence.emit(0, 1_000_000);
        let times = ServerTimes::new(&sequence, 0.0);
        assert_eq!(times.completion_tokens_after_first_per_sec, None);
        assert_eq!(times.completion_tokens_after_first_per_sec_first_ten, None);
        assert_eq!(times.batch_size_used, 1);
    }
}
