use super::*;

fn answer() -> [Act; 3] {
    [Read, head(), two_tokens()]
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::start(vec![[answer().as_slice(), &answer(), &answer(), &[AwaitClose]].concat()]).await;
    let client = client(&server.url);
    client.warm(1).await.unwrap();
    assert_eq!(client.idle_connections(), 1);
    for _ in 0..3 {
        let observed = observe(&client).await;
        assert_eq!((observed.outcome(), observed.stamps().connect_ns), (Some(&Outcome::Completed), None));
        assert_eq!((observed.attempts().len(), client.idle_connections()), (1, 1));
    }
    drop(client);
    assert_eq!(server.requests().await.len(), 3);
}

#[tokio::test]
async fn errors_and_whole_answers_leave_the_connection_usable() {
    let refused = [Read, whole("400 Bad Request", "text/plain", "no")];
    let document = [Read, whole("200 OK", "application/json", "{}")];
    let server = Server::start(vec![[refused.as_slice(), &document, &answer(), &[AwaitClose]].concat()]).await;
    let client = client(&server.url);
    for cause in [Some(Cause::HttpStatus), Some(Cause::NotAStream), None] {
        let observed = observe(&client).await;
        assert_eq!(observed.attempts()[0].cause, cause);
        assert_eq!(client.idle_connections(), 1);
    }
}

#[tokio::test]
async fn a_pooled_connection_that_dies_unanswered_is_replaced_once() {
    let stale = [answer().as_slice(), &[Read, Wait(20), Close]].concat();
    let server = Server::start(vec![stale, answer().to_vec()]).await;
    let client = client(&server.url);
    observe(&client).await;
    let observed = observe(&client).await;
    assert_eq!((observed.outcome(), observed.text()), (Some(&Outcome::Completed), "one two"));
    let row = record(observed);
    let [first, second] = row.attempts.as_slice() else { panic!("{:?}", row.attempts) };
    assert_eq!((first.cause, second.cause), (Some(Cause::StreamCut), None));
    assert_eq!((first.sent_ns, Some(second.end_ns)), (row.stamps.sent_ns, row.stamps.end_ns));
    assert!(first.end_ns - first.sent_ns.unwrap() >= 15_000_000);
    let order = [first.sent_ns, Some(first.end_ns), row.stamps.connect_ns, second.sent_ns, row.stamps.headers_ns];
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(server.requests().await.len(), 3);
}

#[tokio::test]
async fn a_second_death_is_a_failure() {
    let stale = [answer().as_slice(), &[Read, Close]].concat();
    let server = Server::start(vec![stale, vec![Read, Close]]).await;
    let client = client(&server.url);
    observe(&client).await;
    let observed = observe(&client).await;
    assert_failed(&observed, Cause::StreamCut, "before any byte");
    assert_eq!(observed.attempts().len(), 2);
}

#[tokio::test]
async fn an_answer_that_has_begun_is_not_asked_for_again() {
    for begun in ["H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"] {
        let dying = [answer().as_slice(), &[Read, send(begun), Wait(5), Close]].concat();
        let server = Server::start(vec![dying]).await;
        let client = client(&server.url);
        observe(&client).await;
        let observed = observe(&client).await;
        assert_eq!((failure(&observed).cause, observed.attempts().len()), (Cause::StreamCut, 1), "{begun:?}");
    }
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_not_even_tried() {
    let closing = [answer().as_slice(), &[Close]].concat();
    let server = Server::start(vec![closing.clone(), closing]).await;
    let client = client(&server.url);
    observe(&client).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let observed = observe(&client).await;
    assert_eq!((observed.outcome(), observed.attempts().len()), (Some(&Outcome::Completed), 1));
    assert!(observed.stamps().connect_ns.is_some());
}

#[tokio::test]
async fn a_server_that_says_close_is_believed() {
    let head = send("HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n");
    let server = Server::start(vec![vec![Read, head, two_tokens(), AwaitClose]]).await;
    let client = client(&server.url);
    assert_eq!(observe(&client).await.outcome(), Some(&Outcome::Completed));
    assert_eq!(client.idle_connections(), 0);
    server.requests().await;
}

#[tokio::test]
async fn dropping_the_exchange_closes_the_connection_and_keeps_what_was_seen() {
    let server = Server::answering(&[head(), Send(chunk(&content("one"))), AwaitClose]).await;
    let client = client(&server.url);
    let mut observed = client.observation();
    let body = body(&client);
    let cut = tokio::time::timeout(Duration::from_millis(50), client.exchange(&body, &mut observed)).await;
    assert!(cut.is_err());
    // It ends only when the connection closes.
    server.requests().await;
    assert_eq!((client.idle_connections(), observed.outcome(), observed.text()), (0, None, "one"));
    let at = observed.stamps().first_token_ns.unwrap() + 1;
    observed.cancel(at);
    let row = record(observed);
    assert_eq!((row.outcome, row.stamps.end_ns, row.chunks.len()), (Outcome::Cancelled, Some(at), 1));
    assert_eq!((row.attempts[0].cause, row.attempts[0].end_ns), (None, at));
}

#[tokio::test]
async fn a_request_that_is_never_sent_has_no_attempt() {
    let mut observed = client("http://127.0.0.1:1/v1").observation();
    observed.drop_unsent(5);
    observed.cancel(6);
    let row = record(observed);
    assert_eq!((row.outcome, row.attempts.len(), row.stamps.end_ns), (Outcome::Dropped, 0, Some(5)));
}

#[tokio::test]
async fn warming_opens_many_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(&format!("http://{}/v1", listener.local_addr().unwrap()));
    client.warm(40).await.unwrap();
    client.warm(30).await.unwrap();
    assert_eq!(client.idle_connections(), 40);
}

#[tokio::test]
async fn the_untimed_calls() {
    let server = Server::start(vec![vec![
        Read,
        whole("200 OK", "application/json", r#"{"data":[{"id":"m"}]}"#),
        Read,
        whole("200 OK", "text/plain", "0.11"),
        Read,
        whole("404 Not Found", "application/json", r#"{"detail":"Not Found sk-secret"}"#),
        Read,
        whole("200 OK", "text/html", "<html>"),
        AwaitClose,
    ]])
    .await;
    let client = client(&server.url);
    assert_eq!(client.models().await.unwrap(), [ModelListing { id: "m".into(), context_length: None }]);
    assert_eq!(client.get_text("/version").await.unwrap(), "0.11");
    let refused = client.call("POST", "/reset").await.unwrap_err();
    assert!(matches!(&refused, ControlError::Status { status: 404, message, .. } if message == "Not Found [redacted]"));
    assert!(matches!(client.models().await.unwrap_err(), ControlError::Unreadable { .. }));
    drop(client);
    let requests = server.requests().await;
    let lines: Vec<&str> = requests.iter().filter_map(|request| request.lines().next()).collect();
    assert_eq!(
        lines,
        ["GET /v1/models HTTP/1.1", "GET /version HTTP/1.1", "POST /reset HTTP/1.1", "GET /v1/models HTTP/1.1"]
    );
    assert!(requests[0].to_lowercase().contains("authorization: bearer sk-secret"));
}
