use std::io::Write;

use super::env::Env;
use crate::plan::Estimate;
use crate::units::format_duration;

/// Runs longer than this are asked about first.
const LONG_S: f64 = 30.0 * 60.0;

/// What a run takes, when that is worth a question: it has a known cost, or is longer than 30 minutes.
pub(super) fn price_of(estimate: &Estimate) -> Option<String> {
    let costs = estimate.cost_usd.filter(|cost| *cost > 0.0);
    if costs.is_none() && estimate.seconds <= LONG_S {
        return None;
    }
    let time = format_duration(std::time::Duration::from_secs_f64(estimate.seconds.max(0.0)));
    let cost = costs.map(|cost| format!(" and costs about ${cost:.2}")).unwrap_or_default();
    Some(format!("This run takes about {time}{cost}."))
}

/// Asks before a run of known cost or over 30 minutes. Without a terminal there is nobody to ask: it goes on.
pub(super) fn may_run(estimate: &Estimate, env: &Env) -> bool {
    let Some(price) = price_of(estimate).filter(|_| env.stdin_is_terminal && env.stderr_is_terminal) else {
        return true;
    };
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "{price} Go on? [y/N] ");
    let _ = stderr.flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
