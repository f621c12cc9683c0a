use super::RunError;
use crate::plan::{ContentHashes, content_files, pictures_of};
use crate::scenario::Scenario;
use crate::store::hash_file;
use crate::workload::Material;

/// The hashes of every file that a scenario's digests cover, and of the pictures that its dataset names.
pub fn hash_contents(scenario: &Scenario, material: &Material) -> Result<ContentHashes, RunError> {
    let mut hashes: ContentHashes = content_files(scenario)
        .into_iter()
        .map(|path| match hash_file(&path) {
            Ok(hash) => Ok((path, hash)),
            Err(error) => Err(RunError::Input { path, error: error.to_string() }),
        })
        .collect::<Result<_, _>>()?;
    if let Some(rows) = &material.rows
        && let Some(hash) = rows.pictures()
    {
        hashes.insert(pictures_of(&rows.dataset().file), hash.to_owned());
    }
    Ok(hashes)
}
