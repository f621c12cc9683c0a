use super::exit::Failure;
use crate::run::RunError;

/// A run's error with what to do about it.
pub(super) fn run_error(error: &RunError) -> Failure {
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
        _ => failure,
    }
}
