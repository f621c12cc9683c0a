use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use object_store::buffered::BufWriter;
use object_store::path::Path as Key;
use object_store::{Attribute, Attributes, GetOptions, ObjectStore as _};
use tokio::io::AsyncWriteExt as _;

use super::files::{Look, final_files, in_order};
use super::reach::{Remote, unreadable};
use super::{RemoteAddress, RemoteError, Sent, Stage};
use crate::store::hash_file;

/// Files that are compared or sent at the same time.
const AT_ONCE: usize = 4;

/// Larger files are sent in pieces of this size, each of which is tried again by itself.
const PIECE: usize = 8 << 20;

/// Pieces of one file on their way at the same time.
const PIECES_AT_ONCE: usize = 2;

/// The metadata of an object that holds the SHA-256 of its content, in hex.
const CHECKSUM: &str = "sha256";

/// A file to be sent, if it is not there.
struct Candidate {
    path: PathBuf,
    key: Key,
    look: Look,
    /// The size of the object of that name.
    there: Option<u64>,
}

impl Remote {
    /// Sends the final files of the run in `dir` to keys under `path`; what is there already is passed over, by size
    /// and checksum. The manifest goes last.
    pub fn push(&mut self, dir: &Path, path: &str, stage: Stage) -> Result<Sent, RemoteError> {
        let files = final_files(dir, stage)?;
        let new: Vec<&String> =
            files.iter().filter(|(name, look)| self.is_new(&dir.join(name), look)).map(|(name, _)| name).collect();
        let mut sent = Sent { there: files.len() - new.len(), ..Sent::default() };
        if new.is_empty() {
            return Ok(sent);
        }
        let there = self.sizes(path)?;
        let (first, last) = in_order(new);
        for names in [first, last] {
            let candidates = names.into_iter().map(|name| Candidate {
                path: dir.join(name),
                key: self.key(&format!("{path}/{name}")),
                look: files[name],
                there: there.get(&self.key(&format!("{path}/{name}"))).copied(),
            });
            let candidates: Vec<Candidate> = candidates.collect();
            let done = self.runtime.block_on(self.send_all(&candidates))?;
            self.known.extend(candidates.into_iter().map(|candidate| (candidate.path, candidate.look)));
            sent.add(done);
        }
        Ok(sent)
    }

    fn is_new(&self, path: &Path, look: &Look) -> bool {
        self.known.get(path) != Some(look)
    }

    /// The sizes of the objects under a path.
    fn sizes(&self, path: &str) -> Result<BTreeMap<Key, u64>, RemoteError> {
        let key = self.key(path);
        let objects = self.runtime.block_on(self.store.list(Some(&key)).try_collect::<Vec<_>>());
        let objects = objects.map_err(|error| self.error(&self.address.join(path), &error))?;
        Ok(objects.into_iter().map(|object| (object.location, object.size)).collect())
    }

    async fn send_all(&self, candidates: &[Candidate]) -> Result<Sent, RemoteError> {
        let mut sent = Sent::default();
        let mut sending = stream::iter(candidates).map(|one| self.send(one)).buffer_unordered(AT_ONCE);
        while let Some(one) = sending.try_next().await? {
            sent.add(one);
        }
        Ok(sent)
    }

    async fn send(&self, candidate: &Candidate) -> Result<Sent, RemoteError> {
        let Candidate { path, key, look, there } = candidate;
        let checksum = hash_file(path)?;
        if *there == Some(look.size) && self.checksum_of(key).await.as_ref() == Some(&checksum) {
            return Ok(Sent { there: 1, ..Sent::default() });
        }
        let told = |error: &object_store::Error| {
            let address = RemoteAddress { prefix: key.to_string(), ..self.address.clone() };
            self.error(&address, error)
        };
        let attributes = Attributes::from_iter([(Attribute::Metadata(CHECKSUM.into()), checksum)]);
        let mut writer = BufWriter::with_capacity(self.store.clone(), key.clone(), PIECE)
            .with_max_concurrency(PIECES_AT_ONCE)
            .with_attributes(attributes);
        let mut file = File::open(path).map_err(|error| unreadable(path, error))?;
        let mut bytes = 0;
        loop {
            let mut piece = Vec::new();
            let read = (&mut file).take(1 << 20).read_to_end(&mut piece).map_err(|error| unreadable(path, error))?;
            if read == 0 {
                break;
            }
            bytes += read as u64;
            if let Err(error) = writer.put(Bytes::from(piece)).await {
                // Pieces that nobody puts together cost money; a store that does not answer keeps them all the same.
                let _ = writer.abort().await;
                return Err(told(&error));
            }
        }
        if let Err(error) = writer.shutdown().await {
            let _ = writer.abort().await;
            return Err(told(&of_io(error)));
        }
        Ok(Sent { files: 1, bytes, there: 0 })
    }

    /// The checksum that an object was stored with; `None` when it has none, or cannot be asked.
    async fn checksum_of(&self, key: &Key) -> Option<String> {
        let head = GetOptions { head: true, ..GetOptions::default() };
        let answer = self.store.get_opts(key, head).await.ok()?;
        answer.attributes.get(&Attribute::Metadata(CHECKSUM.into())).map(|value| value.to_string())
    }
}

/// The store's own error, where a writer's error holds one.
fn of_io(error: std::io::Error) -> object_store::Error {
    match error.downcast::<object_store::Error>() {
        Ok(inner) => inner,
        Err(error) => object_store::Error::Generic { store: "upload", source: Box::new(error) },
    }
}
