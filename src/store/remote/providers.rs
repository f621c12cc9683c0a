use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use super::{Provider, RemoteAddress, RemoteSettings};

/// One request with its body: a piece of a large file over a slow line.
const REQUEST_LIMIT: Duration = Duration::from_secs(300);

/// How long a store that does not answer is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// To look whether it is there.
    Short,
    /// To send what was measured.
    Long,
}

impl Patience {
    fn retries(self) -> RetryConfig {
        let (max_retries, retry_timeout) = match self {
            Self::Short => (2, Duration::from_secs(10)),
            Self::Long => (8, Duration::from_secs(120)),
        };
        RetryConfig { backoff: BackoffConfig::default(), max_retries, retry_timeout }
    }
}

/// A client of the bucket, by the conventions of the provider's own tools: each variable is a setting of that name.
pub(super) fn connect(
    address: &RemoteAddress,
    settings: &RemoteSettings,
    patience: Patience,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    let known = settings.iter().filter(|(name, _)| name.starts_with(address.provider.variables()));
    let known = known.map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()));
    // Who writes an address without TLS means it.
    let plain = endpoints(address.provider)
        .iter()
        .find_map(|name| settings.get(*name))
        .is_some_and(|endpoint| endpoint.starts_with("http://"));
    let options = ClientOptions::new().with_timeout(REQUEST_LIMIT).with_allow_http(plain);
    let (bucket, retries) = (&address.bucket, patience.retries());
    Ok(match address.provider {
        Provider::S3 => {
            let builder = AmazonS3Builder::new().with_client_options(options).with_retry(retries);
            let set = |builder: AmazonS3Builder, (name, value): (String, &str)| match name.parse::<AmazonS3ConfigKey>()
            {
                Ok(key) => builder.with_config(key, value),
                Err(_) => builder,
            };
            Arc::new(known.fold(builder, set).with_bucket_name(bucket).build()?)
        }
        Provider::Google => {
            let builder = GoogleCloudStorageBuilder::new().with_client_options(options).with_retry(retries);
            let set = |builder: GoogleCloudStorageBuilder, (name, value): (String, &str)| match name
                .parse::<GoogleConfigKey>()
            {
                Ok(key) => builder.with_config(key, value),
                Err(_) => builder,
            };
            Arc::new(known.fold(builder, set).with_bucket_name(bucket).build()?)
        }
        Provider::Azure => {
            let builder = MicrosoftAzureBuilder::new().with_client_options(options).with_retry(retries);
            let set =
                |builder: MicrosoftAzureBuilder, (name, value): (String, &str)| match name.parse::<AzureConfigKey>() {
                    Ok(key) => builder.with_config(key, value),
                    Err(_) => builder,
                };
            Arc::new(known.fold(builder, set).with_container_name(bucket).build()?)
        }
    })
}

/// The variables that name a store other than the provider's own, the first that counts first.
fn endpoints(provider: Provider) -> &'static [&'static str] {
    match provider {
        Provider::S3 => &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"],
        Provider::Google => &["GOOGLE_BASE_URL"],
        Provider::Azure => &["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"],
    }
}
