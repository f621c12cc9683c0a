//! What is sent again, and what its row says.

use super::*;
use crate::scenario::{Retries, RetryCause};

const LIMITED: &str = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 4\r\n\r\nslow";

fn retrying(url: &str, count: u32, on: &[RetryCause]) -> Client {
    client(url).retrying(&Retries { count, backoff: Duration::from_millis(20), on: on.to_vec() })
}

fn causes(row: &RequestRecord) -> Vec<Option<Cause>> {
    row.attempts.iter().map(|attempt| attempt.cause).collect()
}

#[tokio::test]
async fn a_request_that_is_sent_again_is_timed_from_its_first_attempt() {
    let refused = [Read, send(LIMITED)];
    let server =
        Server::start(vec![[refused.as_slice(), &refused, &[Read, head(), two_tokens(), AwaitClose]].concat()]).await;
    let client = retrying(&server.url, 5, &[RetryCause::RateLimited]);
    let row = record(observe(&client).await);
    assert_eq!((&row.outcome, row.http_status), (&Outcome::Completed, Some(200)));
    assert_eq!(causes(&row), [Some(Cause::RateLimited), Some(Cause::RateLimited), None]);
    let [first, second, third] = row.attempts.as_slice() else { panic!() };
    assert_eq!((row.stamps.sent_ns, row.stamps.end_ns), (first.sent_ns, Some(third.end_ns)));
    // The second wait is twice the first.
    assert!(second.sent_ns.unwrap() - first.end_ns >= 20_000_000);
    assert!(third.sent_ns.unwrap() - second.end_ns >= 40_000_000);
    assert!(row.stamps.headers_ns.unwrap() > third.sent_ns.unwrap(), "of the answer that came");
    let requests = {
        drop(client);
        server.requests().await
    };
    assert!(requests.len() == 3 && requests.iter().all(|request| *request == requests[0]));
}

#[tokio::test]
async fn what_the_server_asks_for_is_waited_and_what_is_too_long_is_not() {
    let asked = |seconds: u32| send(&LIMITED.replace("retry-after: 0", &format!("retry-after: {seconds}")));
    let server = Server::start(vec![vec![Read, asked(1), Read, asked(60), AwaitClose]]).await;
    let client = retrying(&server.url, 5, &[RetryCause::RateLimited]);
    let observed = observe(&client).await;
    assert_failed(&observed, Cause::RateLimited, "not sent again: 60s more would pass the 4s of timeouts.total");
    let row = record(observed);
    assert_eq!(row.attempts.len(), 2);
    assert!(row.attempts[1].sent_ns.unwrap() - row.attempts[0].end_ns >= 1_000_000_000);
}

#[tokio::test]
async fn attempts_are_as_many_as_allowed() {
    let refused = [Read, send(LIMITED)];
    let script = [refused.as_slice(), &refused, &refused, &[AwaitClose]].concat();
    let server = Server::start(vec![script]).await;
    let client = retrying(&server.url, 2, &[RetryCause::RateLimited]);
    let observed = observe(&client).await;
    assert_failed(&observed, Cause::RateLimited, "HTTP 429");
    assert_eq!(observed.attempts().len(), 3);
}

#[tokio::test]
async fn nothing_is_sent_again_unless_its_cause_is_asked_for() {
    for (count, on) in [(0, RetryCause::RateLimited), (3, RetryCause::HttpStatus)] {
        let server = Server::answering(&[send(LIMITED), AwaitClose]).await;
        let observed = observe(&retrying(&server.url, count, &[on])).await;
        assert_eq!(observed.attempts().len(), 1, "{on:?}");
    }
}

#[tokio::test]
async fn an_answer_with_content_is_not_asked_for_again() {
    let cut = |events: &str| vec![Read, head(), Send(events.to_owned()), Close];
    let server = Server::start(vec![cut(&chunk(ROLE)), cut(&chunk(&content("one")))]).await;
    let client = retrying(&server.url, 5, &[RetryCause::StreamCut]);
    let observed = observe(&client).await;
    assert_failed(&observed, Cause::StreamCut, "broke off");
    assert_eq!((observed.attempts().len(), observed.text()), (2, "one"));
}

#[tokio::test]
async fn a_request_that_never_had_a_connection_counts_from_its_first_attempt() {
    let url = { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() };
    let client = retrying(&format!("http://{url}/v1"), 2, &[RetryCause::Connect]);
    let before = Clock::start().now_ns();
    let row = record(observe(&client).await);
    assert_eq!(causes(&row), [Some(Cause::Connect); 3]);
    assert!(row.attempts.iter().all(|attempt| attempt.sent_ns.is_none()));
    let (sent, end) = (row.stamps.sent_ns.unwrap(), row.stamps.end_ns.unwrap());
    assert!(sent >= before && end - sent >= 60_000_000, "{sent} {end}");
}

#[tokio::test]
async fn a_request_that_is_stopped_while_it_waits_is_cancelled() {
    let server = Server::answering(&[send(&LIMITED.replace("after: 0", "after: 3")), AwaitClose]).await;
    let client = retrying(&server.url, 2, &[RetryCause::RateLimited]);
    let (mut observed, body) = (client.observation(), body(&client));
    let ended = tokio::time::timeout(Duration::from_millis(500), client.exchange(&body, &mut observed)).await;
    assert!(ended.is_err());
    observed.cancel(Clock::start().now_ns());
    let row = record(observed);
    assert_eq!((&row.outcome, causes(&row)), (&Outcome::Cancelled, vec![Some(Cause::RateLimited)]));
    assert_eq!(row.http_status, None, "the answer that was refused is none of this request's");
}
