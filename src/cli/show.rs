use super::args;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::remote;
use super::run::show_searches;
use super::stored::{self, Opened};
use super::terminal::Terminal;
use super::{campaign, turned};
use crate::metrics::CellSummary;
use crate::report;
use crate::store::{Build, Host, LockState, Manifest, Provenance, RunDir, ServerIdentity, SuiteState};
use crate::text::{plural, shorten};

/// `infersweep show`: a stored run's comparison table, its summary as JSON, or where it comes from.
pub(super) fn show(args: &args::Show, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    if let Some(shown) = campaign::show_stored(args, terminal) {
        return shown;
    }
    if args.provenance {
        let dir = RunDir::open(&args.run).map_err(Failure::usage)?;
        let manifest = Manifest::read(&dir).map_err(|error| stored::unreadable(&error))?;
        terminal.result(&provenance_lines(&manifest, &dir).join("\n"));
        return Ok(Exit::Done);
    }
    let Opened { run, summary, damaged } = match remote::address_of(&args.run)? {
        Some(address) => stored::open_remote(&address, env, terminal)?,
        None => stored::open(&args.run, env, terminal)?,
    };
    if args.json {
        terminal.result(&serde_json::to_string_pretty(&summary).map_err(Failure::failed)?);
    } else {
        draw(args, &run.manifest.name, &summary.cells, terminal)?;
        if !args.steady && !args.server {
            show_searches(&summary, terminal);
        }
    }
    Ok(if damaged { Exit::Failed } else { Exit::Done })
}

/// Where the results of a run come from, a fact a line.
fn provenance_lines(manifest: &Manifest, dir: &RunDir) -> Vec<String> {
    let Manifest { provenance, host, .. } = manifest;
    let Provenance { build, suite, lock, time_zone, utc_offset } = provenance;
    let zone = [time_zone.as_deref(), utc_offset.as_deref()];
    let mut facts: Vec<(String, Option<String>)> = vec![
        ("run".to_owned(), Some(dir.path().display().to_string())),
        ("scenario".to_owned(), Some(format!("{}, digest {}", manifest.name, shorten(&manifest.scenario_digest, 13)))),
        ("start".to_owned(), Some(manifest.start.clone())),
        ("end".to_owned(), manifest.end.clone()),
        ("time zone".to_owned(), Some(join(&zone, " ")).filter(|zone| !zone.is_empty())),
        ("command".to_owned(), manifest.command.as_ref().map(|words| words.join(" "))),
        ("tool".to_owned(), Some(tool(&manifest.tool_version, build))),
        ("suite".to_owned(), suite.as_ref().map(suite_words)),
        ("changed".to_owned(), suite.as_ref().map(|suite| suite.changed.join(", ")).filter(|text| !text.is_empty())),
        ("lock".to_owned(), lock.as_ref().map(lock_words)),
        ("host".to_owned(), Some(host_words(host)).filter(|text| !text.is_empty())),
        ("seed, nonce".to_owned(), Some(format!("{}, {}", manifest.seed, manifest.nonce))),
    ];
    for (name, server) in &manifest.servers {
        facts.push((format!("server {name}"), Some(server_words(server))));
    }
    for input in &manifest.inputs {
        facts.push(("input".to_owned(), Some(format!("{}  {}", shorten(&input.sha256, 13), input.path.display()))));
    }
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    facts.into_iter().filter_map(|(name, fact)| Some(format!("{name:<width$}  {}", fact?))).collect()
}

fn join(words: &[Option<&str>], between: &str) -> String {
    words.iter().flatten().copied().collect::<Vec<_>>().join(between)
}

/// The first digits of a commit, and whether files differ from it.
fn commit_words(commit: Option<&str>, dirty: bool) -> String {
    let commit = commit.map_or("no commit", |commit| commit.get(..12).unwrap_or(commit));
    if dirty { format!("{commit} with changes") } else { commit.to_owned() }
}

fn tool(version: &str, build: &Build) -> String {
    let commit = build.commit.as_deref().map(|commit| commit_words(Some(commit), build.dirty.unwrap_or(false)));
    let version = format!("infersweep {version}");
    join(
        &[Some(&version), commit.as_deref(), build.rustc.as_deref(), build.target.as_deref(), build.profile.as_deref()],
        ", ",
    )
}

fn suite_words(suite: &SuiteState) -> String {
    let commit = commit_words(suite.commit.as_deref(), suite.dirty);
    let branch = suite.branch.as_ref().map(|branch| format!(" on {branch}")).unwrap_or_default();
    format!("{} at {commit}{branch}", suite.file)
}

fn lock_words(lock: &LockState) -> String {
    let held = if lock.held { "held" } else { "not held: without --locked" };
    format!("{}  {} ({held})", shorten(&lock.sha256, 13), lock.path)
}

fn host_words(host: &Host) -> String {
    let cores = host.cores.map(|cores| plural(cores, "core", "cores"));
    let memory = host.memory_bytes.map(|bytes| format!("{} memory", super::runs::bytes(bytes)));
    let kernel = host.kernel.as_ref().map(|kernel| format!("kernel {kernel}"));
    let load = host.load.map(|[one, five, fifteen]| format!("load {one} {five} {fifteen}"));
    join(
        &[
            host.hostname.as_deref(),
            host.cpu.as_deref(),
            cores.as_deref(),
            memory.as_deref(),
            kernel.as_deref(),
            load.as_deref(),
        ],
        ", ",
    )
}

fn server_words(server: &ServerIdentity) -> String {
    let models = match server.models.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(plural(many.len(), "model", "models")),
    };
    join(
        &[
            Some(&server.api),
            server.base_url.as_deref(),
            server.revision.as_deref(),
            server.version.as_deref(),
            models.as_deref(),
        ],
        ", ",
    )
}

/// The tables that were asked for.
fn draw(args: &args::Show, name: &str, cells: &[CellSummary], terminal: &Terminal) -> Result<(), Failure> {
    let tables = match (args.steady, args.server) {
        (_, true) => report::server_tables(name, cells),
        (true, false) => vec![report::steady_comparison(name, cells)],
        (false, false) => {
            vec![turned::table(&args.turn, name, cells)?.unwrap_or_else(|| report::comparison(name, cells))]
        }
    };
    let (width, coloured) = (terminal.width(), terminal.coloured());
    let drawn: Vec<String> = tables.iter().map(|table| table.terminal(width, coloured)).collect();
    if drawn.is_empty() {
        terminal.warning("no answer of this run tells of the server's own work");
    } else {
        terminal.result(&drawn.join("\n\n"));
    }
    Ok(())
}
