use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file of sizes in tokens, by its name; with what was in it, once it was read.
#[derive(Clone)]
pub struct SizeFile {
    path: PathBuf,
    sizes: Arc<[u64]>,
}

/// Names say which file it is, as on the command line and in columns; what is in it belongs to the digests.
impl PartialEq for SizeFile {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

/// The name alone: a cell's id hangs on it, and must not on where the file stands.
impl fmt::Debug for SizeFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.name(), f)
    }
}

/// What is wrong in a file of sizes, and at which bytes.
pub type SizeFault = (Range<usize>, String);

impl SizeFile {
    /// A file that was not read.
    #[must_use]
    pub fn unread(path: PathBuf) -> Self {
        Self { path, sizes: Arc::default() }
    }

    /// A file with `text` in it: a number a line, or a JSON list of numbers.
    ///
    /// # Errors
    /// Every entry that is no whole number of at least 1; a file without any.
    pub fn read(path: PathBuf, text: &str) -> Result<Self, Vec<SizeFault>> {
        let listed = text.trim_start().starts_with('[');
        let separators: &[char] = if listed { &[',', '[', ']', '\n'] } else { &['\n'] };
        let (mut sizes, mut faults) = (Vec::new(), Vec::new());
        for (at, entry) in entries(text, separators) {
            match entry.parse::<u64>() {
                Ok(size) if size > 0 => sizes.push(size),
                _ => faults.push((at..at + entry.len(), format!("`{entry}` is not a size in tokens"))),
            }
        }
        if listed && faults.is_empty() && serde_json::from_str::<Vec<u64>>(text).is_err() {
            faults.push((0..text.trim_end().len(), "this is not a JSON list of numbers".to_owned()));
        }
        if sizes.is_empty() && faults.is_empty() {
            faults.push((0..0, "there is no size in this file".to_owned()));
        }
        if faults.is_empty() { Ok(Self { path, sizes: sizes.into() }) } else { Err(faults) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name without directories: the same wherever a copy of the scenario stands.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }

    /// What is in it, in the file's order; nothing of a file that was not read.
    #[must_use]
    pub fn sizes(&self) -> &[u64] {
        &self.sizes
    }

    /// The mean size, tokens.
    #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
    pub(super) fn mean(&self) -> Option<f64> {
        let sum: f64 = self.sizes.iter().map(|size| *size as f64).sum();
        (!self.sizes.is_empty()).then(|| sum / self.sizes.len() as f64)
    }
}

/// What stands between separators, without white space, and the byte it begins at; what is empty is passed over.
fn entries<'t>(text: &'t str, separators: &'t [char]) -> impl Iterator<Item = (usize, &'t str)> {
    let pieces = text.split(separators).scan(0, |at, piece| {
        let begins = *at + piece.len() - piece.trim_start().len();
        // A separator is one byte.
        *at += piece.len() + 1;
        Some((begins, piece.trim()))
    });
    pieces.filter(|(_, piece)| !piece.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_lines_and_from_lists() {
        for text in ["100\n 20 \n\n300\n", "[100, 20,\n 300]\n"] {
            let file = SizeFile::read("a/sizes.txt".into(), text).unwrap();
            assert_eq!(
                (file.sizes(), file.mean(), file.name().as_str()),
                (&[100, 20, 300][..], Some(140.0), "sizes.txt")
            );
        }
    }

    #[test]
    fn every_entry_that_is_no_size_is_told_with_its_place() {
        for (text, wrong) in [
            ("100\n0\n-3\nabc 4\n2.5\n", &["0", "-3", "abc 4", "2.5"][..]),
            ("[1, 0, \"x\"]", &["0", "\"x\""]),
            ("[1, 2", &["[1, 2"]),
            ("", &[""]),
            ("[]", &[""]),
        ] {
            let faults = SizeFile::read("s".into(), text).unwrap_err();
            let places: Vec<&str> = faults.iter().map(|(at, _)| &text[at.clone()]).collect();
            assert_eq!(places, wrong, "{text:?}");
        }
    }
}
