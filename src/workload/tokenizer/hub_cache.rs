use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The hub's cache on this machine, in the layout that the hub's own libraries share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubCache {
    root: PathBuf,
}

/// A tokenizer of the hub, on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cached {
    /// Its file.
    pub path: PathBuf,
    /// The commit it is of.
    pub commit: String,
}

/// The file that is looked for.
const FILE: &str = "tokenizer.json";

impl HubCache {
    /// The cache below `root`, as `~/.cache/huggingface/hub`.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The tokenizer of `repository` (`org/name`) at a branch, tag or commit, when it is there.
    #[must_use]
    pub fn find(&self, repository: &str, revision: &str) -> Option<Cached> {
        let named = fs::read_to_string(self.reference(repository, revision)).ok();
        let commit = named.as_deref().map_or(revision, str::trim);
        let path = self.snapshot(repository, commit).join(FILE);
        (is_plain(commit) && path.is_file()).then(|| Cached { path, commit: commit.to_owned() })
    }

    /// Keeps a tokenizer of a commit, and that `revision` names that commit. `tag` names its content.
    ///
    /// What others read meanwhile is whole: every file appears under its name when all of it is written.
    ///
    /// # Errors
    /// When the cache cannot be written.
    pub fn keep(
        &self,
        repository: &str,
        revision: &str,
        commit: &str,
        tag: &str,
        content: &[u8],
    ) -> io::Result<Cached> {
        if !is_plain(commit) || !is_plain(tag) {
            return Err(io::Error::other(format!("the hub names a commit `{commit}` and a file `{tag}`")));
        }
        write_whole(&self.repository(repository).join("blobs").join(tag), content)?;
        let path = self.snapshot(repository, commit).join(FILE);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        if !path.is_file() {
            // Where there are no links, a copy serves.
            let target = Path::new("../../blobs").join(tag);
            std::os::unix::fs::symlink(target, &path).or_else(|_| write_whole(&path, content))?;
        }
        if revision != commit {
            write_whole(&self.reference(repository, revision), commit.as_bytes())?;
        }
        Ok(Cached { path, commit: commit.to_owned() })
    }

    fn repository(&self, repository: &str) -> PathBuf {
        self.root.join(format!("models--{}", repository.replace('/', "--")))
    }

    fn reference(&self, repository: &str, revision: &str) -> PathBuf {
        self.repository(repository).join("refs").join(revision)
    }

    fn snapshot(&self, repository: &str, commit: &str) -> PathBuf {
        self.repository(repository).join("snapshots").join(commit)
    }
}

/// Whether a name of the hub's can be a file's.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// Writes a file that is whole from its first moment.
fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(content)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_by_every_name_of_it() {
        let root = tempfile::tempdir().unwrap();
        let cache = HubCache::new(root.path().to_owned());
        assert_eq!(cache.find("org/name", "main"), None);
        let kept = cache.keep("org/name", "main", "c0ffee", "f00d", b"{}").unwrap();
        assert_eq!(cache.find("org/name", "main"), Some(kept.clone()));
        assert_eq!(cache.find("org/name", "c0ffee"), Some(kept.clone()));
        assert_eq!((cache.find("org/name", "other"), cache.find("org/other", "main")), (None, None));
        assert_eq!(fs::read(&kept.path).unwrap(), b"{}");
        // The layout of the hub's own libraries.
        let at = root.path().join("models--org--name");
        assert_eq!(fs::read_to_string(at.join("refs/main")).unwrap(), "c0ffee");
        assert_eq!(fs::read(at.join("blobs/f00d")).unwrap(), b"{}");
        assert_eq!(kept.path, at.join("snapshots/c0ffee/tokenizer.json"));
        // The branch moves on; the commit stays.
        cache.keep("org/name", "main", "beef", "f00e", b"[]").unwrap();
        assert_eq!(cache.find("org/name", "main").unwrap().commit, "beef");
        assert_eq!(cache.find("org/name", "c0ffee"), Some(kept));
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let cache = HubCache::new(root.path().to_owned());
        for (commit, tag) in [("../../up", "f00d"), ("c0ffee", "../f00d"), ("", "f00d")] {
            assert!(cache.keep("org/name", "main", commit, tag, b"{}").is_err(), "{commit} {tag}");
        }
    }
}
