use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Bytes of a file that holds a key.
const LONGEST_KEY: u64 = 16 << 10;

/// Why a file gives no key. No text of it is repeated.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyFileError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// Somebody else may read or write it: its permissions, in octal.
    #[error("others may read or change it (its permissions are {0:03o})")]
    Open(u32),
    /// It is no regular file.
    #[error("it is no file")]
    NoFile,
    /// Nothing is in it, or more than a key.
    #[error("it must hold the key on one line and nothing else")]
    NoKey,
}

/// Whether only its owner may read and change an open file. Elsewhere than on Unix there is nothing to tell it by.
pub(super) fn check_is_private(file: &File) -> Result<(), KeyFileError> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(KeyFileError::NoFile);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Open(mode));
        }
    }
    Ok(())
}

/// The key that a file holds, without white space around it. What is checked is what is read: one open file.
pub(super) fn read_key(path: &Path) -> Result<String, KeyFileError> {
    let file = File::open(path)?;
    check_is_private(&file)?;
    let mut text = String::new();
    file.take(LONGEST_KEY + 1).read_to_string(&mut text)?;
    let key = text.trim();
    if key.is_empty() || text.len() as u64 > LONGEST_KEY || key.chars().any(char::is_control) {
        return Err(KeyFileError::NoKey);
    }
    Ok(key.to_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_read_from_a_private_file_of_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        for (text, mode, expected) in [
            ("sk-1234\n", 0o600, Ok("sk-1234")),
            ("  sk-1234", 0o400, Ok("sk-1234")),
            ("sk-1234", 0o640, Err("permissions are 640")),
            ("sk-1234", 0o604, Err("permissions are 604")),
            ("sk-1234", 0o620, Err("permissions are 620")),
            ("\n", 0o600, Err("on one line")),
            ("a\nb\n", 0o600, Err("on one line")),
        ] {
            let _ = fs::remove_file(&path);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            match (read_key(&path), expected) {
                (Ok(key), Ok(expected)) => assert_eq!(key, expected),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (read, _) => panic!("{text:?} {mode:o}: {read:?}"),
            }
        }
        assert!(matches!(read_key(dir.path()), Err(KeyFileError::Open(_) | KeyFileError::NoFile)));
        assert!(matches!(read_key(&dir.path().join("none")), Err(KeyFileError::Unreadable(_))));
    }
}
