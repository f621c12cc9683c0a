//! Answers that are no HTTP, are compressed, or have no end.

use super::*;

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";

async fn fails(acts: Vec<Act>, stream: bool, cause: Cause, part: &str) {
    let server = Server::answering(&[acts.as_slice(), &[AwaitClose]].concat()).await;
    let endpoint = Endpoint { stream, ..endpoint() };
    assert_failed(&observe(&client_of(&endpoint, &server.url)).await, cause, part);
}

#[tokio::test]
async fn what_is_no_http_1_is_called_by_its_name() {
    for (bytes, part) in [
        ("\u{15}\u{3}\u{3}\0\u{2}\u{2}\u{28}", "the server speaks TLS: write https:// in base_url"),
        ("\0\0\u{12}\u{4}\0\0\0\0\0", "the server speaks HTTP/2 only"),
        ("data: {}\n\n", "no HTTP/1.1"),
    ] {
        fails(vec![send(bytes)], true, Cause::BadData, part).await;
    }
}

#[tokio::test]
async fn a_compressed_answer_is_no_answer() {
    let coded = |status: &str| {
        send(&format!("HTTP/1.1 {status}\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n\u{1f}?"))
    };
    for stream in [true, false] {
        fails(vec![coded("200 OK")], stream, Cause::BadData, "content-encoding: gzip").await;
        fails(vec![coded("503 Busy")], stream, Cause::HttpStatus, "(what the server says is compressed: gzip)").await;
    }
}

#[tokio::test]
async fn requests_ask_for_plain_answers() {
    let server = Server::answering(&[head(), two_tokens(), AwaitClose]).await;
    observe(&client(&server.url)).await;
    assert!(server.requests().await[0].contains("accept-encoding: identity\r\n"));
}

/// An endpoint with these limits in milliseconds.
fn limited(first_token: u64, total: u64) -> Endpoint {
    let ms = Duration::from_millis;
    Endpoint {
        timeouts: Timeouts { first_token: ms(first_token), total: ms(total), ..endpoint().timeouts },
        ..endpoint()
    }
}

/// What comes of a server that says that over and over and never pauses.
async fn flooded(endpoint: &Endpoint, begin: &str, over_and_over: &str) -> Observation {
    let flood = Flood(over_and_over.repeat(1 + 60_000 / over_and_over.len()));
    let server = Server::answering(&[send(begin), flood, AwaitClose]).await;
    let client = client_of(endpoint, &server.url);
    // The flood keeps one worker busy, reading it the other.
    let observed = tokio::spawn(async move { observe(&client).await });
    tokio::time::timeout(Duration::from_secs(60), observed).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_meets_its_limit() {
    let chunked = format!("{STREAM}transfer-encoding: chunked\r\n\r\n");
    let begun = format!("{STREAM}\r\n{}", content("one"));
    for (what, begin, flood, cause, part) in [
        ("pings", format!("{STREAM}\r\n"), ": ping\n\n", Cause::FirstTokenTimeout, "200ms"),
        ("digits of a chunk's size", chunked, "0", Cause::FirstTokenTimeout, "200ms"),
        ("empty pieces", begun, ROLE, Cause::TotalTimeout, "900ms"),
    ] {
        let observed = flooded(&limited(200, 900), &begin, flood).await;
        assert_failed(&observed, cause, part);
        assert!(observed.weight() < 1000, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_without_a_limit_in_time_meets_its_bound_in_bytes() {
    let whole = format!("{STREAM}\r\n");
    let text = content(&"x".repeat(10_000));
    let line = format!("data: {}\n", "x".repeat(10_000));
    for (begin, flood, cause, part) in [
        (whole.clone(), text.as_str(), Cause::BadData, "a stream of 64 MiB of content"),
        (whole, line.as_str(), Cause::BadData, "an event of more than"),
        (STREAM.to_owned(), "x: y\r\n", Cause::BadData, "no HTTP/1.1"),
        (STREAM.to_owned(), "x", Cause::BadData, "a head of more than 64 KiB"),
        (String::new(), "HTTP/1.1 103 Early Hints\r\n\r\n", Cause::BadData, "no HTTP/1.1"),
        (format!("{STREAM}transfer-encoding: chunked\r\n\r\n5;"), "x", Cause::StreamCut, "does not end"),
    ] {
        let observed = flooded(&limited(50_000, 50_000), &begin, flood).await;
        assert_failed(&observed, cause, part);
        assert!(observed.weight() <= (64 << 20) + (1 << 20), "{part}: {}", observed.weight());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_answer_without_end_is_given_up_at_its_bound() {
    let endpoint = Endpoint { stream: false, ..limited(50_000, 50_000) };
    let observed = flooded(&endpoint, "HTTP/1.1 200 OK\r\n\r\n", "[").await;
    assert_failed(&observed, Cause::BadData, "an answer of 32 MiB");
}

#[tokio::test]
async fn a_list_of_models_without_end_is_given_up_at_its_bound() {
    let acts = vec![Read, send("HTTP/1.1 200 OK\r\n\r\n"), Flood("x".repeat(64 << 10)), AwaitClose];
    let server = Server::start(vec![acts]).await;
    let said = client(&server.url).models().await.unwrap_err().to_string();
    assert!(said.contains("an answer of more than 16 MiB"), "{said}");
}

#[tokio::test]
async fn what_a_server_says_in_the_place_of_a_word_is_kept_short() {
    let long = "y".repeat(10_000);
    let event = format!(
        "data: {{\"id\":\"{long}\",\"choices\":[{{\"delta\":{{\"content\":\"a\"}},\"finish_reason\":\"{long}\"}}]}}\n\n"
    );
    let server = Server::answering(&[head(), Send(chunk(&event) + &chunk(DONE) + LAST)]).await;
    let row = record(observe(&client(&server.url)).await);
    let chars = |text: Option<String>| text.unwrap().chars().count();
    assert_eq!((chars(row.response_id), chars(row.finish_reason)), (200, 200));
}
