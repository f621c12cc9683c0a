//! Proxies, Unix sockets, connections of one request, HTTP/2.

use h2::server::SendResponse;
use hyper::{Request, Response};
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::*;
use crate::scenario::{Connection, HttpVersion, Proxy, TlsOptions, Transport};

fn by(transport: Transport) -> Endpoint {
    Endpoint { transport, ..endpoint() }
}

fn http2() -> Transport {
    Transport { http: HttpVersion::Http2, ..Transport::default() }
}

fn proxy_at(url: &str, authorization: Option<&str>) -> Proxy {
    let address = address::Address::parse(url).unwrap();
    let authorization = authorization.map(Secret::new);
    Proxy { host: address.host, port: address.port, authorization, variable: None }
}

#[tokio::test]
async fn a_proxy_is_asked_for_whole_urls_in_clear() {
    let proxy = Server::answering(&[head(), two_tokens(), AwaitClose]).await;
    let transport = Transport { proxy: Some(proxy_at(&proxy.url, Some("Basic bWU6c2VjcmV0"))), ..Transport::default() };
    let client = client_of(&by(transport), "http://model.example:8000/v1?v=1");
    let observed = observe(&client).await;
    assert_eq!((observed.outcome(), observed.text()), (Some(&Outcome::Completed), "one two"));
    drop(client);
    let request = &proxy.requests().await[0];
    assert!(request.starts_with("POST http://model.example:8000/v1/chat/completions?v=1 HTTP/1.1\r\n"), "{request}");
    for line in ["host: model.example:8000", "proxy-authorization: Basic bWU6c2VjcmV0"] {
        assert!(request.contains(line), "{line} in {request}");
    }
}

/// A proxy that opens tunnels to `target`, whatever it is asked for, and tells what it was asked.
async fn tunnelling(target: String) -> (String, oneshot::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        let (mut ours, _) = listener.accept().await.unwrap();
        tell.send(read_request(&mut ours).await).unwrap();
        ours.write_all(b"HTTP/1.1 200 Connection established\r\nvia: test\r\n\r\n").await.unwrap();
        let mut theirs = TcpStream::connect(target).await.unwrap();
        let _ = copy_bidirectional(&mut ours, &mut theirs).await;
    });
    (url, told)
}

#[tokio::test]
async fn what_is_encrypted_goes_through_a_tunnel() {
    let server = encrypted::encrypted_server(vec![vec![Read, head(), two_tokens(), AwaitClose]]).await;
    let port = server.rsplit(':').next().unwrap().trim_end_matches("/v1").to_owned();
    let (proxy, asked) = tunnelling(format!("127.0.0.1:{port}")).await;
    let transport = Transport { proxy: Some(proxy_at(&proxy, Some("Basic bWU6c2VjcmV0"))), ..Transport::default() };
    let clock = Clock::start();
    let client = Client::trusting(&by(transport), &server, clock, Secrets::default(), encrypted::trusting_it).unwrap();
    let observed = observe(&client).await;
    assert_eq!((observed.outcome(), observed.text()), (Some(&Outcome::Completed), "one two"));
    let stamps = *observed.stamps();
    let order = [stamps.dial_ns, stamps.handshake_ns, stamps.connect_ns, stamps.sent_ns, stamps.first_token_ns];
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{order:?}");
    let asked = asked.await.unwrap();
    assert!(asked.starts_with(&format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\n")), "{asked}");
    assert!(asked.contains("proxy-authorization: Basic bWU6c2VjcmV0"), "{asked}");
}

#[tokio::test]
async fn a_proxy_that_gives_no_tunnel_is_told_of() {
    for (answer, part) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            "HTTP 407 Proxy Authentication Required; it asks for a user",
        ),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP 403"),
        ("SSH-2.0-OpenSSH\r\n\r\n", "does not answer as an HTTP proxy"),
    ] {
        let proxy = Server::answering(&[send(answer), Close]).await;
        let transport = Transport { proxy: Some(proxy_at(&proxy.url, None)), ..http2() };
        let client = client_of(&by(transport), "http://model.example/v1");
        assert_failed(&observe(&client).await, Cause::Connect, part);
    }
    let client =
        client_of(&by(Transport { proxy: Some(proxy_at("http://127.0.0.1:9", None)), ..http2() }), "http://m/v1");
    assert_failed(&observe(&client).await, Cause::Connect, "no connection to the proxy 127.0.0.1:9");
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_stands_for_host_and_port() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("llm.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        play(stream, vec![Read, head(), two_tokens(), Read, head(), two_tokens(), AwaitClose]).await
    });
    let by_path = |path| by(Transport { unix_socket: Some(path), ..Transport::default() });
    let client = client_of(&by_path(path), "http://model.example/v1");
    for _ in 0..2 {
        assert_eq!(observe(&client).await.outcome(), Some(&Outcome::Completed));
        assert_eq!(client.idle_connections(), 1);
    }
    drop(client);
    let requests = serving.await.unwrap();
    assert!(requests[1].contains("host: model.example\r\n"), "{requests:?}");
    let gone = client_of(&by_path(dir.path().join("none.sock")), "http://model.example/v1");
    assert_failed(&observe(&gone).await, Cause::Connect, "none.sock: No such file");
}

#[tokio::test]
async fn every_request_opens_a_connection_of_its_own_where_that_is_asked_for() {
    let one = vec![Read, head(), two_tokens(), AwaitClose];
    let server = Server::start(vec![vec![AwaitClose], one.clone(), one]).await;
    let client = client_of(&by(Transport { connection: Connection::New, ..Transport::default() }), &server.url);
    client.warm(5).await.unwrap();
    for _ in 0..2 {
        let observed = observe(&client).await;
        assert_eq!(observed.outcome(), Some(&Outcome::Completed));
        let stamps = observed.stamps();
        assert!(stamps.dial_ns <= stamps.connect_ns && stamps.connect_ns <= stamps.sent_ns && stamps.dial_ns.is_some());
        assert_eq!((client.idle_connections(), stamps.handshake_ns), (0, None));
    }
    let requests = server.requests().await;
    assert!(requests.iter().all(|request| request.contains("connection: close\r\n")), "{requests:?}");
}

/// What an HTTP/2 server does with a request.
#[derive(Debug, Clone, Copy)]
enum Deed {
    /// Streams two tokens, with a pause between them.
    Answer,
    /// Answers whole with a redirect.
    Redirect,
    /// Resets the stream for that reason.
    Reset(h2::Reason),
    /// Resets it after the first token.
    Break,
}

/// An HTTP/2 server in clear: a list of deeds for each connection. It gives back the heads of the requests of each.
async fn http2_server(connections: Vec<Vec<Deed>>) -> (String, JoinHandle<Vec<Vec<Request<()>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut seen = Vec::new();
        for deeds in connections {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut connection = h2::server::handshake(tcp).await.unwrap();
            let mut heads = Vec::new();
            for deed in deeds {
                let Some(Ok((request, respond))) = connection.accept().await else { break };
                let (parts, mut body) = request.into_parts();
                heads.push(Request::from_parts(parts, ()));
                tokio::spawn(async move {
                    while let Some(Ok(data)) = body.data().await {
                        body.flow_control().release_capacity(data.len()).unwrap();
                    }
                    act(deed, respond).await;
                });
            }
            seen.push(heads);
            tokio::spawn(async move { while connection.accept().await.is_some() {} });
        }
        seen
    });
    (url, serving)
}

async fn act(deed: Deed, mut respond: SendResponse<Bytes>) {
    let stream = Response::builder().header("content-type", "text/event-stream").body(()).unwrap();
    match deed {
        Deed::Reset(reason) => respond.send_reset(reason),
        Deed::Redirect => {
            let response =
                Response::builder().status(307).header("location", "https://new.example/v1").body(()).unwrap();
            respond.send_response(response, true).unwrap();
        }
        Deed::Answer | Deed::Break => {
            let mut sending = respond.send_response(stream, false).unwrap();
            let mut say = |text: &str, end| sending.send_data(Bytes::from(text.to_owned()), end).unwrap();
            say(ROLE, false);
            tokio::time::sleep(Duration::from_millis(40)).await;
            say(&content("one"), false);
            tokio::time::sleep(Duration::from_millis(40)).await;
            if matches!(deed, Deed::Break) {
                return sending.send_reset(h2::Reason::INTERNAL_ERROR);
            }
            // An event in two frames is there with the second.
            let last = content(" two");
            say(&last[..10], false);
            say(&(last[10..].to_owned() + STOP + USAGE + DONE), true);
        }
    }
}

#[tokio::test]
async fn http2_requests_share_a_connection_and_have_stamps_of_their_own() {
    let (url, serving) = http2_server(vec![vec![Deed::Answer; 4]]).await;
    let client = client_of(&by(http2()), &url);
    let all = futures_util::future::join_all((0..3).map(|_| observe(&client))).await;
    let opened = all.iter().filter(|observed| observed.stamps().connect_ns.is_some()).count();
    assert_eq!((opened, client.idle_connections()), (1, 1));
    for observed in &all {
        assert_eq!((observed.outcome(), observed.text()), (Some(&Outcome::Completed), "one two"));
        assert_eq!(observed.attempts().len(), 1);
        let stamps = observed.stamps();
        let points =
            [stamps.sent_ns, stamps.headers_ns, stamps.first_chunk_ns, stamps.first_token_ns, stamps.last_token_ns];
        assert!(points.iter().all(Option::is_some) && points.is_sorted(), "{points:?}");
        let [sent, .., first, last] = points.map(Option::unwrap);
        for gap in [first - sent, last - first] {
            assert!((15_000_000..2_000_000_000).contains(&gap), "{points:?}");
        }
    }
    let observed = observe(&client).await;
    assert_eq!((observed.outcome(), observed.stamps().dial_ns), (Some(&Outcome::Completed), None));
    drop(client);
    let heads = &serving.await.unwrap()[0];
    assert_eq!(heads.len(), 4);
    let (uri, headers) = (heads[0].uri(), heads[0].headers());
    assert_eq!(format!("{url}/chat/completions"), uri.to_string());
    assert_eq!(headers["authorization"], "Bearer sk-secret");
    assert!(!headers.contains_key("host"), "{headers:?}");
}

#[tokio::test]
async fn http2_failures_are_told_by_their_cause() {
    use h2::Reason;
    let deeds = [Deed::Redirect, Deed::Reset(Reason::INTERNAL_ERROR), Deed::Break, Deed::Reset(Reason::REFUSED_STREAM)];
    let (url, _serving) = http2_server(vec![[&deeds[..], &[Deed::Answer]].concat()]).await;
    let client = client_of(&by(http2()), &url);
    client.warm(1).await.unwrap();
    let redirected = observe(&client).await;
    assert_failed(&redirected, Cause::HttpStatus, "HTTP 307 Temporary Redirect to https://new.example/v1");
    let reset = observe(&client).await;
    assert_failed(&reset, Cause::StreamCut, "the server reset the stream");
    assert_eq!(reset.attempts().len(), 1, "a request that was seen is not sent again");
    let broken = observe(&client).await;
    assert_failed(&broken, Cause::StreamCut, "");
    assert_eq!(broken.text(), "one");
    // A stream that was not looked at is asked for once more, as over a connection that died.
    let again = observe(&client).await;
    assert_eq!((again.outcome(), again.attempts().len()), (Some(&Outcome::Completed), 2));
    assert_eq!(again.attempts()[0].cause, Some(Cause::StreamCut));
}

#[tokio::test]
async fn a_dead_http2_connection_is_replaced() {
    let (url, serving) = http2_server(vec![vec![Deed::Answer], vec![Deed::Answer]]).await;
    let client = client_of(&by(http2()), &url);
    observe(&client).await;
    client.forget_connections();
    assert_eq!(client.idle_connections(), 0);
    assert_eq!(observe(&client).await.outcome(), Some(&Outcome::Completed));
    assert_eq!(serving.await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_server_that_speaks_no_http2_is_told_from_one_that_does() {
    for (acts, part) in [
        (vec![send("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"), AwaitClose], "write http = \"1.1\""),
        (vec![Close], "ended before the server's SETTINGS"),
    ] {
        let server = Server::start(vec![acts]).await;
        let observed = observe(&client_of(&by(http2()), &server.url)).await;
        assert_failed(&observed, Cause::Connect, part);
        assert_eq!(observed.stamps().sent_ns, None);
    }
    let url = encrypted::encrypted_server(vec![vec![]]).await;
    let clock = Clock::start();
    let client = Client::trusting(&by(http2()), &url, clock, Secrets::default(), encrypted::trusting_it).unwrap();
    assert_failed(&observe(&client).await, Cause::Tls, "write http = \"1.1\"");
}

#[tokio::test]
async fn what_is_given_up_is_reset_and_its_place_is_free_again() {
    let (url, _serving) = http2_server(vec![vec![Deed::Answer; 2]]).await;
    let client = client_of(&by(http2()), &url);
    let mut observed = client.observation();
    let body = body(&client);
    let cut = tokio::time::timeout(Duration::from_millis(60), client.exchange(&body, &mut observed)).await;
    assert!(cut.is_err());
    assert!(observed.stamps().sent_ns.is_some());
    assert_eq!(client.idle_connections(), 1);
    assert_eq!(observe(&client).await.outcome(), Some(&Outcome::Completed));
}

#[tokio::test]
async fn certificates_are_trusted_by_file_or_not_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, encrypted::CERTIFICATE).unwrap();
    let answering = vec![Read, head(), two_tokens(), AwaitClose];
    for (tls, cause, part) in [
        (TlsOptions::default(), Some(Cause::Tls), "tls.ca; tls.verify = false measures without checking"),
        (TlsOptions { ca: Some(ca.clone()), ..TlsOptions::default() }, None, ""),
        (TlsOptions { verify: false, ..TlsOptions::default() }, None, ""),
    ] {
        let url = encrypted::encrypted_server(vec![answering.clone()]).await;
        let observed = observe(&client_of(&by(Transport { tls, ..Transport::default() }), &url)).await;
        match cause {
            Some(cause) => assert_failed(&observed, cause, part),
            None => assert_eq!(observed.outcome(), Some(&Outcome::Completed)),
        }
    }
    std::fs::write(&ca, "-----BEGIN NOTHING-----").unwrap();
    let tls = TlsOptions { ca: Some(ca), ..TlsOptions::default() };
    let of_nothing = by(Transport { tls, ..Transport::default() });
    let error = Client::new(&of_nothing, "https://127.0.0.1:9/v1", Clock::start(), Secrets::default()).unwrap_err();
    assert!(error.to_string().contains("tls.ca: no certificate (PEM) in"), "{error}");
}
