use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::Proxy;
use crate::text::{Secret, Secrets};

/// The URL of a forward proxy, taken apart.
#[derive(Clone)]
pub(super) struct ProxyUrl {
    host: String,
    port: u16,
    user: String,
    password: Option<String>,
}

/// It is no URL of a proxy that is spoken to in clear. The text may hold a password, so it is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoProxy;

impl ProxyUrl {
    /// Takes a URL apart; one without a scheme is `http`, as in the environment's variables.
    pub(super) fn parse(text: &str) -> Result<Self, NoProxy> {
        let text = text.trim();
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url: reqwest::Url = whole.parse().map_err(|_| NoProxy)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(NoProxy)?;
        if url.scheme() != "http" || !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err(NoProxy);
        }
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        Ok(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port_or_known_default().unwrap_or(80),
            user: decoded(url.username()),
            password: url.password().map(decoded),
        })
    }

    /// Whether it holds a password, or a user name that may be a token.
    pub(super) fn has_user(&self) -> bool {
        !self.user.is_empty() || self.password.is_some()
    }

    /// The proxy; its password, a user name without one and what goes over the wire become secrets.
    pub(super) fn proxy(&self, variable: Option<&'static str>, secrets: &mut Secrets) -> Proxy {
        let authorization = self.has_user().then(|| {
            let password = self.password.as_deref();
            let pair = STANDARD.encode(format!("{}:{}", self.user, password.unwrap_or_default()));
            secrets.add(password.filter(|password| !password.is_empty()).unwrap_or(&self.user));
            secrets.add(&pair);
            Secret::new(format!("Basic {pair}"))
        });
        Proxy { host: self.host.clone(), port: self.port, authorization, variable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_taken_apart_and_what_they_hide_becomes_secret() {
        for (text, authority, sent) in [
            ("http://proxy:3128", "proxy:3128", None),
            ("proxy:3128", "proxy:3128", None),
            ("http://proxy/", "proxy:80", None),
            ("http://[::1]:8", "[::1]:8", None),
            ("http://me:p%40ssword@proxy:1", "proxy:1", Some("Basic bWU6cEBzc3dvcmQ=")),
            ("http://token@proxy:1", "proxy:1", Some("Basic dG9rZW46")),
        ] {
            let mut secrets = Secrets::default();
            let proxy = ProxyUrl::parse(text).unwrap().proxy(None, &mut secrets);
            assert_eq!(proxy.authority(), authority, "{text}");
            assert_eq!(proxy.authorization.as_ref().map(Secret::expose), sent, "{text}");
            let told = secrets.redact(&format!("p@ssword p%40ssword token bWU6cEBzc3dvcmQ= dG9rZW46 {proxy:?}"));
            assert_eq!(!told.contains("ssword") && !told.contains("bWU6"), text.contains("ssword"), "{told}");
            assert_eq!(!told.contains("token"), text.contains("token"), "{told}");
        }
        for text in ["https://proxy:1", "socks5://proxy:1", "http://", "", "http://proxy/path", "http://proxy?q"] {
            assert!(ProxyUrl::parse(text).is_err(), "{text}");
        }
    }
}
