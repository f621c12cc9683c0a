use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::record::Campaign;
use crate::cli::env::Env;
use crate::cli::exit::Failure;
use crate::cli::prepare::{self, Prepared};
use crate::cli::session::Work;
use crate::cli::terminal::Terminal;
use crate::cli::{args, resume, stored};
use crate::store::{CampaignFile, CampaignRun, CampaignRunState, RunDir, RunState, StoreError};
use crate::text::plural;

/// Where the campaign that is taken up lies, and with what.
pub(super) struct Surroundings<'s> {
    pub(super) args: &'s args::Run,
    pub(super) env: &'s Env,
    /// The directory of all results.
    pub(super) out: &'s Path,
    pub(super) terminal: &'s Terminal,
}

/// Opens an interrupted campaign, `wanted` or the newest of its name, and says of each scenario what is left; `None` is
/// nothing. The faults of all of them are shown before it fails.
pub(super) fn take_up(
    name: &str,
    ready: &[Prepared],
    wanted: Option<&Path>,
    with: &Surroundings<'_>,
) -> Result<(Campaign, Vec<Option<Work>>), Failure> {
    let (dir, mut file) = open(name, wanted, with.out)?;
    let was_complete = file.state == RunState::Complete;
    file.runs = in_order(&dir, &file, ready)?;
    let (mut works, mut others) = (Vec::new(), 0);
    for (one, run) in ready.iter().zip(&mut file.runs) {
        match left_of(one, run, with) {
            Ok(work) => works.push(work),
            Err(failure) => {
                with.terminal.error(&prepare::of_file(&one.path, &failure));
                others += 1;
            }
        }
    }
    if others > 0 {
        let of = plural(ready.len(), "scenario", "scenarios");
        return Err(Failure::usage(format!("{others} of {of} cannot be resumed; nothing was sent")));
    }
    if was_complete && works.iter().all(Option::is_none) {
        return Err(Failure::usage(format!("{} is complete: nothing is left to measure", dir.path().display()))
            .help("without --resume it is measured anew"));
    }
    let (complete, units) = file.progress();
    let all = plural(units, "repeat", "repeats");
    with.terminal.note(&format!("resuming {}: {complete} of {all} complete", dir.path().display()));
    Ok((Campaign::opened(dir, file), works))
}

fn open(name: &str, wanted: Option<&Path>, out: &Path) -> Result<(RunDir, CampaignFile), Failure> {
    let path = match wanted {
        Some(path) => path.to_owned(),
        None => match CampaignFile::newest(out, name).map_err(Failure::usage)? {
            Some((path, _)) => path,
            None => {
                let place = out.join(CampaignFile::DIRECTORY).join(name);
                return Err(Failure::usage(format!("there is no campaign in {} to resume", place.display()))
                    .help("without --resume the suite is measured; --out DIR names another directory of results"));
            }
        },
    };
    let (dir, file) = CampaignFile::open(&path).map_err(|error| not_opened(&error))?;
    // New runs of it have to lie beside those that it has.
    let root = results(dir.path());
    if out.canonicalize().ok().as_deref() != Some(root) {
        return Err(Failure::usage(format!("{} is not among the results in {}", path.display(), out.display()))
            .help(format!("add --out {}", root.display())));
    }
    Ok((dir, file))
}

fn not_opened(error: &StoreError) -> Failure {
    let failure = Failure::usage(error);
    match error {
        StoreError::NotACampaign { .. } => {
            failure.help("several scenarios are resumed by their campaign, results/campaigns/NAME/latest")
        }
        _ => failure,
    }
}

/// The directory of all results that a campaign's own lies in.
fn results(campaign: &Path) -> &Path {
    campaign.ancestors().nth(3).unwrap_or(campaign)
}

/// A campaign's runs in the order of the scenarios; refused where they are not those of the campaign.
fn in_order(dir: &RunDir, file: &CampaignFile, ready: &[Prepared]) -> Result<Vec<CampaignRun>, Failure> {
    let mut known: BTreeMap<&str, &CampaignRun> = file.runs.iter().map(|run| (run.scenario.as_str(), run)).collect();
    let (mut runs, mut changes) = (Vec::new(), Vec::new());
    for one in ready {
        match known.remove(one.scenario.name.as_str()) {
            Some(run) => runs.push(run.clone()),
            None => changes.push(format!("`{}` is more", one.scenario.name)),
        }
    }
    changes.extend(known.keys().map(|name| format!("`{name}` is missing")));
    if changes.is_empty() {
        return Ok(runs);
    }
    let path = dir.path().display();
    let failure = Failure::usage(format!("the scenarios are not those of {path}: {}", changes.join(", ")))
        .help("without --resume they are measured anew; --reuse takes what did not change");
    Err(match &file.command {
        Some(words) => failure.help(format!("the campaign was started with: {}", words.join(" "))),
        None => failure,
    })
}

/// What is left of one scenario; `None` when it is whole, and then `run` says all of it.
fn left_of(one: &Prepared, run: &mut CampaignRun, with: &Surroundings<'_>) -> Result<Option<Work>, Failure> {
    let anew = || Work::anew(one, with.args, with.out, with.terminal).map(Some);
    let Some(dir) = run_dir(with.out, run) else { return anew() };
    if !resume::is_run(&dir) {
        with.terminal.warning(&format!("{}: {} is gone; measured anew", one.path.display(), dir.display()));
        (run.state, run.run, run.complete) = (CampaignRunState::Pending, None, 0);
        run.cells.clear();
        return anew();
    }
    let resumption = resume::open(&dir)?;
    run.complete = resumption.complete();
    if resume::is_left(&resumption, &one.scenario, &one.plan)? {
        return Ok(Some(Work::rest_of(resumption, with.args.choice.only.clone())));
    }
    drop(resumption);
    if run.state != CampaignRunState::Complete {
        // It was finished by itself since.
        run.cells = stored::open(&dir, with.env, with.terminal)?.summary.cells;
        (run.state, run.error) = (CampaignRunState::Complete, None);
    }
    Ok(None)
}

/// Where a campaign's run lies, wherever the results were moved to.
fn run_dir(out: &Path, run: &CampaignRun) -> Option<PathBuf> {
    let name = Path::new(run.run.as_ref()?).file_name()?;
    Some(out.join(&run.scenario).join(name))
}

/// Says that the last campaign of this name was interrupted; returns whether it was.
pub(super) fn tell_of_interrupted(name: &str, out: &Path, terminal: &Terminal) -> bool {
    // One that cannot be read is none to go on with.
    let Ok(Some((path, file))) = CampaignFile::newest(out, name) else { return false };
    if file.state != RunState::Interrupted {
        return false;
    }
    let (complete, units) = file.progress();
    let all = plural(units, "repeat", "repeats");
    terminal.note(&format!(
        "an earlier run of this suite was interrupted at {complete} of {all}; this to finish it:\n  {}",
        command(&file, &path)
    ));
    true
}

/// How an interrupted campaign is finished.
pub(super) fn finishing(file: &CampaignFile, dir: &Path) -> String {
    let (complete, units) = file.progress();
    let all = plural(units, "repeat", "repeats");
    format!("interrupted: {complete} of {all} complete; this to finish it:\n  {}", command(file, dir))
}

/// Refuses a campaign's directory where scenarios are named.
pub(in crate::cli) fn refuse_as_scenario(path: &Path) -> Result<(), Failure> {
    if !path.join(CampaignFile::FILE).is_file() {
        return Ok(());
    }
    let failure = Failure::usage(format!("{} is a campaign, not a suite", path.display()));
    let (dir, file) = CampaignFile::stored(path).map_err(Failure::usage)?;
    Err(failure.help(format!("this to finish it: {}", command(&file, &dir))))
}

/// The command that finishes a campaign: the words that it was started with, and `--resume`.
fn command(file: &CampaignFile, dir: &Path) -> String {
    let words = file.command.as_deref().unwrap_or_default().iter().skip(1).map(String::as_str);
    let given: Vec<&str> = if file.command.is_some() { words.collect() } else { vec!["run", "SUITE"] };
    let mut kept = vec!["infersweep".to_owned()];
    let mut given = given.into_iter().peekable();
    while let Some(word) = given.next() {
        let (name, has_value) = word.split_once('=').map_or((word, false), |(name, _)| (name, true));
        match name {
            // A value is a word of its own.
            "--resume" | "--nonce" if !has_value => {
                given.next_if(|next| !next.starts_with('-'));
            }
            "--resume" | "--nonce" | "--reuse" => {}
            _ => kept.push(quoted(word)),
        }
    }
    kept.push(format!("--resume {}", quoted(&dir.display().to_string())));
    kept.join(" ")
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_finishes_is_the_first_one_with_resume() {
        for (words, expected) in [
            ("/usr/bin/infersweep run s", "infersweep run s --resume r"),
            (
                "x run s --only=concurrency=1,2 --profile quick",
                "infersweep run s --only=concurrency=1,2 --profile quick --resume r",
            ),
            ("x run s --reuse=7d --nonce 7 --yes --nonce=8", "infersweep run s --yes --resume r"),
            ("x run s --resume", "infersweep run s --resume r"),
            ("x run s --resume old --quiet", "infersweep run s --quiet --resume r"),
            ("x run s --resume=old t", "infersweep run s t --resume r"),
            ("x run s --set load.requests={it's}", "infersweep run s --set 'load.requests={it'\\''s}' --resume r"),
        ] {
            let mut file = CampaignFile::starting("s", 0, Vec::new());
            file.command = Some(words.split(' ').map(str::to_owned).collect());
            assert_eq!(command(&file, Path::new("r")), expected);
        }
        let unknown = CampaignFile::starting("s", 0, Vec::new());
        assert_eq!(command(&unknown, Path::new("a b")), "infersweep run SUITE --resume 'a b'");
    }
}
