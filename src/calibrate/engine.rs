//! infersweep itself on a rung: the same way as `run`, from the text of a scenario to rows on disk.

use std::cell::Cell;
use std::path::Path;

use super::cost::{Cost, Meter};
use super::seen::{Answers, Seen, Window};
use super::{CalibrateError, Rung};
use crate::load::StopHandle;
use crate::metrics::{CellSummary, SearchSummary};
use crate::plan::{ContentHashes, expand};
use crate::record::{Outcome, RequestRecord};
use crate::run::{Observer, RunEvent, RunOptions, TokenizerPlaces, Views, carry_out};
use crate::scenario::{ReadOptions, Scenario, Unset, Variables, read_text};
use crate::store::{Provenance, RunDir, StoredRun};
use crate::time::{MonotonicNs, duration_ns};
use crate::workload::Material;
use std::time::Duration;

/// Words of a prompt, the chat template apart.
pub(super) const INPUT_TOKENS: u32 = 64;

/// The scenario of a rung at a server. A rung of another kind of load would be told apart here and nowhere else.
pub(super) fn scenario(rung: &Rung, base_url: &str, duration: Duration) -> Result<Scenario, CalibrateError> {
    let nanoseconds = |duration: Duration| format!("{}ns", duration.as_nanos());
    let text = format!(
        "name = \"calibration\"\n\
         [endpoints.simulator]\nbase_url = {url}\n\
         [models.simulator]\ntokenizer = \"words\"\n\
         [matrix]\nmodel = \"simulator\"\ninput_tokens = {INPUT_TOKENS}\noutput_tokens = {tokens}\nconcurrency = {streams}\n\
         [load]\nduration = \"{duration}\"\nwarmup = \"1x\"\nramp = \"{ramp}\"\n",
        url = toml::Value::from(base_url),
        tokens = rung.output_tokens,
        streams = rung.streams,
        duration = nanoseconds(duration),
        ramp = nanoseconds(rung.answer()),
    );
    let options = ReadOptions { variables: &Variables::default(), unset: Unset::Refuse, set: &[], profile: None };
    let reading = read_text(Path::new("calibration.toml"), &text, &options);
    let faults = || reading.faults.iter().map(|fault| fault.message.clone()).collect::<Vec<_>>().join("; ");
    match reading.scenario {
        Some(scenario) if !reading.faults.has_errors() => Ok(scenario),
        _ => Err(CalibrateError::Internal(faults())),
    }
}

/// Carries out a rung's scenario and reads its rows back; `None` when it was stopped before its end.
pub(super) async fn read(
    scenario: &Scenario,
    duration: Duration,
    hosts_server: bool,
    warn: &dyn Fn(String),
    stop: &StopHandle,
) -> Result<Option<Answers>, CalibrateError> {
    let plan = expand(scenario, &ContentHashes::new());
    let material = Material::read(scenario).map_err(|faults| {
        CalibrateError::Internal(format!("{} faults in the built-in prompt", faults.iter().count()))
    })?;
    let out = tempfile::tempdir().map_err(|error| CalibrateError::Write {
        path: "a temporary directory".to_owned(),
        error: error.to_string(),
    })?;
    let options = RunOptions {
        allow_hooks: false,
        out: out.path(),
        nonce: 0,
        only: Vec::new(),
        reuse: None,
        resume: None,
        command: Vec::new(),
        provenance: Provenance::default(),
        tokenizers: TokenizerPlaces::default(),
        views: &NoViews,
    };
    let costs = Costs { hosts_server, warn, meter: Cell::new(None), cost: Cell::new(Cost::default()) };
    let conclusion = carry_out(scenario, &plan, material, &options, &costs, stop).await?;
    if conclusion.complete < conclusion.units {
        return Ok(None);
    }
    let run = RunDir::open(&conclusion.dir).and_then(StoredRun::open).map_err(crate::run::RunError::from)?;
    let cost = costs.cost.get();
    let mut answers = Answers {
        cpu_ns: cost.cpu_ns,
        peak_memory_bytes: cost.peak_memory_bytes,
        verdict: conclusion
            .summary
            .cells
            .first()
            .and_then(|cell| cell.client.verdict.map(|verdict| verdict.as_str().to_owned())),
        ..Answers::default()
    };
    for unit in &run.complete {
        let file = unit.open().map_err(crate::run::RunError::from)?;
        let origin_ns = file.origin().monotonic_ns;
        answers.window = Window { from_ns: origin_ns, until_ns: origin_ns.saturating_add(duration_ns(duration)) };
        for record in file.records().map_err(crate::run::RunError::from)? {
            answers.seen.push(seen(&record.map_err(crate::run::RunError::from)?, origin_ns));
        }
    }
    answers.wall_ns = wall_ns(&answers.seen);
    Ok(Some(answers))
}

/// A row in absolute times.
fn seen(record: &RequestRecord, origin_ns: MonotonicNs) -> Seen {
    let failure = match &record.outcome {
        Outcome::Completed => None,
        Outcome::Failed(failure) => Some(format!("{}: {}", failure.cause.as_str(), failure.message)),
        other => Some(other.as_str().to_owned()),
    };
    Seen {
        id: record.response_id.clone().unwrap_or_default(),
        sent_ns: record.stamps.sent_ns.unwrap_or_default().saturating_add(origin_ns),
        tokens_ns: record.chunks.iter().map(|chunk| chunk.at_ns.saturating_add(origin_ns)).collect(),
        failure,
    }
}

/// From the first request to the last event.
pub(super) fn wall_ns(seen: &[Seen]) -> i64 {
    let first = seen.iter().map(|answer| answer.sent_ns).min();
    let last = seen.iter().filter_map(|answer| answer.tokens_ns.last().copied()).max();
    first.zip(last).map_or(0, |(first, last)| last.saturating_sub(first))
}

/// Takes the client's cost from the start of the load to its end; files and summaries come after.
struct Costs<'c> {
    hosts_server: bool,
    warn: &'c dyn Fn(String),
    meter: Cell<Option<Meter>>,
    cost: Cell<Cost>,
}

impl Observer for Costs<'_> {
    fn tell(&self, event: RunEvent) {
        match event {
            RunEvent::UnitStarted { .. } => self.meter.set(Some(Meter::start(self.hosts_server))),
            RunEvent::LoadEnded { .. } => {
                if let Some(meter) = self.meter.get() {
                    self.cost.set(meter.read());
                }
            }
            RunEvent::Warning(text) => (self.warn)(text),
            _ => {}
        }
    }
}

/// Nobody looks at the files of a calibration's runs.
struct NoViews;

impl Views for NoViews {
    fn comparison_markdown(&self, _: &str, _: &[CellSummary], _: &[SearchSummary]) -> String {
        String::new()
    }

    fn summary_csv(&self, _: &[CellSummary]) -> String {
        String::new()
    }

    fn junit(&self, _: &Scenario, _: &[CellSummary]) -> Option<String> {
        None
    }
}
