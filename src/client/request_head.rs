use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Uri, Version};

use super::trace::shown_head;

/// Fields of one connection, which HTTP/2 does not have (RFC 9113, section 8.2.2).
const OF_A_CONNECTION: [&str; 5] = ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"];

/// The head of every request of an endpoint, but for the length of its body.
#[derive(Debug)]
pub(crate) struct RequestHead {
    /// HTTP/1.1, as far as the value of the content length.
    bytes: Vec<u8>,
    /// HTTP/2.
    request: Request<()>,
    /// For people, with what may be secret starred.
    pub(crate) shown: String,
}

impl RequestHead {
    /// A head with these fields. `whole` is the URL; the request line has it all where a proxy is asked, else its path.
    pub(crate) fn new(whole: Uri, to_proxy: bool, closes: bool, headers: &HeaderMap) -> Self {
        let path = whole.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let target = if to_proxy { whole.to_string() } else { path.to_string() };
        let mut bytes = format!("POST {target} HTTP/1.1\r\n").into_bytes();
        let mut headers = headers.clone();
        if closes {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        for (name, value) in &headers {
            bytes.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        bytes.extend_from_slice(b"content-length: ");
        let shown = shown_head(&target, &headers);
        let mut request = Request::new(());
        (*request.method_mut(), *request.version_mut(), *request.uri_mut()) = (Method::POST, Version::HTTP_2, whole);
        let of_request = |name: &HeaderName| name != HOST && !OF_A_CONNECTION.contains(&name.as_str());
        let kept = headers.iter().filter(|(name, _)| of_request(name));
        request.headers_mut().extend(kept.map(|(name, value)| (name.clone(), value.clone())));
        Self { bytes, request, shown }
    }

    /// The bytes of the head of a request with a body of that many.
    pub(crate) fn bytes_for(&self, body: usize) -> Vec<u8> {
        [&self.bytes, body.to_string().as_bytes(), b"\r\n\r\n"].concat()
    }

    /// The same as HTTP/2 has it.
    pub(crate) fn request_for(&self, body: usize) -> Request<()> {
        let mut request = self.request.clone();
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(body));
        request
    }
}
