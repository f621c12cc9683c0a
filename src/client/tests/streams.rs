use super::*;
use crate::record::{Chunk, TokenSource};

#[tokio::test]
async fn an_answer_becomes_a_row() {
    let server = Server::answering(&[head(), two_tokens(), AwaitClose]).await;
    let client = client(&server.url);
    let before = client.observation();
    assert!(before.outcome().is_none() && before.attempts().is_empty());
    let observed = observe(&client).await;
    assert_eq!(observed.reply(), crate::workload::Reply { text: "one two".into(), completed: true });
    drop(client);

    let row = record(observed);
    assert_eq!((row.request_index, row.prompt_name.as_deref(), row.model_id.as_str()), (3, Some("p"), "m"));
    assert_eq!((row.outcome, row.http_status), (Outcome::Completed, Some(200)));
    assert_eq!((row.response_id.as_deref(), row.finish_reason.as_deref()), (Some("c-1"), Some("stop")));
    assert_eq!(
        (row.tokens.input_requested, row.tokens.input_client, row.tokens.input_server),
        (Some(6), Some(7), Some(7))
    );
    assert_eq!((row.tokens.output_requested, row.tokens.output_server), (Some(2), Some(2)));
    assert_eq!(row.token_source, Some(TokenSource::Usage));
    let stamps = row.stamps;
    let first = stamps.first_token_ns.unwrap();
    assert_eq!(row.chunks, [Chunk { at_ns: first, tokens: 1 }, Chunk { at_ns: first, tokens: 1 }]);
    assert_eq!((stamps.first_visible_ns, stamps.last_token_ns, stamps.end_ns), (Some(first), Some(first), Some(first)));
    assert_eq!((stamps.scheduled_ns, row.attempts.len()), (Some(11), 1));
    assert_eq!((row.attempts[0].sent_ns, row.attempts[0].end_ns, row.attempts[0].cause), (stamps.sent_ns, first, None));

    let order = [stamps.connect_ns, stamps.sent_ns, stamps.headers_ns, stamps.first_chunk_ns, stamps.end_ns];
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{order:?}");

    let request = server.requests().await.remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    assert!(head.starts_with("post /v1/chat/completions http/1.1\r\n"), "{head}");
    for line in
        ["host: 127.0.0.1:", "authorization: bearer sk-secret", "x-team: bench", "content-type: application/json"]
    {
        assert!(head.contains(line), "{line} in {head}");
    }
    assert!(body.starts_with(r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":2,"#), "{body}");
}

#[tokio::test]
async fn a_token_is_stamped_by_the_read_that_completed_its_event() {
    let (start, end) = (content("one"), content(" two"));
    let (half, other_half) = end.split_at(20);
    let server = Server::answering(&[
        head(),
        Wait(40),
        Send(chunk(ROLE)),
        Wait(40),
        Send(chunk(&start) + &chunk(half)),
        Wait(40),
        Send(chunk(other_half) + &chunk(STOP)),
        Wait(40),
        Send(chunk(DONE) + LAST),
        AwaitClose,
    ])
    .await;
    let row = record(observe(&client(&server.url)).await);
    let stamps = row.stamps;
    let points = [stamps.headers_ns, stamps.first_chunk_ns, stamps.first_token_ns, stamps.last_token_ns, stamps.end_ns];
    for pair in points.windows(2) {
        let gap = pair[1].unwrap() - pair[0].unwrap();
        assert!((15_000_000..400_000_000).contains(&gap), "{gap} in {points:?}");
    }
    assert_eq!(row.chunks.iter().map(|chunk| Some(chunk.at_ns)).collect::<Vec<_>>(), [points[2], points[3]]);
}

#[tokio::test]
async fn any_split_of_the_bytes_is_the_same_answer() {
    let Send(answer) = two_tokens() else { unreachable!() };
    let Send(start) = head() else { unreachable!() };
    for acts in [
        vec![Trickle(start.clone() + &answer)],
        vec![Send(start.clone() + &answer)],
        vec![Send(start.clone()), Wait(5), Send(answer.clone())],
        // One HTTP chunk for each byte, all at once.
        vec![Send(
            start
                + &[ROLE, &content("one"), &content(" two"), STOP, USAGE, DONE]
                    .concat()
                    .chars()
                    .map(|c| chunk(&c.to_string()))
                    .collect::<String>()
                + LAST,
        )],
    ] {
        let server = Server::answering(&[acts.as_slice(), &[AwaitClose]].concat()).await;
        let observed = observe(&client(&server.url)).await;
        assert_eq!(observed.text(), "one two");
        let row = record(observed);
        assert_eq!((row.outcome, row.chunks.len(), row.tokens.output_server), (Outcome::Completed, 2, Some(2)));
    }
}

#[tokio::test]
async fn reasoning_comes_before_what_is_visible() {
    let thinking = "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n";
    let server =
        Server::answering(&[head(), Send(chunk(thinking)), Wait(40), Send(chunk(&content("a")) + &chunk(DONE) + LAST)])
            .await;
    let observed = observe(&client(&server.url)).await;
    assert_eq!((observed.reasoning(), observed.text()), ("hm", "a"));
    let stamps = *observed.stamps();
    assert!(stamps.first_visible_ns.unwrap() - stamps.first_token_ns.unwrap() > 15_000_000);
    assert_eq!(stamps.last_token_ns, stamps.first_visible_ns);
}

#[tokio::test]
async fn endings_that_are_no_failures() {
    let plain = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let text = content("one two");
    let finish = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"length\"}]}";
    for (what, acts) in [
        ("no [DONE]", vec![head(), Send(chunk(&text) + &chunk(STOP) + LAST)]),
        ("no finish reason", vec![head(), Send(chunk(&text) + &chunk(DONE) + LAST)]),
        ("closed after the finish reason", vec![head(), Send(chunk(&text) + &chunk(STOP)), Close]),
        ("a body that ends with the connection", vec![send(plain), Send(text.clone() + STOP + DONE), Close]),
        ("no blank line at the end", vec![send(plain), Send(text.clone() + finish), Close]),
        ("[DONE] without a line end", vec![send(plain), Send(text.clone() + "data: [DONE]"), Close]),
        ("a body that never ends", vec![head(), Send(chunk(&text) + &chunk(DONE)), AwaitClose]),
        ("no content type", vec![send("HTTP/1.1 200 OK\r\n\r\n"), Send(text.clone() + DONE), Close]),
        (
            "text/plain",
            vec![send("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n"), Send(text.clone() + DONE), Close],
        ),
    ] {
        let server = Server::answering(&acts).await;
        let observed = observe(&client(&server.url)).await;
        assert_eq!(observed.outcome(), Some(&Outcome::Completed), "{what}");
        assert!(observed.text().starts_with("one two"), "{what}");
        assert!(observed.stamps().end_ns.is_some(), "{what}");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_streamed_has_no_token_stamps() {
    let endpoint = Endpoint { stream: false, api: Api::Sambanova, ..endpoint() };
    let answer = r#"{"id":"x","choices":[{"message":{"content":"hello"},"finish_reason":"stop"}],"usage":{"completion_tokens":2,"time_to_first_token":0.5}}"#;
    let server = Server::answering(&[Wait(20), whole("200 OK", "application/json", answer), AwaitClose]).await;
    let observed = observe(&client_of(&endpoint, &server.url)).await;
    assert_eq!(observed.text(), "hello");
    let row = record(observed);
    assert_eq!((row.outcome, row.finish_reason.as_deref()), (Outcome::Completed, Some("stop")));
    assert_eq!((row.stamps.first_token_ns, row.stamps.last_token_ns, row.chunks.len()), (None, None, 0));
    assert!(row.stamps.end_ns.unwrap() - row.stamps.sent_ns.unwrap() > 15_000_000);
    assert_eq!((row.tokens.output_server, row.server.ttft_ms, row.token_source), (Some(2), Some(500.0), None));
}
