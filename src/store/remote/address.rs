use std::fmt;
use std::str::FromStr;

use super::RemoteError;

/// Whose object storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// S3, or what speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
}

impl Provider {
    const ALL: [Self; 3] = [Self::S3, Self::Google, Self::Azure];

    /// How its addresses begin.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }

    /// How the environment variables begin that it takes.
    #[must_use]
    pub fn variables(self) -> &'static str {
        match self {
            Self::S3 => "AWS_",
            Self::Google => "GOOGLE_",
            Self::Azure => "AZURE_",
        }
    }
}

/// A place in object storage: `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteAddress {
    /// Whose.
    pub provider: Provider,
    /// The bucket, or the container.
    pub bucket: String,
    /// What every key begins with, without slashes round it; may be empty.
    pub prefix: String,
}

impl RemoteAddress {
    /// The address of what lies under this one.
    #[must_use]
    pub fn join(&self, path: &str) -> Self {
        let prefix = [self.prefix.as_str(), path.trim_matches('/')];
        let prefix: Vec<&str> = prefix.into_iter().filter(|part| !part.is_empty()).collect();
        Self { prefix: prefix.join("/"), ..self.clone() }
    }
}

impl fmt::Display for RemoteAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "{}://{}{slash}{}", self.provider.scheme(), self.bucket, self.prefix)
    }
}

impl FromStr for RemoteAddress {
    type Err = RemoteError;

    fn from_str(text: &str) -> Result<Self, RemoteError> {
        let bad = |why: &str| RemoteError::Address { address: text.to_owned(), why: why.to_owned() };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| bad("it has no scheme"))?;
        let provider = Provider::ALL.into_iter().find(|provider| provider.scheme() == scheme);
        let provider = provider.ok_or_else(|| bad("the schemes are s3, gs and az"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(bad("it names no bucket"));
        }
        if prefix.contains("//") || prefix.split('/').any(|part| part == "..") || text.contains(['?', '#', '@']) {
            return Err(bad("write a bucket and a prefix, as s3://bucket/prefix"));
        }
        Ok(Self { provider, bucket: bucket.to_owned(), prefix: prefix.trim_matches('/').to_owned() })
    }
}

/// Whether a text names a place in object storage rather than a directory: it begins with a scheme.
#[must_use]
pub fn is_remote(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+' || c == '-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_provider_a_bucket_and_a_prefix() {
        for (text, expected, bucket, prefix) in [
            ("s3://bench", "s3://bench", "bench", ""),
            ("s3://bench/", "s3://bench", "bench", ""),
            ("gs://b/nightly/llama/", "gs://b/nightly/llama", "b", "nightly/llama"),
            ("az://container/p", "az://container/p", "container", "p"),
        ] {
            let address: RemoteAddress = text.parse().unwrap();
            assert_eq!(
                (address.to_string().as_str(), address.bucket.as_str(), address.prefix.as_str()),
                (expected, bucket, prefix)
            );
            assert!(is_remote(text));
        }
        assert_eq!("s3://b".parse::<RemoteAddress>().unwrap().join("a/b/").to_string(), "s3://b/a/b");
        for (text, why) in [
            ("ftp://b/p", "the schemes are s3, gs and az"),
            ("s3:///p", "it names no bucket"),
            ("s3://b/a//c", "write a bucket and a prefix, as s3://bucket/prefix"),
            ("s3://b/../c", "write a bucket and a prefix, as s3://bucket/prefix"),
            ("s3://key:secret@b/c", "write a bucket and a prefix, as s3://bucket/prefix"),
        ] {
            let error = text.parse::<RemoteAddress>().unwrap_err().to_string();
            assert!(error.ends_with(why), "{text}: {error}");
        }
        assert!(["results", "./a", "/tmp/x", "C:/x", "a b://x"].iter().all(|text| !is_remote(text)));
    }
}
