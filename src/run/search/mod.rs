//! Searches: an agenda that grows. [`search_all`] asks the plan's floor for the next load and measures it as any other
//! unit; `probes` keeps the cells that come so; `outcome` says what their rows come to.

mod outcome;
mod probes;

pub(super) use outcome::search_summaries;
pub(super) use probes::note_searches;

use super::error::RunError;
use super::event::RunEvent;
use super::lane::cool_down;
use super::measure::{Tally, measure_one};
use super::results::Results;
use super::reuse::{Outlook, Reuse};
use super::unit::Bench;
use crate::load::{Stop, StopHandle};
use crate::plan::{SearchPlan, Step, seek};
use crate::store::Probe;
use crate::time::unix_ns;

/// Carries out every search, one after the other. What is not at its end when the run is stopped, or when a load could
/// not be measured, counts as unfinished in the tally.
pub(super) async fn search_all(
    bench: &Bench<'_>,
    reuse: Option<&Reuse>,
    results: &mut Results<'_>,
    tally: &mut Tally,
    stop: &StopHandle,
) -> Result<(), RunError> {
    let searches = results.plan.searches.clone();
    for (at, search) in searches.iter().enumerate() {
        let quest = Quest { bench, reuse, search, at };
        if !quest.carry_out(results, tally, stop).await? {
            tally.unfinished += 1;
        }
    }
    Ok(())
}

/// One search.
struct Quest<'q> {
    bench: &'q Bench<'q>,
    reuse: Option<&'q Reuse>,
    search: &'q SearchPlan,
    at: usize,
}

impl Quest<'_> {
    /// Whether it came to its end.
    async fn carry_out(
        &self,
        results: &mut Results<'_>,
        tally: &mut Tally,
        stop: &StopHandle,
    ) -> Result<bool, RunError> {
        results.take_up(self.at);
        while let Step::Probe(level) = seek(&self.search.search, &self.search.levels, &results.evidence(self.at)) {
            if stop.now() > Stop::Running {
                return Ok(false);
            }
            let complete = tally.complete;
            self.probe(Probe { search: self.at, level }, results, tally, stop).await?;
            if tally.complete == complete {
                let failure = tally.failures.last().filter(|_| stop.now() == Stop::Running);
                results.give_up(self.at, failure.map(|failure| failure.why.clone()));
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Has one more repeat of a load: from an earlier run, or measured.
    async fn probe(
        &self,
        probe: Probe,
        results: &mut Results<'_>,
        tally: &mut Tally,
        stop: &StopHandle,
    ) -> Result<(), RunError> {
        let cell = &self.search.ladder[probe.level];
        let unit = results.next_repeat(probe, cell);
        let bench = self.bench;
        let told = |reused| RunEvent::Probe {
            search_id: self.search.id.clone(),
            cell_id: cell.id.to_string(),
            repeat: unit.repeat,
            reused,
        };
        if let Some(reuse) = self.reuse {
            let servers = bench.sites.identities();
            let outlook = reuse.look_up_repeat(bench.scenario, cell, unit.repeat, servers, unix_ns());
            if let Outlook::Reuse(source) = outlook {
                match results.take_over(unit, &source)? {
                    Ok(()) => {
                        tally.complete += 1;
                        bench.observer.tell(told(Some(source.measured_in)));
                        return Ok(());
                    }
                    Err(why) => bench.observer.tell(RunEvent::Warning(format!("{why}; it is measured anew"))),
                }
            }
        }
        if tally.begun > 0 {
            cool_down(bench.scenario.load.cooldown, stop).await;
        }
        bench.observer.tell(told(None));
        measure_one(bench.clone(), unit, results, tally, stop).await
    }
}
