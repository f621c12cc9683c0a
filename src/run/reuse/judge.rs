use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::ledger::{KnownRun, Reuse, Servers};
use super::neighbours::Neighbours;
use super::outlook::{CellOutlook, Outlook, Source};
use crate::plan::{Cell, Plan};
use crate::run::changes::{changes, first_of};
use crate::scenario::Scenario;
use crate::store::{PlannedCell, PlannedRepeat, RepeatState, UnitId};
use crate::units::format_age;

/// So many changes are named.
const MOST_NAMED: usize = 3;

/// Decides what is taken over.
pub(super) struct Judge<'r> {
    reuse: &'r Reuse,
    scenario: &'r Scenario,
    /// The servers as they are now, each with its fingerprint.
    servers: Option<(&'r Servers, BTreeMap<&'r str, String>)>,
    max_age: Option<Duration>,
    now_unix_ns: i64,
    neighbours: Option<Neighbours<'r>>,
}

impl<'r> Judge<'r> {
    pub(super) fn new(
        reuse: &'r Reuse,
        scenario: &'r Scenario,
        plan: &Plan,
        servers: Option<&'r Servers>,
        max_age: Option<Duration>,
        now_unix_ns: i64,
    ) -> Self {
        let prints = |servers: &'r Servers| {
            servers.iter().map(|(endpoint, server)| (endpoint.as_str(), server.fingerprint())).collect()
        };
        Self {
            reuse,
            scenario,
            servers: servers.map(|servers| (servers, prints(servers))),
            max_age,
            now_unix_ns,
            neighbours: reuse.runs.first().map(|known| Neighbours::new(&known.plan, plan)),
        }
    }

    /// What becomes of a cell's repeats.
    pub(super) fn outlook(&self, cell: &Cell) -> CellOutlook {
        CellOutlook { repeats: self.outlooks(cell, 0..self.scenario.load.repeats) }
    }

    /// What becomes of one repeat of a cell.
    pub(super) fn outlook_of(&self, cell: &Cell, repeat: u32) -> Outlook {
        let one = self.outlooks(cell, repeat..repeat + 1).pop();
        one.unwrap_or_else(|| Outlook::Run { why: self.why_unknown(cell) })
    }

    fn outlooks(&self, cell: &Cell, repeats: Range<u32>) -> Vec<Outlook> {
        // An id that is another for the same axes, since the model's home is, would name other files.
        let same_id = |(run, place): &&(usize, usize)| self.reuse.runs[*run].plan.cells[*place].cell_id == cell.id;
        let places: Vec<_> = self.reuse.with_digest(&cell.digest.0).iter().filter(same_id).copied().collect();
        // All repeats of a cell that no run has are measured for the same reason.
        let unknown = places.is_empty().then(|| self.why_unknown(cell));
        let each = |repeat| match &unknown {
            Some(why) => Outlook::Run { why: why.clone() },
            None => self.repeat(cell, repeat, &places),
        };
        repeats.map(each).collect()
    }

    /// Takes a repeat from the newest run that has it; else says what is wrong with the newest that was looked at.
    fn repeat(&self, cell: &Cell, repeat: u32, places: &[(usize, usize)]) -> Outlook {
        let unit = UnitId::new(cell.id.clone(), repeat);
        let mut reason = None;
        for (run, place) in places {
            let known = &self.reuse.runs[*run];
            let planned = known.plan.cells[*place].repeats.iter().find(|planned| planned.repeat == repeat);
            let Some(planned) = planned else { continue };
            match self.refusal(cell, &unit, known, planned) {
                Some(why) => drop(reason.get_or_insert(why)),
                None => return Outlook::Reuse(self.source(known, planned)),
            }
        }
        Outlook::Run { why: reason.unwrap_or_else(|| format!("repeat {} is new", repeat + 1)) }
    }

    /// Why a repeat of an earlier run is not taken.
    fn refusal(&self, cell: &Cell, unit: &UnitId, known: &KnownRun, planned: &PlannedRepeat) -> Option<String> {
        let name = known.run.name();
        match planned.state {
            RepeatState::Complete => {}
            RepeatState::Running | RepeatState::Interrupted => return Some(format!("cut off in {name}")),
            RepeatState::Failed => return Some(format!("failed in {name}")),
            RepeatState::Pending => return Some(format!("not reached in {name}")),
        }
        let age_s = self.age_s(known, planned);
        if let Some(most) = self.max_age.filter(|most| age_s > most.as_secs_f64()) {
            return Some(format!("{} old, more than {}", format_age(age_s), format_age(most.as_secs_f64())));
        }
        if let Some(why) = self.other_server(cell.axes.endpoint(), known, planned) {
            return Some(why);
        }
        if !known.has_rows(unit) {
            return Some(format!("its rows are gone from {name}"));
        }
        let output = &self.scenario.output;
        (output.save_responses && !known.run.dir.responses_path(unit).is_file())
            .then(|| format!("output.save_responses: {name} kept no answers"))
    }

    fn other_server(&self, endpoint: &str, known: &KnownRun, planned: &PlannedRepeat) -> Option<String> {
        let (servers, prints) = self.servers.as_ref()?;
        let now = prints.get(endpoint)?;
        if planned.server.as_ref() == Some(now) {
            return None;
        }
        let then = known.run.manifest.servers.get(endpoint);
        // The manifest tells of the run's last server, which need not be this repeat's.
        let then = then.filter(|then| planned.server == Some(then.fingerprint()));
        let changes = then.and_then(|then| Some(servers.get(endpoint)?.changes_since(then))).unwrap_or_default();
        Some(match changes.as_slice() {
            [] => format!("endpoint `{endpoint}` has another server"),
            changes => format!("the server of `{endpoint}`: {}", first_of(changes, MOST_NAMED)),
        })
    }

    fn source(&self, known: &KnownRun, planned: &PlannedRepeat) -> Source {
        Source {
            dir: known.run.dir.clone(),
            measured_in: planned.reused_from.clone().unwrap_or_else(|| known.run.name().to_owned()),
            age_s: self.age_s(known, planned),
            planned: planned.clone(),
        }
    }

    /// How long ago a repeat was complete; never less than nothing, whatever clocks did.
    fn age_s(&self, known: &KnownRun, planned: &PlannedRepeat) -> f64 {
        let manifest = &known.run.manifest;
        let end = planned.end_unix_ns.or(manifest.end_unix_ns).unwrap_or(manifest.start_unix_ns);
        let age = self.now_unix_ns.saturating_sub(end).max(0);
        Duration::from_nanos(age.unsigned_abs()).as_secs_f64()
    }

    /// Why no run has a cell's digest.
    fn why_unknown(&self, cell: &Cell) -> String {
        if let Some((run, place)) = self.reuse.with_id(cell.id.as_str()) {
            let plan = &self.reuse.runs[run].plan;
            let earlier: &PlannedCell = &plan.cells[place];
            return first_of(&changes(self.scenario, cell, earlier, plan), MOST_NAMED);
        }
        match &self.neighbours {
            None => "no earlier run".to_owned(),
            Some(neighbours) => neighbours.edited_axis(&cell.axes.to_json()).unwrap_or_else(|| "new".to_owned()),
        }
    }
}
