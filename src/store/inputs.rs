use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{RunDir, StoreError};
use crate::text::hex;

/// An input of a scenario as a run keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenInput {
    /// Where it was read from.
    pub path: PathBuf,
    /// Its size, bytes.
    pub bytes: u64,
    /// SHA-256 of its content, in hex.
    pub sha256: String,
    /// Its copy within the run directory, as `inputs/prompts.yaml`; `None` for a large one.
    pub copy: Option<String>,
}

/// An input of a scenario as it is before a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Where it is.
    pub path: PathBuf,
    /// Its name below `inputs/`, where others name it so; else its own, made unique.
    pub name: Option<String>,
    /// Whether a copy elsewhere means the same.
    pub may_be_copied: bool,
}

impl From<PathBuf> for Input {
    fn from(path: PathBuf) -> Self {
        Self { path, name: None, may_be_copied: true }
    }
}

/// Copies the files of at most `max_bytes` under `inputs/` and takes the hash of all.
///
/// Copies keep their names; where two different files have one name, the second gets a number. A file that
/// is listed twice is kept once.
pub fn freeze_inputs(run: &RunDir, files: &[Input], max_bytes: u64) -> Result<Vec<FrozenInput>, StoreError> {
    let mut frozen: Vec<FrozenInput> = Vec::new();
    let mut names = BTreeMap::new();
    for Input { path, name, may_be_copied } in files {
        if frozen.iter().any(|input| input.path == *path) {
            continue;
        }
        let bytes = fs::metadata(path).map_err(StoreError::io("read", path))?.len();
        let (sha256, copy) = if *may_be_copied && bytes <= max_bytes {
            let content = fs::read(path).map_err(StoreError::io("read", path))?;
            let sha256 = hex(&Sha256::digest(&content));
            let name = name.clone().unwrap_or_else(|| unique_name(&mut names, path, &sha256));
            let copy = format!("inputs/{name}");
            run.write(&copy, &content)?;
            (sha256, Some(copy))
        } else {
            (hash_file(path)?, None)
        };
        frozen.push(FrozenInput { path: path.clone(), bytes, sha256, copy });
    }
    Ok(frozen)
}

/// SHA-256 of a file's content, in hex; the file is read piece by piece.
pub fn hash_file(path: &Path) -> Result<String, StoreError> {
    let mut file = File::open(path).map_err(StoreError::io("read", path))?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(read) => hash.update(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(StoreError::io("read", path)(error)),
        }
    }
}

/// The file's own name, or with a number when other content has it already.
fn unique_name(taken: &mut BTreeMap<String, String>, path: &Path, sha256: &str) -> String {
    let part = |part: Option<&std::ffi::OsStr>| part.map(|text| text.to_string_lossy().into_owned());
    let stem = part(path.file_stem()).unwrap_or_else(|| "input".to_owned());
    let extension = part(path.extension()).map(|text| format!(".{text}")).unwrap_or_default();
    let mut name = format!("{stem}{extension}");
    let mut number = 2;
    while taken.get(&name).is_some_and(|content| content != sha256) {
        name = format!("{stem}-{number}{extension}");
        number += 1;
    }
    taken.insert(name.clone(), sha256.to_owned());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_inputs_are_copied_and_large_ones_hashed() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(&dir.path().join("out"), "i", 0, 0).unwrap();
        let file = |name: &str, content: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            path
        };
        let paths = [
            file("a/p.yaml", "abc"),
            file("b/p.yaml", "other"),
            file("c/p.yaml", "abc"),
            file("d/large.jsonl", &"x".repeat(100)),
            file("a/p.yaml", "abc"),
        ];
        let mut inputs: Vec<Input> = paths.iter().cloned().map(Input::from).collect();
        let part = Some("parts/x.jinja".to_owned());
        inputs.push(Input { path: file("e/parts/x.jinja", "part"), name: part, may_be_copied: true });
        inputs.push(Input { path: file("f/rows.jsonl", "{}"), name: None, may_be_copied: false });
        let frozen = freeze_inputs(&run, &inputs, 50).unwrap();
        let copies: Vec<_> = frozen.iter().map(|input| input.copy.as_deref()).collect();
        let (one, two, part) = ("inputs/p.yaml", "inputs/p-2.yaml", "inputs/parts/x.jinja");
        assert_eq!(copies, [Some(one), Some(two), Some(one), None, Some(part), None]);
        assert_eq!(fs::read_to_string(run.file(part)).unwrap(), "part");
        assert_eq!(frozen[0].sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(frozen[3].sha256, hash_file(&paths[3]).unwrap());
        assert_eq!(frozen[3].bytes, 100);
        assert_eq!(fs::read_to_string(run.file("inputs/p-2.yaml")).unwrap(), "other");
        assert_eq!(hash_file(&paths[0]).unwrap(), frozen[0].sha256);
    }

    #[test]
    fn a_missing_input_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::create(dir.path(), "i", 0, 0).unwrap();
        let error = freeze_inputs(&run, &[PathBuf::from("none.yaml").into()], 50).unwrap_err();
        assert!(error.to_string().starts_with("cannot read none.yaml"), "{error}");
    }
}
