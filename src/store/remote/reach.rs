use std::collections::BTreeMap;
use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tokio::runtime::Runtime;

use super::files::Look;
use super::providers::{Patience, connect};
use super::{RemoteAddress, RemoteError, RemoteSettings};
use crate::store::{StoreError, write_atomic};
use crate::text::{Secrets, shorten};

/// The object beside the runs of a scenario that names the last one.
const LATEST: &str = "latest";

/// What a store says of an error, at most, characters.
const MOST_TOLD: usize = 300;

/// What providers answer when the bucket is not there, and when the key is not right.
const MISSING: [&str; 4] = ["NoSuchBucket", "NoSuchKey", "ContainerNotFound", "InvalidBucketName"];
const REFUSED: [&str; 8] = [
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "AuthenticationFailed",
    "AuthorizationFailure",
    "Forbidden",
];

/// A place in object storage that can be reached.
pub struct Remote {
    pub(super) address: RemoteAddress,
    pub(super) store: Arc<dyn ObjectStore>,
    /// The same with little patience.
    hasty: Arc<dyn ObjectStore>,
    secrets: Secrets,
    pub(super) runtime: Runtime,
    /// What this value sent or found there, with what the file looked like then.
    pub(super) known: BTreeMap<PathBuf, Look>,
}

impl Remote {
    /// A client of that place, with settings as environment variables name them. Asks nothing yet.
    pub fn open(address: &RemoteAddress, settings: &RemoteSettings) -> Result<Self, RemoteError> {
        // The store's HTTP client takes the process's provider; a second one of the same kind changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let secrets = secrets_of(settings);
        let told = |error: object_store::Error| RemoteError::Settings {
            address: address.clone(),
            why: presentable(&error, &secrets),
        };
        let store = connect(address, settings, Patience::Long).map_err(told)?;
        let hasty = connect(address, settings, Patience::Short).map_err(told)?;
        Self::with_stores(address, store, hasty, secrets)
    }

    pub(super) fn with_stores(
        address: &RemoteAddress,
        store: Arc<dyn ObjectStore>,
        hasty: Arc<dyn ObjectStore>,
        secrets: Secrets,
    ) -> Result<Self, RemoteError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| RemoteError::Failed { address: address.clone(), why: error.to_string() })?;
        Ok(Self { address: address.clone(), store, hasty, secrets, runtime, known: BTreeMap::new() })
    }

    /// Where it is.
    pub fn address(&self) -> &RemoteAddress {
        &self.address
    }

    /// Asks whether the bucket is there and may be listed, so that a wrong name or key is told before a run.
    pub fn check(&self) -> Result<(), RemoteError> {
        let key = self.key("");
        let first = self.runtime.block_on(async { self.hasty.list(Some(&key)).try_next().await });
        first.map(drop).map_err(|error| self.error(&self.address, &error))
    }

    /// Notes the last run of the scenario `name`, for `.../latest`.
    pub fn point_latest_at(&self, name: &str, run: &str) -> Result<(), RemoteError> {
        let key = self.key(&format!("{name}/{LATEST}"));
        let put = self.store.put(&key, format!("{run}\n").into_bytes().into());
        self.runtime
            .block_on(put)
            .map(drop)
            .map_err(|error| self.error(&self.address.join(&format!("{name}/{LATEST}")), &error))
    }

    /// Downloads what lies under the address, those files of which `wanted` says so, into `dir`; how many they are.
    /// `.../latest` is the run that it names.
    pub fn fetch(&self, dir: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<usize, RemoteError> {
        let address = self.without_latest()?;
        let (prefix, told) = (key_of(&address, ""), |error| self.error(&address, &error));
        let objects = self.runtime.block_on(self.store.list(Some(&prefix)).try_collect::<Vec<_>>()).map_err(told)?;
        let mut count = 0;
        for object in objects {
            let name: Vec<String> = object
                .location
                .prefix_match(&prefix)
                .into_iter()
                .flatten()
                .map(|part| part.as_ref().to_owned())
                .collect();
            let name = name.join("/");
            if !name.is_empty() && wanted(&name) {
                let bytes = self.runtime.block_on(async { self.store.get(&object.location).await?.bytes().await });
                write_atomic(&dir.join(&name), &bytes.map_err(told)?)?;
                count += 1;
            }
        }
        if count == 0 {
            return Err(RemoteError::Missing { address, why: "nothing is there".to_owned() });
        }
        Ok(count)
    }

    fn without_latest(&self) -> Result<RemoteAddress, RemoteError> {
        let (above, last) = self.address.prefix.rsplit_once('/').unwrap_or(("", &self.address.prefix));
        if last != LATEST {
            return Ok(self.address.clone());
        }
        let got = self.runtime.block_on(async { self.store.get(&self.key("")).await?.bytes().await });
        let bytes = got.map_err(|error| self.error(&self.address, &error))?;
        let above = RemoteAddress { prefix: above.to_owned(), ..self.address.clone() };
        Ok(above.join(String::from_utf8_lossy(&bytes).trim()))
    }

    pub(super) fn key(&self, path: &str) -> Key {
        key_of(&self.address, path)
    }

    /// An error of the store in the user's words.
    pub(super) fn error(&self, address: &RemoteAddress, error: &object_store::Error) -> RemoteError {
        let (address, why) = (address.clone(), presentable(error, &self.secrets));
        // Answers to a listing come without a kind of their own: their code tells.
        let is_one_of = |codes: &[&str]| codes.iter().any(|code| why.starts_with(code));
        match error {
            object_store::Error::NotFound { .. } => RemoteError::Missing { address, why },
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                RemoteError::Refused { address, why }
            }
            _ if is_one_of(&MISSING) => RemoteError::Missing { address, why },
            _ if is_one_of(&REFUSED) => RemoteError::Refused { address, why },
            _ => RemoteError::Failed { address, why },
        }
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("address", &self.address).finish_non_exhaustive()
    }
}

fn key_of(address: &RemoteAddress, path: &str) -> Key {
    Key::from(address.join(path).prefix)
}

/// A local file that cannot be read while it is sent.
pub(super) fn unreadable(path: &Path, error: std::io::Error) -> RemoteError {
    RemoteError::Local(StoreError::io("read", path)(error))
}

/// Values that must not be told: those of every setting but plain ones.
fn secrets_of(settings: &RemoteSettings) -> Secrets {
    let is_secret = |name: &str| {
        ["SECRET", "TOKEN", "PASSWORD", "SAS", "ACCOUNT_KEY", "ACCESS_KEY"].iter().any(|word| name.contains(word))
    };
    let mut secrets = Secrets::default();
    settings.iter().filter(|(name, _)| is_secret(name)).for_each(|(_, value)| secrets.add(value));
    secrets
}

/// What a store says, in a line: code and message of an answer in XML, else the whole chain of causes.
fn presentable(error: &object_store::Error, secrets: &Secrets) -> String {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(inner) = cause {
        texts.push(inner.to_string());
        cause = inner.source();
    }
    let whole = texts.join(": ");
    let tag = |name: &str| {
        let (_, rest) = whole.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    };
    let text = match (tag("Code"), tag("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        // Each cause repeats the one within it: the innermost is the clearest.
        _ => texts.pop().filter(|text| !text.is_empty()).unwrap_or(whole),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    shorten(&secrets.redact(&line), MOST_TOLD)
}
