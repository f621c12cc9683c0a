use std::time::Duration;

use super::error::RunError;
use super::event::RunEvent;
use super::results::Results;
use super::unit::{Bench, Measured};
use crate::load::{Stop, StopHandle};
use crate::plan::{Plan, units};
use crate::store::RepeatState;

/// Measures every unit in its order; returns how many came to their end.
pub(super) async fn measure_all(
    bench: &Bench<'_>,
    plan: &Plan,
    results: &mut Results<'_>,
    stop: &StopHandle,
) -> Result<usize, RunError> {
    let units = units(bench.scenario, plan);
    bench.observer.tell(RunEvent::Started { dir: bench.dir.path().to_owned(), units: units.len() });
    let mut complete = 0;
    for (number, unit) in units.into_iter().enumerate() {
        if number > 0 {
            cool_down(bench.scenario.load.cooldown, stop).await;
        }
        if stop.now() > Stop::Running {
            break;
        }
        let cell = &plan.cells[unit.cell];
        results.set_state(unit, RepeatState::Running)?;
        match bench.measure(cell, unit.repeat, number, stop).await {
            Ok(Measured::Complete) => {
                results.set_state(unit, RepeatState::Complete)?;
                let summary = results.summarise(unit.cell)?;
                let (completed, failed) = (summary.requests.completed, summary.requests.failed);
                complete += 1;
                bench.observer.tell(RunEvent::UnitEnded {
                    number,
                    cell_id: cell.id.to_string(),
                    repeat: unit.repeat,
                    completed,
                    failed,
                });
            }
            Ok(Measured::Interrupted) => {
                results.set_state(unit, RepeatState::Interrupted)?;
                break;
            }
            Err(error) => {
                // The first error is the one to tell; a full disk may take no state either.
                let _ = results.set_state(unit, RepeatState::Interrupted);
                return Err(error);
            }
        }
    }
    Ok(complete)
}

async fn cool_down(time: Duration, stop: &StopHandle) {
    let mut signal = stop.signal();
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = signal.reached(Stop::Draining) => {}
    }
}
