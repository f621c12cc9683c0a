use super::prepare::Wanted;
use crate::load::{ArrivalProcess, Pace, Schedule, StopRule, Traffic, Warmup};
use crate::plan::{Cell, mean_in_flight};
use crate::record::Phase;
use crate::scenario::Scenario;
use crate::seed::Seed;
use crate::units::{Amount, ArrivalDistribution, Qps};
use crate::workload::workload_axes;

/// Sessions of an open loop that are ready when its clock starts, at most. A second's worth unless that is more.
const MOST_READY: usize = 512;

/// A schedule of more requests than this is not counted ahead.
const MOST_COUNTED: usize = 1 << 20;

/// The load of one repeat of a cell, in the engine's words.
pub(super) fn traffic(scenario: &Scenario, cell: &Cell, repeat: u32) -> Traffic {
    let load = &scenario.load;
    let concurrency = cell.axes.concurrency().unwrap_or(1);
    let pace = match cell.axes.qps() {
        Some(rate) => Pace::Open { process: arrivals(scenario, cell, repeat), rate, cap: load.max_in_flight },
        None => Pace::Closed { concurrency, ramp: load.ramp },
    };
    Traffic {
        pace,
        warmup: match load.warmup {
            Amount::Requests(count) => Warmup::Sessions(count.at(Some(concurrency.into()))),
            Amount::Time(time) => Warmup::Time(time),
        },
        stop: StopRule { sessions: cell.requests, duration: load.duration },
        timeout: load.cell_timeout,
    }
}

/// Of the seed, the workload's axes and the repeat: every model and every rate sees the same pattern.
fn arrivals(scenario: &Scenario, cell: &Cell, repeat: u32) -> ArrivalProcess {
    let root = Seed::root(scenario.seed).child("arrivals");
    ArrivalProcess {
        distribution: cell.axes.qps_distribution().unwrap_or(ArrivalDistribution::Constant),
        seed: root.child(&workload_axes(&cell.axes)).index(repeat.into()),
    }
}

/// How many sessions are to be made, and how many of them before the clock starts.
pub(super) fn wanted(traffic: &Traffic) -> Wanted {
    match traffic.pace {
        Pace::Closed { concurrency, .. } => Wanted {
            warmup: match traffic.warmup {
                Warmup::Sessions(count) => Some(count),
                Warmup::Time(_) => None,
            },
            measure: traffic.stop.sessions,
            concurrency: concurrency as usize,
        },
        Pace::Open { process, rate, cap } => {
            let counts = counts(Schedule::new(process, rate, traffic.warmup, traffic.stop));
            Wanted {
                warmup: counts.map(|(warmup, _)| warmup),
                measure: counts.map(|(_, measure)| measure),
                concurrency: a_second_of(rate).min(cap as usize).min(MOST_READY),
            }
        }
    }
}

/// Sessions of each phase of a schedule, unless it is too long to tell.
fn counts(schedule: Schedule) -> Option<(u64, u64)> {
    let (mut warmup, mut measure) = (0, 0);
    for (place, due) in schedule.enumerate() {
        if place >= MOST_COUNTED {
            return None;
        }
        *(if due.phase == Phase::Warmup { &mut warmup } else { &mut measure }) += 1;
    }
    Some((warmup, measure))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is above 0; saturates")]
fn a_second_of(rate: Qps) -> usize {
    match rate {
        Qps::Rate(rate) => rate.ceil() as usize,
        Qps::Infinite => usize::MAX,
    }
}

/// Connections to open before the clock starts: as many as will be in flight, so far as that can be known.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean is not negative; saturates")]
pub(super) fn connections(traffic: &Traffic, scenario: &Scenario, cell: &Cell) -> usize {
    match traffic.pace {
        Pace::Closed { concurrency, .. } => concurrency as usize,
        Pace::Open { cap, .. } => {
            let mean = mean_in_flight(scenario, cell);
            // Arrivals come in bunches: two deviations of a Poisson process above the mean.
            let most = (mean + 2.0 * mean.sqrt() + 1.0).ceil() as usize;
            most.min(cap as usize)
        }
    }
}

/// Requests in all, when the number of sessions ends the load.
pub(super) fn expected(wanted: Wanted, requests_of_session: Option<u64>) -> Option<u64> {
    Some((wanted.warmup? + wanted.measure?) * requests_of_session?)
}
