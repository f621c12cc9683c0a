use std::path::Path;

/// What a target's mutations begin with.
pub(super) struct Corpus {
    pub(super) entries: Vec<Vec<u8>>,
}

impl Corpus {
    /// The files of a target, in the order of their names.
    pub(super) fn read(target: &str) -> Self {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(target);
        let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        Self { entries: paths.iter().map(|path| std::fs::read(path).unwrap()).collect() }
    }
}
