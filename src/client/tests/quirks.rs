//! Whole answers of chat completions with the differences that servers show in the wild.

use super::*;

struct Row {
    text: String,
    reasoning: String,
    record: RequestRecord,
}

/// An answer whose events come 20 ms apart.
async fn answer(events: &[&str]) -> Row {
    let mut acts = vec![head()];
    for event in events {
        acts.extend([Send(chunk(&format!("{event}\n\n"))), Wait(20)]);
    }
    acts.extend([send(LAST), AwaitClose]);
    let server = Server::answering(&acts).await;
    let observed = observe(&client(&server.url)).await;
    let (text, reasoning) = (observed.text().to_owned(), observed.reasoning().to_owned());
    Row { text, reasoning, record: record(observed) }
}

#[tokio::test]
async fn differences_in_the_wild_change_no_figure() {
    let usage = r#""usage":{"prompt_tokens":7,"completion_tokens":2}"#;
    let two = format!(r#"data: {{"choices":[{{"delta":{{}},"finish_reason":"stop"}}],{usage}}}"#);
    let per_chunk = |text: &str, tokens: u8| {
        format!(
            r#"data: {{"choices":[{{"delta":{{"content":"{text}"}}}}],"usage":{{"prompt_tokens":7,"completion_tokens":{tokens}}}}}"#
        )
    };
    let (first, second) = (per_chunk("one", 1), per_chunk(" two", 2));
    let (one, more) = (content("one"), content(" two"));
    let (one, more) = (one.trim_end(), more.trim_end());
    let last_text = format!(r#"data: {{"choices":[{{"delta":{{"content":" two"}},"finish_reason":"stop"}}],{usage}}}"#);
    for (what, events) in [
        ("usage on the finish chunk, no [DONE]", vec![ROLE.trim_end(), one, more, &two]),
        (
            "empty choices first, comments between",
            vec![
                r#"data: {"choices":[],"prompt_filter_results":[]}"#,
                ": keepalive",
                one,
                ": OPENROUTER PROCESSING",
                more,
                &two,
                "data: [DONE]",
            ],
        ),
        ("usage on every chunk", vec![&first, &second, STOP.trim_end(), "data: [DONE]"]),
        ("text on the finish chunk", vec![one, &last_text, "data: [DONE]"]),
    ] {
        let row = answer(&events).await;
        assert_eq!((&row.record.outcome, row.text.as_str()), (&Outcome::Completed, "one two"), "{what}");
        assert_eq!((row.record.chunks.len(), row.record.tokens.output_server), (2, Some(2)), "{what}");
        assert_eq!(row.record.finish_reason.as_deref(), Some("stop"), "{what}");
    }
}

#[tokio::test]
async fn what_is_said_begins_behind_the_thinking_wherever_it_stands() {
    let event = |key: &str, text: &str| format!(r#"data: {{"choices":[{{"delta":{{"{key}":"{text}"}}}}]}}"#);
    for (what, events, reasoning) in [
        (
            "reasoning_content",
            [event("reasoning_content", "hm"), event("reasoning_content", "!"), event("content", "yes")],
            "hm!",
        ),
        ("reasoning", [event("reasoning", "hm"), event("reasoning", "!"), event("content", "yes")], "hm!"),
        (
            "tags",
            [event("content", "<think>hm"), event("content", "!</think>"), event("content", "\\n\\nyes")],
            "<think>hm!</think>\n\n",
        ),
        (
            "a cut tag",
            [event("content", "<thi"), event("content", "nk>hm!</think"), event("content", ">yes")],
            "<think>hm!</think>",
        ),
        (
            "an end alone",
            [event("content", "hm"), event("content", "!"), event("content", "</think>yes")],
            "hm!</think>",
        ),
    ] {
        let events: Vec<&str> = events.iter().map(String::as_str).chain([STOP.trim_end(), "data: [DONE]"]).collect();
        let row = answer(&events).await;
        assert_eq!((row.text.as_str(), row.reasoning.as_str()), ("yes", reasoning), "{what}");
        assert_eq!(row.record.chunks.len(), 3, "{what}");
        let (stamps, came_ns) = (&row.record.stamps, row.record.chunks[2].at_ns);
        assert_eq!((stamps.first_visible_ns, stamps.last_token_ns), (Some(came_ns), Some(came_ns)), "{what}");
        assert!(stamps.first_token_ns < Some(came_ns), "{what}: the reasoning came before");
    }
}

#[tokio::test]
async fn an_error_within_a_stream_of_status_200_is_no_answer() {
    for event in [
        r#"data: {"error":{"message":"engine died"}}"#,
        "event: error\ndata: {\"message\":\"engine died\"}",
        r#"error: {"message":"engine died"}"#,
    ] {
        let one = content("one");
        let row = answer(&[one.trim_end(), event]).await;
        let Outcome::Failed(failure) = &row.record.outcome else { panic!("{event}") };
        assert_eq!((failure.cause, failure.message.as_str()), (Cause::StreamError, "engine died"), "{event}");
    }
}
