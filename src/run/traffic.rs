use crate::load::{ArrivalProcess, Pace, StopRule, Traffic, Warmup};
use crate::plan::Cell;
use crate::scenario::Scenario;
use crate::seed::Seed;
use crate::units::{Amount, ArrivalDistribution, Qps};
use crate::workload::workload_axes;

/// Connections opened before an open loop starts, at most.
const MOST_WARMED: u32 = 256;

/// The load of a cell, in the engine's words.
pub(super) fn traffic(scenario: &Scenario, cell: &Cell, repeat: u32) -> Traffic {
    let load = &scenario.load;
    let concurrency = cell.axes.concurrency();
    let pace = match cell.axes.qps() {
        // Of the workload and not of the model or the rate: all of them see the same arrivals.
        Some(rate) => Pace::Open {
            arrivals: ArrivalProcess {
                rate,
                distribution: cell.axes.qps_distribution().unwrap_or(ArrivalDistribution::Constant),
                seed: Seed::root(scenario.seed)
                    .child("arrivals")
                    .child(&workload_axes(&cell.axes))
                    .index(repeat.into()),
            },
            cap: load.max_in_flight,
        },
        None => Pace::Closed { concurrency: concurrency.unwrap_or(1), ramp: load.ramp },
    };
    Traffic {
        pace,
        warmup: match load.warmup {
            Amount::Requests(count) => Warmup::Sessions(count.at(concurrency.map(u64::from))),
            Amount::Time(time) => Warmup::Time(time),
        },
        stop: StopRule { sessions: cell.requests, duration: load.duration },
        timeout: load.cell_timeout,
    }
}

/// Sessions that are likely to be in flight together; in open loop a guess, as if each took a second.
pub(super) fn likely_in_flight(traffic: &Traffic) -> usize {
    let count = match traffic.pace {
        Pace::Closed { concurrency, .. } => concurrency,
        Pace::Open { arrivals: ArrivalProcess { rate, .. }, cap } => {
            let guess = match rate {
                Qps::Rate(rate) if rate < f64::from(MOST_WARMED) => {
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 256")]
                    let whole = rate.ceil() as u32;
                    whole.max(1)
                }
                _ => MOST_WARMED,
            };
            guess.min(cap)
        }
    };
    let all = traffic.stop.sessions.and_then(|sessions| usize::try_from(sessions).ok()).unwrap_or(usize::MAX);
    (count as usize).min(all).max(1)
}
