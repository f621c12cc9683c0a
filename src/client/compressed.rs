use hyper::header::{CONTENT_ENCODING, HeaderMap};

use crate::record::{Cause, Failure};

/// The first bytes of gzip (RFC 1952, section 2.3.1).
pub(crate) const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What mends it.
const ADVICE: &str = "although the request asks for `accept-encoding: identity`; turn compression off in the server, or in the proxy before it";

/// How a body is compressed; `None` when it is plain.
pub(crate) fn coding(headers: &HeaderMap) -> Option<String> {
    let codings = headers.get_all(CONTENT_ENCODING).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let named: Vec<String> = codings
        .flat_map(|list| list.split(',').map(|coding| coding.trim().to_owned()).collect::<Vec<_>>())
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
        .collect();
    (!named.is_empty()).then(|| named.join(", "))
}

/// Why an answer with that head is none that can be measured: a compressor holds tokens back until it has enough of them.
pub(crate) fn compressed(headers: &HeaderMap) -> Option<Failure> {
    let coding = coding(headers)?;
    Some(Failure::new(Cause::BadData, format!("the answer is compressed (content-encoding: {coding}) {ADVICE}")))
}

/// The same of one whose head says nothing of it.
pub(crate) fn unannounced_gzip() -> Failure {
    Failure::new(Cause::BadData, format!("the answer is compressed (gzip, without content-encoding) {ADVICE}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn a_coding_is_whatever_is_not_identity() {
        for (values, said) in [
            (vec![], None),
            (vec!["identity"], None),
            (vec!["Identity, "], None),
            (vec!["gzip"], Some("gzip")),
            (vec!["identity", "br"], Some("br")),
            (vec!["deflate, gzip"], Some("deflate, gzip")),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
            }
            assert_eq!(coding(&headers).as_deref(), said, "{values:?}");
            assert_eq!(compressed(&headers).is_some(), said.is_some(), "{values:?}");
        }
    }
}
