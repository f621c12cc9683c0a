use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::agenda::Agenda;
use super::error::RunError;
use super::event::{Observer, RunEvent, UnitFailure};
use super::learn::{Countings, Learner};
use super::measure::{Tally, measure_all};
use super::preflight::{Limits, Preflight};
use super::results::{Results, Views};
use super::resume::Resumption;
use super::reuse::{Reuse, reasons};
use super::search::{note_searches, search_all};
use super::sites::Sites;
use super::tokenizers::{TokenizerPlaces, Tokenizers};
use super::unit::Bench;
use crate::client::server_columns;
use crate::load::StopHandle;
use crate::metrics::Summary;
use crate::plan::{Plan, content_files, digest_of};
use crate::scenario::{KNOWN_METRICS, Scenario};
use crate::store::{Input, Manifest, Provenance, RowSchema, RunDir, RunState, freeze_inputs};
use crate::time::{Clock, unix_ns};
use crate::workload::Material;

/// Inputs up to this size are copied into the run directory; of larger ones the hash is kept.
const SMALL_INPUT_BYTES: u64 = 1 << 20;

/// What a run takes besides its plan.
pub struct RunOptions<'r> {
    /// The directory that holds the results of all runs.
    pub out: &'r Path,
    /// Makes the salts of this run new; a run that is taken up again keeps its own.
    pub nonce: u64,
    /// Whether the scenario's own commands may run.
    pub allow_hooks: bool,
    /// What `--only` kept of the scenario's cells.
    pub only: Vec<String>,
    /// Earlier runs, to take over what they have; `None` measures everything.
    pub reuse: Option<Reuse>,
    /// The interrupted run to go on with, in place; [`Resumption::check`] has passed.
    pub resume: Option<Resumption>,
    /// How the tool was called, for the manifest.
    pub command: Vec<String>,
    /// Where the results come from, for the manifest.
    pub provenance: Provenance,
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
    /// Units measured to their end, now or before.
    pub complete: usize,
    /// Units planned, and of each search that did not come to its end one.
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
    let resume = options.resume.as_ref();
    let scenario = &of_run(scenario, resume);
    let Ready { agenda, to_measure, sites, tokenizers } = ready(scenario, plan, options, clock, observer).await?;
    let (sites, tokenizers) = (&sites, &tokenizers);
    let learner = Learner { scenario, sites, tokenizers, prompts: &material.prompts, observer };
    let countings = Countings::learn(&learner, &to_measure).await?;

    let (dir, mut manifest) = match resume {
        Some(resumption) => taken_up(resumption, sites, start_unix_ns, observer),
        None => begun(scenario, plan, &material, options, sites, start_unix_ns)?,
    };
    manifest.probes.extend_from_slice(&countings.reports);
    manifest.token_models.extend(countings.models());
    let nonce = manifest.nonce;
    agenda.take_over(plan, &dir)?;
    let (mut grown, mut plan_file) = (plan.clone(), agenda.plan_file(plan, scenario.load.repeats));
    note_searches(scenario, &mut grown, &mut plan_file, resume);
    let kept = plan_file.complete();
    let mut results = Results::begin(&dir, manifest, scenario, grown, plan_file, options.views, clock)?;

    let full = plan.in_full();
    let schema = RowSchema::of(&full, columns_of_servers(scenario, &full))?;
    let bench = Bench {
        scenario,
        sites,
        countings: &countings,
        material,
        dir: &dir,
        schema: &schema,
        server_columns: &scraped_columns(scenario, &full),
        nonce,
        clock,
        observer,
        told: RefCell::default(),
    };
    let measured = match measure_all(bench.clone(), plan, &agenda, &mut results, stop).await {
        Ok(mut tally) => {
            let searched = search_all(&bench, options.reuse.as_ref(), &mut results, &mut tally, stop).await;
            searched.map(|()| tally)
        }
        Err(error) => Err(error),
    };
    let unfinished = measured.as_ref().map_or(0, |tally| tally.unfinished);
    // A search that did not come to its end has a repeat to go, at the least.
    let units = results.plan_file.repeats().count() + unfinished;
    let whole = measured.as_ref().is_ok_and(|tally| kept + tally.complete == units);
    let concluded = results.conclude(if whole { RunState::Complete } else { RunState::Interrupted });
    let Tally { complete, failures, .. } = measured?;
    concluded?;
    let complete = kept + complete;
    Ok(Conclusion { dir: dir.path().to_owned(), summary: results.into_summary(), complete, units, failures })
}

/// A scenario that somebody else wrote runs nothing here unless its reader says so.
fn refuse_hooks(scenario: &Scenario, allowed: bool) -> Result<(), RunError> {
    let shown = |(name, command): (&str, &str)| format!("{name} = `{}`", scenario.secrets.redact(command));
    let commands: Vec<String> = scenario.load.hooks.commands().map(shown).collect();
    if commands.is_empty() || allowed { Ok(()) } else { Err(RunError::HooksNotAllowed { commands }) }
}

/// What is to be done, and all that it takes of the outside.
struct Ready {
    agenda: Agenda,
    /// The cells of which something is measured.
    to_measure: Plan,
    sites: Sites,
    tokenizers: Tokenizers,
}

/// Finds out what is left to measure, and reaches what that takes. Whether an earlier run's repeats are taken hangs on
/// the servers, so that then they are asked first.
async fn ready(
    scenario: &Scenario,
    plan: &Plan,
    options: &RunOptions<'_>,
    clock: Clock,
    observer: &dyn Observer,
) -> Result<Ready, RunError> {
    let tokenizers = async |to_measure| Tokenizers::read(scenario, to_measure, &options.tokenizers, observer).await;
    if let Some(reuse) = &options.reuse {
        let sites = Sites::open(scenario, &plan.in_full(), clock, observer).await?;
        let outlooks = reuse.look_up(scenario, plan, Some(sites.identities()), unix_ns());
        let (units, left) = (outlooks.iter().map(|cell| cell.repeats.len()).sum(), reasons(&outlooks));
        let agenda = Agenda::without(outlooks, plan, observer);
        if units > 0 {
            observer.tell(RunEvent::Reusing { runs: agenda.reused(), left, units });
        }
        let to_measure = agenda.of_measured(plan);
        preflight(scenario, &to_measure, observer)?;
        let tokenizers = tokenizers(&to_measure).await?;
        return Ok(Ready { agenda, to_measure, sites, tokenizers });
    }
    let agenda = match &options.resume {
        Some(resumption) => Agenda::rest_of(resumption, plan, scenario.load.repeats),
        None => Agenda::everything(plan, scenario.load.repeats),
    };
    let to_measure = agenda.of_measured(plan);
    preflight(scenario, &to_measure, observer)?;
    let sites = Sites::open(scenario, &to_measure, clock, observer);
    let (sites, tokenizers) = tokio::try_join!(sites, tokenizers(&to_measure))?;
    Ok(Ready { agenda, to_measure, sites, tokenizers })
}

/// The scenario with the repeats that a run has which is taken up again.
fn of_run(scenario: &Scenario, resume: Option<&Resumption>) -> Scenario {
    let mut scenario = scenario.clone();
    scenario.load.repeats = scenario.load.repeats.max(resume.map_or(0, Resumption::repeats));
    scenario
}

/// The directory and the manifest of a new run.
fn begun(
    scenario: &Scenario,
    plan: &Plan,
    material: &Material,
    options: &RunOptions<'_>,
    sites: &Sites,
    start_unix_ns: i64,
) -> Result<(RunDir, Manifest), RunError> {
    let dir = RunDir::create(options.out, &scenario.name, start_unix_ns, options.nonce)?;
    let mut manifest = Manifest::starting(scenario, digest_of(plan), options.nonce, start_unix_ns);
    manifest.command = Some(options.command.iter().map(|word| scenario.secrets.redact(word)).collect());
    manifest.only.clone_from(&options.only);
    manifest.provenance = options.provenance.clone();
    manifest.servers = sites.identities().clone();
    manifest.inputs = freeze_inputs(&dir, &inputs(scenario, material), SMALL_INPUT_BYTES)?;
    dir.write("scenario.toml", frozen(scenario, &manifest).as_bytes())?;
    Ok((dir, manifest))
}

/// Those of a run that is taken up again.
fn taken_up(resumption: &Resumption, sites: &Sites, start_unix_ns: i64, observer: &dyn Observer) -> (RunDir, Manifest) {
    let mut manifest = resumption.manifest().clone();
    for (endpoint, server) in sites.identities() {
        let changes = manifest.servers.get(endpoint).map(|before| server.changes_since(before)).unwrap_or_default();
        if !changes.is_empty() {
            observer.tell(RunEvent::Warning(format!(
                "the server of endpoint `{endpoint}` is not the one that the run began with: {}",
                changes.join(", ")
            )));
        }
    }
    manifest.resume(start_unix_ns, sites.identities());
    (resumption.dir().clone(), manifest)
}

/// The columns that the answers of a plan's endpoints fill besides those of every run.
fn columns_of_servers(scenario: &Scenario, plan: &Plan) -> BTreeSet<String> {
    let used: BTreeSet<&str> = plan.cells.iter().map(|cell| cell.axes.endpoint()).collect();
    used.into_iter().filter_map(|name| scenario.endpoint(name)).flat_map(server_columns).collect()
}

/// The columns of scraped metrics, the same in every file of the run: the known ones and those of the plan's endpoints.
fn scraped_columns(scenario: &Scenario, plan: &Plan) -> Vec<String> {
    let used: BTreeSet<&str> = plan.cells.iter().map(|cell| cell.axes.endpoint()).collect();
    let scrapes = used.into_iter().filter_map(|name| scenario.endpoint(name)?.scrape.as_ref());
    let own: BTreeSet<String> = scrapes.flat_map(|scrape| scrape.columns.keys().cloned()).collect();
    KNOWN_METRICS.iter().map(|metric| metric.name.to_owned()).chain(own).collect()
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
