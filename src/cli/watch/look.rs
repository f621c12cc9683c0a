use std::path::{Path, PathBuf};

use crate::cli::args::Choice;
use crate::cli::check;
use crate::cli::env::Env;
use crate::cli::exit::Failure;
use crate::cli::read::{self, NoCells, Purpose};
use crate::cli::terminal::Terminal;
use crate::plan::{Cell, CellDigest, Plan};
use crate::run::hash_contents;
use crate::scenario::{ReadOptions, Scenario, Unset};
use crate::workload::Material;

/// A scenario that can be carried out.
pub(super) struct Ready {
    pub(super) scenario: Scenario,
    pub(super) material: Material,
    pub(super) plan: Plan,
}

/// What reading a scenario came to.
pub(super) struct Look {
    /// Every file that was read or looked for.
    pub(super) files: Vec<PathBuf>,
    /// Faults are shown already.
    pub(super) outcome: Result<Ready, NoCells>,
}

impl Look {
    /// Reads a scenario and all that it names; shows what is wrong.
    pub(super) fn at(path: &Path, choice: &Choice, env: &Env, terminal: &Terminal) -> Self {
        let options = ReadOptions {
            variables: &env.variables,
            unset: Unset::Refuse,
            set: &choice.set,
            profile: choice.profile.as_deref(),
        };
        let mut reading = crate::scenario::read(path, &options);
        let mut files = std::mem::take(&mut reading.files);
        let outcome = read::accept(reading, Purpose::Run, terminal)
            .map_err(NoCells::Wrong)
            .and_then(|scenario| Ready::of(scenario, choice, &mut files, terminal));
        Self { files, outcome }
    }
}

impl Ready {
    fn of(scenario: Scenario, choice: &Choice, files: &mut Vec<PathBuf>, terminal: &Terminal) -> Result<Self, NoCells> {
        let material = check::material(&scenario, terminal).map_err(NoCells::Wrong)?;
        files.extend(material.rows.iter().flat_map(|rows| rows.picture_files()).map(Path::to_owned));
        let contents = hash_contents(&scenario, &material).map_err(|error| NoCells::Wrong(Failure::usage(error)))?;
        let plan = read::cells(&scenario, &contents, &material, choice, terminal)?;
        check::render_all(&scenario, &material, &plan, terminal).map_err(NoCells::Wrong)?;
        Ok(Self { scenario, material, plan })
    }

    /// The digest of a cell of which it has this repeat.
    pub(super) fn digest_of(&self, cell_id: &str, repeat: u32) -> Option<&CellDigest> {
        let is_it = |cell: &&Cell| cell.id.as_str() == cell_id;
        let mut searched = self.plan.searches.iter().flat_map(|search| &search.ladder);
        let cell = self.plan.cells.iter().filter(|_| repeat < self.scenario.load.repeats).find(is_it);
        cell.or_else(|| searched.find(is_it)).map(|cell| &cell.digest)
    }

    /// Whether a run of it and of `other` would come to the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let cells = |ready: &Self| ready.plan.cells.iter().map(|cell| &cell.digest).cloned().collect::<Vec<_>>();
        self.scenario.frozen == other.scenario.frozen && cells(self) == cells(other)
    }
}
