use std::io::ErrorKind;
use std::path::Path;

use super::exit::Failure;
use crate::run::RunError;
use crate::store::StoreError;

/// A run's error with what to do about it, and where its results are, once it had any.
pub(super) fn run_error(error: &RunError, dir: Option<&Path>) -> Failure {
    let failure = advice(error);
    match dir {
        Some(dir) => {
            failure.help(format!("what is complete is intact, and the run is marked interrupted: {}", dir.display()))
        }
        None => failure,
    }
}

fn advice(error: &RunError) -> Failure {
    let failure = match error {
        RunError::HooksNotAllowed { .. }
        | RunError::MissingKey { .. }
        | RunError::Input { .. }
        | RunError::Tokenizer { .. } => Failure::usage(error),
        _ => Failure::failed(error),
    };
    match error {
        RunError::Insufficient(shortages) => {
            shortages.iter().fold(failure, |failure, lack| failure.help(lack.remedy.as_str())).help("nothing was sent")
        }
        RunError::HooksNotAllowed { .. } => {
            failure.help("read them, then add --allow-hooks; `infersweep plan` shows them too").help("nothing was sent")
        }
        RunError::MissingKey { variable, .. } => failure.help(format!("export {variable}=...; nothing was sent")),
        RunError::Unreachable { failure: cause, .. } => failure.help(match cause.cause.as_str() {
            "dns" => "is the host name right?",
            "tls" => "does the server speak TLS there, with a certificate this machine trusts?",
            "connect_timeout" => "is there a firewall between? [endpoints.NAME] timeouts.connect sets how long to wait",
            _ => "is the server running there, and is `base_url` right?",
        }),
        RunError::Unauthorized { variable: Some(variable), .. } => {
            failure.help(format!("is {variable} the right key for this endpoint?"))
        }
        RunError::Unauthorized { variable: None, .. } => {
            failure.help("name the variable that holds the key: api_key_env = \"...\"")
        }
        RunError::Tokenizer { .. } => failure.help("without `tokenizer` the server itself counts"),
        RunError::Store(error) => match of_store(error) {
            Some(help) => failure.help(help),
            None => failure,
        },
        _ => failure,
    }
}

/// What to do about a file that cannot be written.
fn of_store(error: &StoreError) -> Option<&'static str> {
    match error {
        StoreError::Full { .. } => {
            Some("free some space or raise the quota, or name a directory on another disk: --out DIR")
        }
        StoreError::InUse { .. } => Some("wait until it ends, or stop it"),
        StoreError::Io { source, .. } => match source.kind() {
            ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::NotADirectory
            | ErrorKind::AlreadyExists
            | ErrorKind::NotFound => Some("name a directory that can be written: --out DIR"),
            ErrorKind::FileTooLarge => Some("a limit on the size of files is set: `ulimit -f unlimited` lifts it"),
            _ => Some("is the disk well? the system's log says more; --out DIR names a directory on another"),
        },
        _ => None,
    }
}
