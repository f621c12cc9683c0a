use super::*;

/// Plays each script after a request and expects its cause and a part of its message.
async fn assert_causes(cases: Vec<(Vec<Act>, Cause, &str)>) {
    for (acts, cause, part) in cases {
        let acts = [acts.as_slice(), &[AwaitClose]].concat();
        let server = Server::answering(&acts).await;
        let observed = observe(&client(&server.url)).await;
        assert_failed(&observed, cause, part);
        assert_eq!(observed.attempts().len(), 1, "{part}");
        assert!(observed.stamps().sent_ns.is_some(), "{part}");
        assert!(!failure(&observed).message.contains("sk-secret") && !failure(&observed).message.contains('\n'));
    }
}

#[tokio::test]
async fn an_answer_that_is_no_stream_has_its_cause() {
    use Cause::{BadData, ErrorBody, HttpStatus, NotAStream, RateLimited, StreamCut};
    let json = "application/json";
    assert_causes(vec![
        (
            vec![whole("401 Unauthorized", json, r#"{"error":{"message":"bad key sk-secret"}}"#)],
            HttpStatus,
            "HTTP 401 Unauthorized: bad key [redacted]",
        ),
        (vec![whole("404 Not Found", json, r#"{"detail":"Not Found"}"#)], HttpStatus, "HTTP 404 Not Found: Not Found"),
        (
            vec![whole("500 Internal Server Error", "text/plain", "boom\nat line 3")],
            HttpStatus,
            "HTTP 500 Internal Server Error: boom",
        ),
        (vec![send("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Close], HttpStatus, "HTTP 503"),
        (
            vec![send("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 100\r\n\r\nhalf"), Close],
            HttpStatus,
            "HTTP 502 Bad Gateway: half",
        ),
        (
            vec![send("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://other/v1\r\ncontent-length: 0\r\n\r\n")],
            HttpStatus,
            "to http://other/v1",
        ),
        (
            vec![send("HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\nslow")],
            RateLimited,
            "(Retry-After: 7): slow",
        ),
        (vec![whole("200 OK", json, r#"{"error":{"message":"no such model"}}"#)], ErrorBody, "no such model"),
        (vec![whole("200 OK", "text/event-stream", r#"{"error":"no such model"}"#)], ErrorBody, "no such model"),
        (vec![whole("200 OK", "text/html", "<html>\n<body>login")], NotAStream, "content type text/html: <html>"),
        (
            vec![whole("200 OK", json, r#"{"object":"chat.completion","choices":[]}"#)],
            NotAStream,
            "ignored `stream: true`",
        ),
        (vec![whole("200 OK", "text/plain", "upstream gone")], NotAStream, "content type text/plain"),
        (vec![Close], StreamCut, "before any byte of the answer"),
        (vec![send("HTTP/1.1 200"), Close], StreamCut, "within the head"),
        (vec![send("SSH-2.0-x\r\n\r\n")], BadData, "no HTTP/1.1"),
    ])
    .await;
}

#[tokio::test]
async fn a_stream_that_goes_wrong_has_its_cause() {
    use Cause::{BadData, Empty, StreamCut, StreamError};
    let text = chunk(&content("one"));
    let fault = chunk("data: {\"error\":{\"message\":\"CUDA\\nout of memory for sk-secret\"}}\n\n");
    assert_causes(vec![
        (vec![head(), Send(text.clone() + &fault)], StreamError, "CUDA out of memory for [redacted]"),
        (vec![head(), Send(chunk("event: error\ndata: overloaded\n\n"))], StreamError, "overloaded"),
        (vec![head(), Send(chunk("error: {\"message\":\"slot lost\"}\n\n"))], StreamError, "slot lost"),
        (vec![head(), Send(text.clone()), Close], StreamCut, "broke off"),
        (vec![head(), Send(text.clone() + LAST)], StreamCut, "without finish_reason or [DONE]"),
        (vec![head(), Send(text.clone() + "ff\r\ndata: {\"cho"), Close], StreamCut, "broke off"),
        (vec![head(), Send(text.clone() + &chunk("data: {\"choices\":[") + LAST)], StreamCut, "without finish_reason"),
        (vec![head(), Send(text.clone() + "no chunk size\r\n")], StreamCut, "broke off"),
        (vec![head(), Close], StreamCut, "broke off"),
        (vec![head(), Send(chunk(": ping\n\n") + LAST)], StreamCut, "without finish_reason"),
        (vec![head(), Send(text.clone() + &chunk("data: {nonsense\n\n"))], BadData, "`{nonsense`"),
        (vec![head(), Send([ROLE, STOP, USAGE, DONE].map(chunk).concat() + LAST)], Empty, "no content"),
        (vec![head(), send(LAST)], Empty, "no content"),
    ])
    .await;
}

fn hasty(first_token: u64, idle: u64, total: u64) -> Endpoint {
    let ms = Duration::from_millis;
    let timeouts = Timeouts { connect: ms(60), first_token: ms(first_token), idle: ms(idle), total: ms(total) };
    Endpoint { timeouts, ..endpoint() }
}

#[tokio::test]
async fn every_limit_has_its_cause() {
    let text = || Send(chunk(&content("one")));
    let ping = || Send(chunk(": ping\n\n"));
    let drip = |act: &dyn Fn() -> Act| (0..20).flat_map(|_| [Wait(10), act()]).collect::<Vec<_>>();
    for (what, endpoint, acts, cause, limit) in [
        ("no head", hasty(60, 1000, 1000), vec![], Cause::FirstTokenTimeout, 60),
        ("only pings", hasty(60, 30, 1000), drip(&ping), Cause::FirstTokenTimeout, 60),
        ("only the role", hasty(60, 30, 1000), vec![Send(chunk(ROLE))], Cause::FirstTokenTimeout, 60),
        ("silence", hasty(1000, 60, 1000), vec![text()], Cause::IdleTimeout, 60),
        ("a steady stream", hasty(1000, 1000, 80), drip(&text), Cause::TotalTimeout, 80),
        ("nothing", hasty(1000, 1000, 60), vec![], Cause::TotalTimeout, 60),
    ] {
        let acts = [&[head()], acts.as_slice(), &[AwaitClose]].concat();
        let server = Server::answering(&acts).await;
        let observed = observe(&client_of(&endpoint, &server.url)).await;
        assert_eq!(failure(&observed).cause, cause, "{what}: {:?}", observed.outcome());
        let stamps = observed.stamps();
        let took = (stamps.end_ns.unwrap() - stamps.sent_ns.unwrap()) / 1_000_000;
        assert!((limit..limit + 400).contains(&took), "{what}: {took} ms");
        assert!(failure(&observed).message.contains(&format!("{limit}ms")), "{what}: {:?}", observed.outcome());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_never_pauses_meets_the_total_limit() {
    let server = Server::answering(&[head(), Flood(chunk(&content("one")).repeat(100)), AwaitClose]).await;
    // The flood keeps one worker busy, reading it the other.
    let client = client_of(&hasty(1000, 1000, 80), &server.url);
    let observed = tokio::spawn(async move { observe(&client).await });
    let observed = tokio::time::timeout(Duration::from_secs(3), observed).await.unwrap().unwrap();
    assert_failed(&observed, Cause::TotalTimeout, "80ms");
}

#[tokio::test]
async fn the_idle_limit_counts_from_the_last_bytes() {
    let steps = (0..6).flat_map(|_| [Send(chunk(&content("one"))), Wait(30)]);
    let acts: Vec<Act> = [head()].into_iter().chain(steps).chain([Send(chunk(DONE) + LAST)]).collect();
    let server = Server::answering(&acts).await;
    let observed = observe(&client_of(&hasty(1000, 120, 2000), &server.url)).await;
    assert_eq!(observed.outcome(), Some(&Outcome::Completed));
}

#[tokio::test]
async fn an_answer_that_is_not_streamed_has_the_total_limit_only() {
    let endpoint = Endpoint { stream: false, ..hasty(10, 10, 80) };
    let answer = r#"{"choices":[{"message":{"content":"hello"}}]}"#;
    let server = Server::answering(&[Wait(40), whole("200 OK", "application/json", answer), AwaitClose]).await;
    assert_eq!(observe(&client_of(&endpoint, &server.url)).await.outcome(), Some(&Outcome::Completed));
    let server = Server::answering(&[AwaitClose]).await;
    assert_failed(&observe(&client_of(&endpoint, &server.url)).await, Cause::TotalTimeout, "80ms");
}

#[tokio::test]
async fn an_endpoint_out_of_reach_says_why() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let plain = Server::start(vec![vec![Wait(5), send("HTTP/1.1 400 Bad Request\r\n\r\n"), Close]]).await;
    let silent = Server::start(vec![vec![AwaitClose]]).await;
    let over_tls = |server: &Server| server.url.replace("http://", "https://");
    for (url, cause, part) in [
        (format!("http://127.0.0.1:{free}/v1"), Cause::Connect, format!("127.0.0.1:{free}")),
        ("http://no-such-host.invalid/v1".to_owned(), Cause::Dns, "no-such-host.invalid".to_owned()),
        (over_tls(&plain), Cause::Tls, "TLS handshake".to_owned()),
        (over_tls(&silent), Cause::ConnectTimeout, "within 60ms".to_owned()),
    ] {
        let endpoint = if cause == Cause::ConnectTimeout { hasty(1000, 1000, 1000) } else { endpoint() };
        let client = client_of(&endpoint, &url);
        let observed = observe(&client).await;
        assert_failed(&observed, cause, &part);
        assert_eq!((observed.stamps().sent_ns, observed.attempts().len()), (None, 1), "{url}");
        assert_eq!(observed.attempts()[0].sent_ns, None);
        if cause == Cause::Connect || cause == Cause::Dns {
            assert_eq!(client.warm(3).await.unwrap_err().cause, cause);
        }
    }
}

#[tokio::test]
async fn a_client_that_cannot_be_is_told() {
    let client = |endpoint: &Endpoint, url: &str| {
        Client::new(endpoint, url, Clock::start(), Secrets::default()).unwrap_err().to_string()
    };
    let header = Endpoint { headers: BTreeMap::from([("x y".to_owned(), Secret::new("1"))]), ..endpoint() };
    let key = Endpoint { api_key: Some(Secret::new("sk\n")), ..endpoint() };
    let studio = Endpoint { api: Api::Sambastudio, ..endpoint() };
    for (endpoint, url, part) in [
        (&endpoint(), "ftp://sk-secret/v1", "(ftp://[redacted]/v1): it must begin with http:// or https://"),
        (&header, "http://h/v1", "the header `x y`"),
        (&key, "http://h/v1", "the header `authorization`"),
        (&studio, "http://h/v1", "a SambaStudio URL leads to chat/completions or has /generic/ in it"),
    ] {
        let said = client(endpoint, url);
        assert!(said.contains(part), "{said}");
    }
}
