use hyper::Uri;
use hyper::http::uri::Scheme;

/// Where an endpoint is, taken apart once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Whether the connection is encrypted.
    pub(crate) tls: bool,
    /// Name or address, without brackets.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// The `Host` header: the port only where it is not the scheme's own.
    pub(crate) host_header: String,
    /// Scheme and authority.
    origin: String,
    /// The path, without a trailing slash.
    path: String,
    /// The query with its question mark, or nothing.
    query: String,
}

/// Why a base URL is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadAddress {
    /// It does not parse.
    #[error("it is no URL")]
    NoUrl,
    /// Another scheme, or none.
    #[error("it must begin with http:// or https://")]
    Scheme,
    /// A name or password before the host.
    #[error("it must not hold a user name or password; name the key's variable in api_key_env")]
    User,
}

impl Address {
    /// Takes a base URL apart.
    pub(crate) fn parse(base_url: &str) -> Result<Self, BadAddress> {
        let uri: Uri = base_url.trim().parse().map_err(|_| BadAddress::NoUrl)?;
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(BadAddress::Scheme),
        };
        let authority = uri.authority().ok_or(BadAddress::NoUrl)?;
        if authority.as_str().contains('@') {
            return Err(BadAddress::User);
        }
        let standard = if tls { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(standard);
        let name = authority.host();
        let host_header = if port == standard { name.to_owned() } else { format!("{name}:{port}") };
        Ok(Self {
            tls,
            host: name.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            origin: format!("{}://{host_header}", if tls { "https" } else { "http" }),
            host_header,
            path: uri.path().trim_end_matches('/').to_owned(),
            query: uri.query().map(|query| format!("?{query}")).unwrap_or_default(),
        })
    }

    /// The whole URL of `path` under the base, taken apart; the base's query stays behind it.
    pub(crate) fn request_url(&self, path: &str) -> Result<Uri, BadAddress> {
        self.under_base(path).parse().map_err(|_| BadAddress::NoUrl)
    }

    /// The whole URL of `path` under the base.
    pub(crate) fn under_base(&self, path: &str) -> String {
        format!("{}{}{path}{}", self.origin, self.path, self.query)
    }

    /// The whole URL of `path` at the server's root: the base without its `/v1`.
    pub(crate) fn under_root(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, self.path.strip_suffix("/v1").unwrap_or(&self.path))
    }
}

/// `host:port`, an IPv6 address in brackets.
pub(crate) fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_taken_apart() {
        for (url, tls, host, port, header, target, root) in [
            ("http://h:8000/v1", false, "h", 8000, "h:8000", "/v1/x", "http://h:8000/version"),
            (
                "https://api.example/v1/",
                true,
                "api.example",
                443,
                "api.example",
                "/v1/x",
                "https://api.example/version",
            ),
            ("https://a:443", true, "a", 443, "a", "/x", "https://a/version"),
            ("http://[::1]:80/p/v1", false, "::1", 80, "[::1]", "/p/v1/x", "http://[::1]/p/version"),
            ("http://h/d?api-version=1", false, "h", 80, "h", "/d/x?api-version=1", "http://h/d/version"),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!((address.tls, address.host.as_str(), address.port), (tls, host, port), "{url}");
            assert_eq!(address.host_header, header, "{url}");
            assert_eq!(address.request_url("/x").unwrap().path_and_query().unwrap().as_str(), target, "{url}");
            assert_eq!(address.under_root("/version"), root, "{url}");
        }
        assert_eq!(Address::parse("http://h/d?q=1").unwrap().under_base("/models"), "http://h/d/models?q=1");
    }

    #[test]
    fn what_is_no_base_url_is_told() {
        for (url, fault) in [
            ("ftp://h", BadAddress::Scheme),
            ("/v1", BadAddress::Scheme),
            ("localhost", BadAddress::Scheme),
            ("http://key@h/v1", BadAddress::User),
            ("http://h h", BadAddress::NoUrl),
            ("", BadAddress::NoUrl),
        ] {
            assert_eq!(Address::parse(url), Err(fault), "{url}");
        }
    }
}
