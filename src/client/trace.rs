use std::collections::BTreeMap;
use std::fmt::Write as _;

use hyper::HeaderMap;
use hyper::header::{
    AUTHORIZATION, COOKIE, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE,
};

use crate::record::{Failure, Outcome, Phase, Trace};

use super::observation::Observation;

/// What stands for the value of a header that may be secret.
const STARS: &str = "***";
/// Bytes of a request's body that are shown.
const SHOWN_BODY: usize = 16 << 10;

/// A request's head for people.
pub(super) fn shown_head(target: &str, headers: &HeaderMap) -> String {
    let mut head = format!("POST {target} HTTP/1.1\r\n");
    for (name, value) in headers {
        // Writing to a string cannot fail.
        let _ = write!(head, "{name}: {}\r\n", shown(name, value));
    }
    head
}

/// A failed request; `None` for one that did not fail.
pub(super) fn trace(
    head: &str,
    request_index: u64,
    phase: Phase,
    body: &[u8],
    observed: &Observation,
) -> Option<Trace> {
    let Some(Outcome::Failed(Failure { cause, message })) = observed.outcome() else { return None };
    let refused = observed.refused();
    let headers: BTreeMap<String, String> = refused
        .iter()
        .flat_map(|refused| &refused.headers)
        .map(|(name, value)| (name.to_string(), shown(name, value)))
        .collect();
    Some(Trace {
        request_index,
        phase,
        cause: *cause,
        message: message.clone(),
        request_head: format!("{head}content-length: {}\r\n", body.len()),
        request_body: String::from_utf8_lossy(&body[..body.len().min(SHOWN_BODY)]).into_owned(),
        request_body_bytes: u64::try_from(body.len()).unwrap_or(u64::MAX),
        http_status: observed.http_status(),
        response_headers: headers,
        response_body: refused.map(|refused| String::from_utf8_lossy(&refused.body).into_owned()).unwrap_or_default(),
    })
}

fn shown(name: &HeaderName, value: &HeaderValue) -> String {
    let is_secret = value.is_sensitive()
        || [AUTHORIZATION, COOKIE, SET_COOKIE, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION].contains(name);
    if is_secret { STARS.to_owned() } else { String::from_utf8_lossy(value.as_bytes()).into_owned() }
}
