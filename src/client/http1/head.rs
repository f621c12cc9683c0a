use hyper::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use hyper::{StatusCode, Version};

use super::Body;

/// Header fields of one head.
const MOST_FIELDS: usize = 128;
/// Bytes of one head.
const LONGEST_HEAD: usize = 64 << 10;

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// How the body is framed; nothing of it is read yet.
    pub(crate) body: Body,
    /// Whether the server keeps the connection open after the body.
    pub(crate) keeps_alive: bool,
}

/// Why bytes are no head.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadHead {
    /// It is not HTTP.
    #[error(transparent)]
    Syntax(#[from] httparse::Error),
    /// It is a record of TLS (RFC 8446, section 5.1).
    #[error("the server speaks TLS: write https:// in base_url")]
    Tls,
    /// It is the frame that begins every connection of HTTP/2 (RFC 9113, section 3.4).
    #[error("the server speaks HTTP/2 only")]
    Http2,
    /// It never ends.
    #[error("a head of more than {} KiB", LONGEST_HEAD >> 10)]
    TooLong,
    /// A status beyond three digits.
    #[error("the status {0}")]
    Status(u16),
    /// Lengths that are none, or that contradict one another.
    #[error("a Content-Length that says nothing")]
    Length,
}

/// The head at the start of `bytes` and where it ends; `None` while it is not whole. Informational heads
/// (status 1xx) are passed over.
pub(crate) fn parse_head(bytes: &[u8]) -> Result<Option<(Head, usize)>, BadHead> {
    let mut from = 0;
    loop {
        let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        let end = match response.parse(&bytes[from..]).map_err(|error| no_http(bytes, error))? {
            httparse::Status::Complete(length) => from + length,
            httparse::Status::Partial if bytes.len() > LONGEST_HEAD => return Err(BadHead::TooLong),
            httparse::Status::Partial => return Ok(None),
        };
        let code = response.code.unwrap_or_default();
        if (100..200).contains(&code) {
            from = end;
            continue;
        }
        return Ok(Some((head(code, &response)?, end)));
    }
}

/// What bytes are that are no HTTP/1.
fn no_http(bytes: &[u8], error: httparse::Error) -> BadHead {
    match bytes {
        [0x14..=0x17, 3, ..] => BadHead::Tls,
        [0, 0, _, 4, ..] => BadHead::Http2,
        _ => BadHead::Syntax(error),
    }
}

fn head(code: u16, response: &httparse::Response<'_, '_>) -> Result<Head, BadHead> {
    let status = StatusCode::from_u16(code).map_err(|_| BadHead::Status(code))?;
    let mut headers = HeaderMap::with_capacity(response.headers.len());
    for field in response.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| httparse::Error::HeaderName)?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| httparse::Error::HeaderValue)?;
        headers.append(name, value);
    }
    let version = if response.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let body = framing(status, &headers)?;
    let keeps_alive = match version {
        Version::HTTP_10 => has_token(&headers, &CONNECTION, "keep-alive"),
        _ => !has_token(&headers, &CONNECTION, "close"),
    };
    Ok(Head { status, headers, body, keeps_alive })
}

/// How the body of an answer to a POST is framed (RFC 9112, section 6.3).
fn framing(status: StatusCode, headers: &HeaderMap) -> Result<Body, BadHead> {
    if status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        return Ok(Body::of_length(0));
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        let is_chunked = has_token(headers, &TRANSFER_ENCODING, "chunked");
        return Ok(if is_chunked { Body::chunked() } else { Body::until_close() });
    }
    let mut length = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        let said = value.to_str().ok().and_then(|text| text.trim().parse::<u64>().ok()).ok_or(BadHead::Length)?;
        if length.is_some_and(|before| before != said) {
            return Err(BadHead::Length);
        }
        length = Some(said);
    }
    Ok(length.map_or_else(Body::until_close, Body::of_length))
}

/// Whether a field that lists tokens has that one.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Head {
        let (head, end) = parse_head(text.as_bytes()).unwrap().unwrap();
        assert_eq!(end, text.len(), "{text:?}");
        head
    }

    #[test]
    fn framing_and_keep_alive_follow_the_head() {
        for (text, body, keeps_alive) in [
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Body::chunked(), true),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n", Body::chunked(), true),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n", Body::chunked(), true),
            ("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n", Body::of_length(12), true),
            ("HTTP/1.1 200 OK\r\ncontent-length: 12\r\ncontent-length: 12\r\n\r\n", Body::of_length(12), true),
            ("HTTP/1.1 200 OK\r\nconnection: Close\r\n\r\n", Body::until_close(), false),
            ("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n", Body::of_length(1), false),
            ("HTTP/1.0 200 OK\r\ncontent-length: 1\r\nconnection: keep-alive\r\n\r\n", Body::of_length(1), true),
            ("HTTP/1.1 204 No Content\r\n\r\n", Body::of_length(0), true),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n", Body::of_length(3), true),
        ] {
            let head = parsed(text);
            assert_eq!((head.body, head.keeps_alive), (body, keeps_alive), "{text:?}");
        }
    }

    #[test]
    fn a_head_is_whole_or_not_there_at_every_split() {
        let text = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 429 Slow\r\nretry-after: 3\r\n\r\n";
        for at in 0..text.len() {
            assert!(parse_head(&text.as_bytes()[..at]).unwrap().is_none(), "{at}");
        }
        let head = parsed(text);
        assert_eq!((head.status.as_u16(), head.headers["retry-after"].as_bytes()), (429, b"3".as_slice()));
    }

    #[test]
    fn what_is_no_head_is_refused() {
        for text in [
            "SSH-2.0-OpenSSH\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\nbad name: 1\r\n\r\n",
        ] {
            assert!(parse_head(text.as_bytes()).is_err(), "{text:?}");
        }
        let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(LONGEST_HEAD));
        assert!(matches!(parse_head(endless.as_bytes()), Err(BadHead::TooLong)));
    }
}
