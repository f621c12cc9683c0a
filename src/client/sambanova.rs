use super::openai_chat::OpenaiChat;

/// SambaNova Cloud, and the simulator, which speaks the same: chat completions that know `ignore_eos` and tell the
/// server's own times in the usage object.
pub(crate) static SAMBANOVA: OpenaiChat = OpenaiChat { knows_ignore_eos: true };

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
            let body = SAMBANOVA.body(&request, &Target { model_id: "Bundle/M".into(), options }, true);
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["ignore_eos"], said, "{ignore_eos:?}");
            assert_eq!(body["model"], "Bundle/M", "a name goes out unchanged");
        }
    }
}
