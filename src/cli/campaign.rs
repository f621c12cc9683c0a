use std::path::Path;
use std::time::Duration;

use super::args;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::prepare::{self, Prepared};
use super::remote::Destination;
use super::run::{gone, judge, show_searches, tell_where};
use super::session::{Driven, Session, Work, fresh_nonce};
use super::terminal::Terminal;
use super::{question, turned};
use crate::load::Stop;
use crate::metrics::CellSummary;
use crate::plan::Estimate;
use crate::report;
use crate::run::Conclusion;
use crate::store::{CampaignFile, CampaignRun, CampaignRunState, RunDir, RunState};
use crate::text::plural;
use crate::time::unix_ns;

/// Carries out the scenarios of a suite one after the other, and keeps all their results together.
pub(super) fn run(
    name: &str,
    ready: &[Prepared],
    args: &args::Run,
    env: &Env,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    turned::check(&args.turn, ready.iter().map(|one| (&one.scenario, &one.plan)))?;
    let destination = Destination::of(args, env)?;
    let works = ready.iter().map(|one| Work::anew(one, args, &destination.local, terminal));
    let works = works.collect::<Result<Vec<Work>, Failure>>()?;
    if !args.yes && !question::may_run(&estimate(ready, &works), env) {
        return Err(Failure::failed("not run").help("--yes goes without asking"));
    }
    let session = Session::new(args, env, terminal, destination);
    let mut campaign = Campaign::begin(name, ready, &session.destination.local)?;
    let exit = match session.drive(run_all(&mut campaign, ready, works, &session))? {
        Driven::Ended(exit, stopped) => exit.max(stopped),
        Driven::Gone(exit, dir) => gone(exit, dir.as_deref(), terminal),
    };
    campaign.finish()?;
    campaign.show(args, terminal)?;
    Ok(exit)
}

/// What all scenarios cost, with the pauses between them.
fn estimate(ready: &[Prepared], works: &[Work]) -> Estimate {
    let pauses: Duration = ready.windows(2).map(|pair| pause(&pair[0], &pair[1])).sum();
    let mut whole = Estimate { cost_usd: None, seconds: pauses.as_secs_f64(), ..Estimate::default() };
    for one in ready.iter().zip(works).map(|(prepared, work)| work.estimate(prepared)) {
        whole.seconds += one.seconds;
        // What is known of the cost is worth a question even where the rest is not.
        whole.cost_usd = match (whole.cost_usd, one.cost_usd) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0.0) + b.unwrap_or(0.0)),
        };
    }
    whole
}

/// Between two scenarios the longer of their cooldowns.
fn pause(before: &Prepared, after: &Prepared) -> Duration {
    before.scenario.load.cooldown.max(after.scenario.load.cooldown)
}

/// One scenario after the other, until a signal stops them; returns the highest exit.
async fn run_all(campaign: &mut Campaign, ready: &[Prepared], works: Vec<Work>, session: &Session<'_>) -> Exit {
    let (terminal, mut worst) = (session.terminal, Exit::Done);
    for (at, (prepared, work)) in ready.iter().zip(works).enumerate() {
        if at > 0 {
            let mut signal = session.stop.signal();
            tokio::select! {
                () = tokio::time::sleep(pause(&ready[at - 1], prepared)) => {}
                () = signal.reached(Stop::Draining) => {}
            }
        }
        if session.stop.now() > Stop::Running {
            break;
        }
        let name = &prepared.scenario.name;
        terminal.note(&format!("scenario {} of {}: {name} ({})", at + 1, ready.len(), prepared.path.display()));
        let outcome = match campaign.started(at) {
            Ok(()) => session.carry_out(prepared, work).await,
            Err(failure) => Err(failure),
        };
        match outcome {
            Ok((conclusion, stored)) => {
                worst = worst.max(stored).max(judge(&prepared.scenario, &conclusion, terminal));
                if !session.args.json {
                    show_searches(&conclusion.summary, terminal);
                }
                tell_where(&conclusion, &prepared.plan, terminal);
                worst = worst.max(told(campaign.ended(at, &conclusion), prepared, terminal));
            }
            Err(failure) => {
                let message = failure.message.clone();
                worst = worst.max(told(Err(failure), prepared, terminal));
                worst = worst.max(told(campaign.failed(at, message), prepared, terminal));
            }
        }
    }
    worst
}

/// The exit that an outcome means; a failure is shown, and the next scenario comes.
fn told(outcome: Result<(), Failure>, prepared: &Prepared, terminal: &Terminal) -> Exit {
    outcome.err().map_or(Exit::Done, |failure| {
        terminal.error(&prepare::of_file(&prepared.path, &failure));
        failure.exit()
    })
}

/// The results of a suite, as they come.
struct Campaign {
    dir: RunDir,
    file: CampaignFile,
}

impl Campaign {
    fn begin(name: &str, ready: &[Prepared], out: &Path) -> Result<Self, Failure> {
        let start = unix_ns();
        let runs = ready.iter().map(|one| CampaignRun {
            scenario: one.scenario.name.clone(),
            file: one.path.display().to_string(),
            state: CampaignRunState::Pending,
            run: None,
            error: None,
            units: one.plan.cells.len() * one.scenario.load.repeats as usize,
            complete: 0,
            cells: Vec::new(),
        });
        let file = CampaignFile::starting(name, start, runs.collect());
        let place = out.join(CampaignFile::DIRECTORY);
        let dir = RunDir::create(&place, name, start, fresh_nonce()).map_err(Failure::failed)?;
        let campaign = Self { dir, file };
        campaign.save()?;
        campaign.dir.announce().map_err(Failure::failed)?;
        Ok(campaign)
    }

    fn started(&mut self, at: usize) -> Result<(), Failure> {
        self.file.runs[at].state = CampaignRunState::Running;
        self.save()
    }

    fn ended(&mut self, at: usize, conclusion: &Conclusion) -> Result<(), Failure> {
        let run = &mut self.file.runs[at];
        let whole = conclusion.complete == conclusion.units;
        run.state = if whole { CampaignRunState::Complete } else { CampaignRunState::Interrupted };
        run.run = Some(conclusion.dir.display().to_string());
        (run.complete, run.units) = (conclusion.complete, conclusion.units);
        run.cells.clone_from(&conclusion.summary.cells);
        self.save()
    }

    fn failed(&mut self, at: usize, error: String) -> Result<(), Failure> {
        self.file.runs[at].state = CampaignRunState::Failed;
        self.file.runs[at].error = Some(error);
        self.save()
    }

    fn finish(&mut self) -> Result<(), Failure> {
        // One that a signal has cut off.
        for run in self.file.runs.iter_mut().filter(|run| run.state == CampaignRunState::Running) {
            run.state = CampaignRunState::Interrupted;
        }
        self.file.finish(unix_ns());
        self.save()
    }

    /// Both files, after every scenario.
    fn save(&self) -> Result<(), Failure> {
        self.file.write(&self.dir).map_err(Failure::failed)?;
        self.dir.write("campaign.md", markdown(&self.file).as_bytes()).map_err(Failure::failed)
    }

    fn show(&self, args: &args::Run, terminal: &Terminal) -> Result<(), Failure> {
        show(&self.file, &args.turn, args.json, terminal)?;
        terminal.note(&format!("campaign: {}", self.dir.path().display()));
        Ok(())
    }
}

/// A campaign's table, or all of it as JSON.
fn show(file: &CampaignFile, turn: &args::Turn, json: bool, terminal: &Terminal) -> Result<(), Failure> {
    if json {
        terminal.result(&serde_json::to_string_pretty(file).map_err(Failure::failed)?);
        return Ok(());
    }
    let cells = cells(file);
    if !cells.is_empty() {
        let table = match turned::table(turn, &file.name, &cells)? {
            Some(table) => table,
            None => report::comparison(&file.name, &cells),
        };
        terminal.result(&table.terminal(terminal.width(), terminal.coloured()));
    }
    for run in file.runs.iter().filter(|run| run.state != CampaignRunState::Complete) {
        terminal.warning(&match &run.error {
            Some(error) => format!("{} was not carried out: {error}", run.scenario),
            None => format!(
                "{} is {}: {} of {}",
                run.scenario,
                run.state.as_str(),
                run.complete,
                plural(run.units, "repeat", "repeats")
            ),
        });
    }
    Ok(())
}

/// `infersweep show` of a campaign's directory; `None` when it is none.
pub(super) fn show_stored(args: &args::Show, terminal: &Terminal) -> Option<Result<Exit, Failure>> {
    if !args.run.join(CampaignFile::FILE).is_file() {
        return None;
    }
    let shown = CampaignFile::read(&args.run).map_err(Failure::failed).and_then(|file| {
        terminal.note(&format!("{} · started {} · {}", file.name, file.start, args.run.display()));
        show(&file, &args.turn, args.json, terminal)
    });
    Some(shown.map(|()| Exit::Done))
}

/// The cells of all runs, told apart by their scenario.
fn cells(file: &CampaignFile) -> Vec<CellSummary> {
    report::campaign_cells(file.runs.iter().map(|run| (run.scenario.as_str(), run.cells.as_slice())))
}

/// The runs and their results for people, in Markdown; by model too where there are several.
fn markdown(file: &CampaignFile) -> String {
    let state = match file.state {
        RunState::Running => "running",
        RunState::Complete => "complete",
        RunState::Interrupted => "interrupted",
    };
    let head = format!(
        "# {}\n\nStarted {}, {state}.\n\n| scenario | file | state | repeats | run |\n| --- | --- | --- | ---: | --- |\n",
        file.name, file.start
    );
    let rows = file.runs.iter().map(|run| {
        let error = run.error.as_deref().map(|error| format!(": {}", error.replace('\n', " "))).unwrap_or_default();
        let (state, place) = (run.state.as_str().to_owned() + &error, run.run.as_deref().unwrap_or_default());
        format!("| {} | {} | {state} | {}/{} | {place} |\n", run.scenario, run.file, run.complete, run.units)
    });
    let mut parts = vec![rows.fold(head, |text, row| text + &row)];
    let cells = cells(file);
    if !cells.is_empty() {
        parts.push(report::comparison_markdown(&file.name, &cells, &[]));
    }
    if cells.windows(2).any(|pair| pair[0].axes.get("model") != pair[1].axes.get("model")) {
        let by_model = report::pivot(&file.name, &cells, "model", &report::PivotFigure::usual());
        parts.extend(by_model.map(|table| table.markdown()));
    }
    parts.join("\n")
}
