use std::path::{Path, PathBuf};

use super::args::Choice;
use super::check;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::read::{self, NoCells, Purpose};
use super::terminal::Terminal;
use crate::plan::{ContentHashes, Plan};
use crate::run::hash_contents;
use crate::scenario::{Glance, Scenario, Skipped, Suite};
use crate::text::plural;
use crate::workload::Material;

/// A scenario with all that its run takes, before anything is sent.
#[derive(Debug)]
pub(super) struct Prepared {
    /// Its file, as it was named.
    pub(super) path: PathBuf,
    pub(super) scenario: Scenario,
    pub(super) material: Material,
    /// The hashes of the files that its digests cover.
    pub(super) contents: ContentHashes,
    pub(super) plan: Plan,
}

/// What a command line's paths come to.
#[derive(Debug)]
pub(super) struct Chosen {
    /// A directory was named, or more than one file.
    pub(super) is_suite: bool,
    /// What a campaign of them is called.
    pub(super) name: String,
    pub(super) scenarios: Vec<Glance>,
    /// The files of all scenarios, those without the tag too.
    pub(super) found: Vec<PathBuf>,
    /// The directories that were named.
    pub(super) directories: Vec<PathBuf>,
}

/// The scenarios that are asked for by path and tag; says what it passes over.
pub(super) fn choose(paths: &[PathBuf], choice: &Choice, terminal: &Terminal) -> Result<Chosen, Failure> {
    let Suite { mut scenarios, mut skipped } = Suite::find(paths).map_err(Failure::usage)?;
    let wanted = |glance: &Glance| choice.tag.is_empty() || glance.tags.iter().any(|tag| choice.tag.contains(tag));
    let found = scenarios.iter().map(|glance| glance.path.clone()).collect();
    let directories = paths.iter().filter(|path| path.is_dir()).cloned().collect();
    let untagged = scenarios.iter().filter(|glance| !wanted(glance)).count();
    scenarios.retain(wanted);
    skipped.sort_by(|one, other| one.path.cmp(&other.path));
    for Skipped { path, why } in &skipped {
        terminal.note(&format!("skipped {}: {why}", path.display()));
    }
    if untagged > 0 {
        let scenarios = plural(untagged, "scenario", "scenarios");
        terminal.note(&format!("left out {scenarios} without the tag {}", choice.tag.join(" or ")));
    }
    if scenarios.is_empty() {
        let failure = Failure::usage("no scenario to look at");
        return Err(if untagged > 0 {
            failure.help("no scenario has the tag: look at `tags` in the files")
        } else {
            failure.help("a scenario is a .toml file with [endpoints] and [matrix]")
        });
    }
    let is_suite = paths.len() > 1 || paths.iter().any(|path| path.is_dir());
    Ok(Chosen { is_suite, name: campaign_name(paths), scenarios, found, directories })
}

/// A directory's own name, or `campaign` for several paths.
fn campaign_name(paths: &[PathBuf]) -> String {
    let [one] = paths else { return "campaign".to_owned() };
    let whole = one.canonicalize().unwrap_or_else(|_| one.clone());
    let name = whole.file_name().map(|name| crate::text::slug(&name.to_string_lossy())).unwrap_or_default();
    if name.is_empty() { "campaign".to_owned() } else { name }
}

/// Reads scenarios with all that they are made from. The faults of all of them are shown before it fails; one of
/// several that has no cell under `--only` is passed over and said.
pub(super) fn prepare_all(
    chosen: &Chosen,
    choice: &Choice,
    purpose: Purpose,
    env: &Env,
    terminal: &Terminal,
) -> Result<Vec<Prepared>, Failure> {
    let (mut ready, mut faulty, mut without) = (Vec::new(), 0, None);
    for Glance { path, .. } in &chosen.scenarios {
        match prepare(path, choice, purpose, env, terminal) {
            Ok(prepared) => ready.push(prepared),
            Err(Unready::Faulty(failure) | Unready::NoCells(failure)) if !chosen.is_suite => return Err(failure),
            Err(Unready::Faulty(failure)) => {
                terminal.error(&of_file(path, &failure));
                faulty += 1;
            }
            Err(Unready::NoCells(failure)) => {
                terminal.note(&format!("skipped {}: {}", path.display(), failure.message));
                without = Some(failure);
            }
        }
    }
    if faulty > 0 {
        let of = plural(chosen.scenarios.len(), "scenario", "scenarios");
        return Err(Failure::usage(format!("{faulty} of {of} cannot be carried out; nothing was sent")));
    }
    if let (true, Some(failure)) = (ready.is_empty(), without) {
        let message = format!("no scenario has a cell for --only {}", choice.only.join(" --only "));
        return Err(Failure { message, exit: Exit::Usage, help: failure.help });
    }
    refuse_equal_names(&ready)?;
    Ok(ready)
}

/// The same failure, saying whose it is.
pub(super) fn of_file(path: &Path, failure: &Failure) -> Failure {
    Failure { message: format!("{}: {}", path.display(), failure.message), ..failure.clone() }
}

/// Two scenarios of one name would write to one place, and be one in every table.
fn refuse_equal_names(ready: &[Prepared]) -> Result<(), Failure> {
    for (at, one) in ready.iter().enumerate() {
        if let Some(other) = ready[..at].iter().find(|other| other.scenario.name == one.scenario.name) {
            return Err(equal_names(&one.scenario.name, &other.path, &one.path));
        }
    }
    Ok(())
}

/// Two files of one name.
pub(super) fn equal_names(name: &str, one: &Path, other: &Path) -> Failure {
    let (one, other) = (one.display(), other.display());
    Failure::usage(format!("two scenarios are called `{name}`: {one} and {other}"))
        .help("give each a `name` of its own; one that comes from a file they extend is the same for both")
}

/// Why a scenario is not ready.
#[derive(Debug)]
enum Unready {
    /// Something is wrong with it; its faults are shown.
    Faulty(Failure),
    /// No cell of it is asked for.
    NoCells(Failure),
}

fn prepare(
    path: &Path,
    choice: &Choice,
    purpose: Purpose,
    env: &Env,
    terminal: &Terminal,
) -> Result<Prepared, Unready> {
    let scenario = read::scenario(path, choice, purpose, env, terminal).map_err(Unready::Faulty)?;
    of_scenario(path, scenario, choice, purpose, terminal)
}

/// The same for one file.
pub(super) fn prepare_one(
    path: &Path,
    choice: &Choice,
    purpose: Purpose,
    env: &Env,
    terminal: &Terminal,
) -> Result<Prepared, Failure> {
    prepare(path, choice, purpose, env, terminal).map_err(Failure::from)
}

impl From<Unready> for Failure {
    fn from(unready: Unready) -> Self {
        match unready {
            Unready::Faulty(failure) | Unready::NoCells(failure) => failure,
        }
    }
}

/// What the run of a scenario that is no file takes.
pub(super) fn prepare_text(scenario: Scenario, choice: &Choice, terminal: &Terminal) -> Result<Prepared, Failure> {
    of_scenario(Path::new("quick.toml"), scenario, choice, Purpose::Run, terminal).map_err(Failure::from)
}

fn of_scenario(
    path: &Path,
    scenario: Scenario,
    choice: &Choice,
    purpose: Purpose,
    terminal: &Terminal,
) -> Result<Prepared, Unready> {
    let material = check::material(&scenario, terminal).map_err(Unready::Faulty)?;
    let contents = hash_contents(&scenario, &material).map_err(|error| Unready::Faulty(Failure::usage(error)))?;
    let plan = read::cells(&scenario, &contents, &material, choice, terminal).map_err(|lack| match lack {
        NoCells::Wrong(failure) => Unready::Faulty(failure),
        NoCells::None(failure) => Unready::NoCells(failure),
    })?;
    if purpose == Purpose::Run {
        check::render_all(&scenario, &material, &plan, terminal).map_err(Unready::Faulty)?;
    }
    Ok(Prepared { path: path.to_owned(), scenario, material, contents, plan })
}
