use std::path::Path;

use super::args::Choice;
use super::env::Env;
use super::exit::Failure;
use super::terminal::Terminal;
use crate::diagnostic::{Code, Fault, Severity};
use crate::plan::{ContentHashes, Filter, FilterError, Plan, expand};
use crate::scenario::{ReadOptions, Reading, Scenario, Unset, read};
use crate::workload::Material;

/// How strictly a scenario is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To carry it out: every variable must be set, every capability built.
    Run,
    /// To validate it: every capability must be built, secrets may be missing.
    Check,
    /// To look at its cells: secrets and capabilities may be missing.
    Plan,
}

/// Reads a scenario and shows what is wrong with it. An error's faults are shown already.
pub(super) fn scenario(
    path: &Path,
    choice: &Choice,
    purpose: Purpose,
    env: &Env,
    terminal: &Terminal,
) -> Result<Scenario, Failure> {
    let unset = if purpose == Purpose::Run { Unset::Refuse } else { Unset::Keep };
    let options =
        ReadOptions { variables: &env.variables, unset, set: &choice.set, profile: choice.profile.as_deref() };
    accept(read(path, &options), purpose, terminal)
}

/// The scenario of a reading, unless its faults forbid the purpose; shows them.
pub(super) fn accept(reading: Reading, purpose: Purpose, terminal: &Terminal) -> Result<Scenario, Failure> {
    let faults: Vec<Fault> = reading.faults.into_iter().map(|fault| soften(fault, purpose)).collect();
    terminal.faults(&faults);
    let errors = faults.iter().filter(|fault| fault.severity == Severity::Error).count();
    match reading.scenario {
        Some(scenario) if errors == 0 => Ok(scenario),
        _ => Err(Failure::usage(crate::text::plural(errors, "error", "errors") + " in the scenario; nothing was sent")),
    }
}

/// A plan may be looked at before all that it needs is built.
fn soften(mut fault: Fault, purpose: Purpose) -> Fault {
    if purpose == Purpose::Plan && fault.code == Code::NotSupportedYet {
        fault.severity = Severity::Warning;
    }
    fault
}

/// Why there are no cells to look at.
#[derive(Debug)]
pub(super) enum NoCells {
    /// A filter is not one.
    Wrong(Failure),
    /// None is asked for.
    None(Failure),
}

impl From<NoCells> for Failure {
    fn from(lack: NoCells) -> Self {
        match lack {
            NoCells::Wrong(failure) | NoCells::None(failure) => failure,
        }
    }
}

/// The cells that the command line asks for.
pub(super) fn cells(
    scenario: &Scenario,
    contents: &ContentHashes,
    material: &Material,
    choice: &Choice,
    terminal: &Terminal,
) -> Result<Plan, NoCells> {
    let filter =
        Filter::parse(choice.only.iter().map(String::as_str)).map_err(|error| NoCells::Wrong(Failure::usage(error)))?;
    let plan = material.complete(expand(scenario, contents), scenario);
    for warning in &plan.warnings {
        terminal.warning(warning);
    }
    let plan = filter.apply(plan).map_err(|error| match error {
        FilterError::UnknownAxis { .. } | FilterError::NoSuchValue { .. } => NoCells::None(Failure::usage(error)),
        FilterError::Form(_) | FilterError::Value { .. } => NoCells::Wrong(Failure::usage(error)),
    })?;
    if plan.is_empty() {
        return Err(NoCells::None(
            Failure::usage("the scenario comes to no cell; nothing to do")
                .help("look at [matrix], its excludes and --only"),
        ));
    }
    Ok(plan)
}
