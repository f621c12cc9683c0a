use std::path::{Path, PathBuf};

use super::error::RunError;
use super::event::{Observer, RunEvent, UnitFailure};
use super::learn::{Countings, Learner};
use super::measure::{Tally, measure_all};
use super::preflight::{Limits, Preflight};
use super::results::{Results, Views};
use super::sites::Sites;
use super::tokenizers::{TokenizerPlaces, Tokenizers};
use super::unit::Bench;
use crate::load::StopHandle;
use crate::metrics::Summary;
use crate::plan::{Plan, content_files, digest_of};
use crate::scenario::Scenario;
use crate::store::{Input, Manifest, RowSchema, RunDir, RunState, freeze_inputs};
use crate::time::{Clock, unix_ns};
use crate::workload::Material;

/// Inputs up to this size are copied into the run directory; of larger ones the hash is kept.
const SMALL_INPUT_BYTES: u64 = 1 << 20;

/// What a run takes besides its plan.
pub struct RunOptions<'r> {
    /// The directory that holds the results of all runs.
    pub out: &'r Path,
    /// Makes the salts of this run new.
    pub nonce: u64,
    /// Whether the scenario's own commands may run.
    pub allow_hooks: bool,
    /// How the tool was called, for the manifest.
    pub command: Vec<String>,
    /// Where tokenizers are looked for and kept.
    pub tokenizers: TokenizerPlaces,
    /// Draws the views that are saved with the summary.
    pub views: &'r dyn Views,
}

/// What a run came to.
#[derive(Debug)]
pub struct Conclusion {
    /// The run directory.
    pub dir: PathBuf,
    /// The summaries of the cells that have a complete repeat.
    pub summary: Summary,
    /// Units measured to their end.
    pub complete: usize,
    /// Units planned.
    pub units: usize,
    /// What failed round units, in the order in which it did.
    pub failures: Vec<UnitFailure>,
}

/// Carries out `plan`: reaches every endpoint, learns how it counts, measures unit after unit and saves after each.
///
/// A stop ends it early; what is complete by then is saved and returned.
pub async fn carry_out(
    scenario: &Scenario,
    plan: &Plan,
    material: Material,
    options: &RunOptions<'_>,
    observer: &dyn Observer,
    stop: &StopHandle,
) -> Result<Conclusion, RunError> {
    let clock = Clock::start();
    let start_unix_ns = unix_ns();
    refuse_hooks(scenario, options.allow_hooks)?;
    preflight(scenario, plan, observer)?;
    let (sites, tokenizers) = tokio::try_join!(
        Sites::open(scenario, plan, clock, observer),
        Tokenizers::read(scenario, plan, &options.tokenizers, observer)
    )?;
    let (sites, tokenizers) = (&sites, &tokenizers);
    let learner = Learner { scenario, sites, tokenizers, prompts: &material.prompts, observer };
    let countings = Countings::learn(&learner, plan).await?;

    let dir = RunDir::create(options.out, &scenario.name, start_unix_ns, options.nonce)?;
    let mut manifest = Manifest::starting(scenario, digest_of(plan), options.nonce, start_unix_ns);
    manifest.command = Some(options.command.iter().map(|word| scenario.secrets.redact(word)).collect());
    manifest.servers = sites.identities().clone();
    manifest.probes.clone_from(&countings.reports);
    manifest.token_models = countings.models();
    manifest.inputs = freeze_inputs(&dir, &inputs(scenario, &material), SMALL_INPUT_BYTES)?;
    dir.write("scenario.toml", frozen(scenario, &manifest).as_bytes())?;
    let mut results = Results::begin(&dir, manifest, scenario, plan, options.views, clock)?;

    let schema = RowSchema::of(plan, [])?;
    let bench = Bench {
        scenario,
        sites,
        countings: &countings,
        material,
        dir: &dir,
        schema: &schema,
        nonce: options.nonce,
        clock,
        observer,
    };
    let measured = measure_all(bench, plan, &mut results, stop).await;
    let units = plan.cells.len() * scenario.load.repeats as usize;
    let state = if measured.as_ref().is_ok_and(|tally| tally.complete == units) {
        RunState::Complete
    } else {
        RunState::Interrupted
    };
    let concluded = results.conclude(state);
    let Tally { complete, failures } = measured?;
    concluded?;
    Ok(Conclusion { dir: dir.path().to_owned(), summary: results.into_summary(), complete, units, failures })
}

/// A scenario that somebody else wrote runs nothing here unless its reader says so.
fn refuse_hooks(scenario: &Scenario, allowed: bool) -> Result<(), RunError> {
    let shown = |(name, command): (&str, &str)| format!("{name} = `{}`", scenario.secrets.redact(command));
    let commands: Vec<String> = scenario.load.hooks.commands().map(shown).collect();
    if commands.is_empty() || allowed { Ok(()) } else { Err(RunError::HooksNotAllowed { commands }) }
}

/// The files that the run keeps. What templates include keeps its place beside them; a dataset that names pictures
/// stays where they are, since their paths are relative to it.
fn inputs(scenario: &Scenario, material: &Material) -> Vec<Input> {
    let stays = material.rows.as_ref().filter(|rows| rows.pictures().is_some()).map(|rows| &rows.dataset().file);
    let input = |path: PathBuf| {
        let name = scenario.prompt.included.iter().find(|one| one.path == path).map(|one| one.name.clone());
        Input { may_be_copied: stays != Some(&path), name, path }
    };
    content_files(scenario).into_iter().map(input).collect()
}

/// Refuses a plan that this machine does not suffice for, before anything is sent.
fn preflight(scenario: &Scenario, plan: &Plan, observer: &dyn Observer) -> Result<(), RunError> {
    let Preflight { shortages, warnings } = Preflight::of(scenario, plan, &Limits::here());
    for warning in warnings {
        observer.tell(RunEvent::Warning(warning));
    }
    if shortages.is_empty() { Ok(()) } else { Err(RunError::Insufficient(shortages)) }
}

/// The frozen scenario, with the inputs that were copied named where the copies are.
fn frozen(scenario: &Scenario, manifest: &Manifest) -> String {
    let mut text = scenario.frozen.clone();
    for input in &manifest.inputs {
        if let (Some(copy), Ok(path)) = (&input.copy, std::path::absolute(&input.path)) {
            let path = path.display().to_string();
            text = text.replace(&quoted(&path), &quoted(copy));
            text = text.replace(&format!("empirical({path})"), &format!("empirical({copy})"));
        }
    }
    text
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
