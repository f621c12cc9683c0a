use super::api::{KnownMetric, Quantity};
use super::openai_chat::OpenaiChat;

/// SambaNova Cloud, and the simulator, which speaks the same: chat completions that know `ignore_eos` and tell the
/// server's own times in the usage object.
pub(crate) static SAMBANOVA: OpenaiChat = OpenaiChat { knows_ignore_eos: true, metrics: USAGE_METRICS };

/// Times and rates in the usage object, in seconds and tokens a second. Newer names stand before older ones.
pub(crate) static USAGE_METRICS: &[KnownMetric] = &[
    KnownMetric {
        quantity: Quantity::Ttft,
        pointers: &["/usage/time_to_first_token", "/usage/time_to_first_response"],
        scale: 1000.0,
    },
    KnownMetric {
        quantity: Quantity::E2e,
        pointers: &["/usage/total_latency", "/usage/model_execution_time"],
        scale: 1000.0,
    },
    KnownMetric {
        quantity: Quantity::OutputRate,
        pointers: &[
            "/usage/completion_tokens_after_first_per_sec",
            "/usage/completion_tokens_per_sec_after_first_response",
            "/usage/throughput_after_first_token",
        ],
        scale: 1.0,
    },
    KnownMetric { quantity: Quantity::BatchSize, pointers: &["/usage/batch_size_used"], scale: 1.0 },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::api::{Provider, Target};
    use crate::scenario::RequestOptions;
    use crate::workload::ChatRequest;

    #[test]
    fn the_full_length_is_asked_for_unless_the_scenario_says_otherwise() {
        let request = ChatRequest { messages: Vec::new(), output_tokens: Some(5), ..ChatRequest::default() };
        for (ignore_eos, said) in [(None, true), (Some(true), true), (Some(false), false)] {
            let options = RequestOptions { ignore_eos, ..RequestOptions::default() };
            let body = SAMBANOVA.body(&request, &Target { model_id: "m".into(), options }, true);
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["ignore_eos"], said, "{ignore_eos:?}");
        }
    }

    #[test]
    fn every_pointer_lies_under_usage() {
        for pointer in USAGE_METRICS.iter().flat_map(|metric| metric.pointers) {
            assert!(pointer.starts_with("/usage/"), "{pointer}");
        }
    }
}
