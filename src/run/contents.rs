use super::RunError;
use crate::plan::{ContentHashes, content_files};
use crate::scenario::Scenario;
use crate::store::hash_file;

/// The hashes of every file that a scenario's digests cover.
pub fn hash_contents(scenario: &Scenario) -> Result<ContentHashes, RunError> {
    content_files(scenario)
        .into_iter()
        .map(|path| match hash_file(&path) {
            Ok(hash) => Ok((path, hash)),
            Err(error) => Err(RunError::Input { path, error: error.to_string() }),
        })
        .collect()
}
