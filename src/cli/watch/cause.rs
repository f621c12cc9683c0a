use std::path::{Path, PathBuf};

use crate::text::plural;

/// So many files are named.
const MOST_NAMED: usize = 3;

/// Why it is time to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// The session begins.
    Start,
    /// Files that a scenario reads changed.
    Edited(Vec<PathBuf>),
    /// Files that the user named beside them changed: what the server is may have.
    ServerFiles(Vec<PathBuf>),
    /// The user asked for everything.
    Asked,
    /// The user allowed what was asked about.
    Allowed,
    /// A server may be there by now.
    Retried,
}

impl Cause {
    /// The cause that files make, some of them named by `also`.
    pub(super) fn of_files(changed: Vec<PathBuf>, also: &[PathBuf]) -> Self {
        let (servers, rest): (Vec<PathBuf>, Vec<PathBuf>) = changed.into_iter().partition(|path| also.contains(path));
        if servers.is_empty() { Self::Edited(rest) } else { Self::ServerFiles(servers) }
    }

    /// Whether results from before count no longer.
    pub(super) fn measures_all(&self) -> bool {
        matches!(self, Self::Start | Self::ServerFiles(_) | Self::Asked)
    }

    /// In words, with paths as seen from `here`.
    pub(super) fn told(&self, here: &Path) -> String {
        match self {
            Self::Start => "first run".to_owned(),
            Self::Edited(files) => format!("{} changed", named(files, here)),
            Self::ServerFiles(files) => format!("{} changed: everything is measured anew", named(files, here)),
            Self::Asked => "everything is measured anew".to_owned(),
            Self::Allowed => "as you say".to_owned(),
            Self::Retried => "the server may be there by now".to_owned(),
        }
    }
}

fn named(files: &[PathBuf], here: &Path) -> String {
    let shown = |path: &PathBuf| path.strip_prefix(here).unwrap_or(path).display().to_string();
    let mut names: Vec<String> = files.iter().take(MOST_NAMED).map(shown).collect();
    if let Some(more) = files.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
        names.push(plural(more, "more file", "more files"));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_server_come_first() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let also = paths(&["/w/serve.sh"]);
        for (changed, expected) in [
            (&["/w/a.toml"][..], "a.toml changed"),
            (&["/w/a.toml", "/w/serve.sh"], "serve.sh changed: everything is measured anew"),
            (&["/w/a", "/w/b", "/v/c", "/w/d", "/w/e"], "a, b, /v/c, 2 more files changed"),
        ] {
            let cause = Cause::of_files(paths(changed), &also);
            assert_eq!(cause.told(Path::new("/w")), expected);
            assert_eq!(cause.measures_all(), changed.contains(&"/w/serve.sh"));
        }
    }
}
