use std::time::Duration;

use crate::client::{Client, ControlError};
use crate::load::{Stop, StopSignal};
use crate::units::format_duration;

/// Between the first two looks; each later pause is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Whether a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Readiness {
    /// It does.
    Ready,
    /// It did not in time: why, in a sentence.
    Late(String),
    /// The run is stopped.
    Stopped,
}

/// Waits until an endpoint answers, `limit` at most: a server that was started again loads its model first.
pub(super) async fn until_ready(client: &Client, limit: Duration, mut stop: StopSignal) -> Readiness {
    let mut last = None;
    let looking = async {
        let mut pause = FIRST_PAUSE;
        loop {
            match client.models().await {
                Err(error) if is_not_up(&error) => last = Some(error),
                _ => return,
            }
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    };
    tokio::select! {
        () = looking => Readiness::Ready,
        () = stop.reached(Stop::Draining) => Readiness::Stopped,
        () = tokio::time::sleep(limit) => {
            let why = last.map_or_else(|| "no answer yet".to_owned(), |error| error.to_string());
            Readiness::Late(format!(
                "the server did not answer within load.hooks.ready_timeout, {}, after before_cell: {why}",
                format_duration(limit)
            ))
        }
    }
}

/// What a server that is still starting, or a gateway before it, says. Any other answer is one.
fn is_not_up(error: &ControlError) -> bool {
    matches!(error, ControlError::Unreachable { .. } | ControlError::Status { status: 502..=504, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_refuses_is_up_and_one_that_loads_is_not() {
        let status = |status| ControlError::Status { url: "u".into(), status, message: String::new() };
        for (code, expected) in [(401, false), (404, false), (500, false), (502, true), (503, true), (504, true)] {
            assert_eq!(is_not_up(&status(code)), expected, "{code}");
        }
        assert!(is_not_up(&ControlError::Unreachable { url: "u".into(), message: String::new() }));
    }
}
