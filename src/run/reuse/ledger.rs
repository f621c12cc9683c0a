use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::judge::Judge;
use super::outlook::{CellOutlook, Outlook};
use crate::plan::{Cell, Plan};
use crate::scenario::Scenario;
use crate::store::{EarlierRun, EarlierRuns, PlanFile, ServerIdentity, StoreError, UnitId, earlier_runs};

/// The servers as they are now, by endpoint.
pub type Servers = BTreeMap<String, ServerIdentity>;

/// The earlier runs of a scenario, to take repeats over from.
#[derive(Debug)]
pub struct Reuse {
    max_age: Option<Duration>,
    /// Newest first.
    pub(super) runs: Vec<KnownRun>,
    /// Where each digest is found: run and cell, newest run first.
    by_digest: HashMap<String, Vec<(usize, usize)>>,
    /// Where each cell is found, by id, in the newest run that has it.
    by_id: HashMap<String, (usize, usize)>,
    /// Runs that cannot be read, and why.
    unreadable: Vec<(PathBuf, StoreError)>,
}

/// An earlier run and what it planned.
#[derive(Debug)]
pub(super) struct KnownRun {
    pub(super) run: EarlierRun,
    pub(super) plan: PlanFile,
    /// The names of the files in `requests/`, read when first asked for.
    rows: OnceCell<HashSet<String>>,
}

impl KnownRun {
    /// Whether the rows of a unit are there.
    pub(super) fn has_rows(&self, unit: &UnitId) -> bool {
        let names = self.rows.get_or_init(|| {
            let entries = fs::read_dir(self.run.dir.requests_dir()).into_iter().flatten().flatten();
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
        });
        names.contains(&format!("{unit}.parquet"))
    }
}

impl Reuse {
    /// Reads manifests and plans of the runs of a scenario under `out`; no rows.
    ///
    /// `max_age` is how old a repeat may be.
    ///
    /// # Errors
    /// When the directory cannot be read. A run that cannot is only [listed](Self::unreadable).
    pub fn read(out: &Path, name: &str, max_age: Option<Duration>) -> Result<Self, StoreError> {
        let EarlierRuns { runs: earlier, mut unreadable } = earlier_runs(out, name)?;
        let mut runs = Vec::new();
        for run in earlier {
            match PlanFile::read(&run.dir) {
                Ok(plan) => runs.push(KnownRun { run, plan, rows: OnceCell::new() }),
                Err(error) => unreadable.push((run.dir.path().to_owned(), error)),
            }
        }
        let (mut by_digest, mut by_id) = (HashMap::<String, Vec<_>>::new(), HashMap::new());
        for (at, known) in runs.iter().enumerate() {
            for (place, cell) in known.plan.cells.iter().enumerate() {
                by_digest.entry(cell.digest.0.clone()).or_default().push((at, place));
                by_id.entry(cell.cell_id.to_string()).or_insert((at, place));
            }
        }
        Ok(Self { max_age, runs, by_digest, by_id, unreadable })
    }

    /// Runs that were passed over since they cannot be read, and why.
    #[must_use]
    pub fn unreadable(&self) -> &[(PathBuf, StoreError)] {
        &self.unreadable
    }

    /// What becomes of every unit of a plan, cell by cell.
    ///
    /// `servers` are those that would be measured now; without them, as in a plan that sends nothing, only what files
    /// say is compared.
    #[must_use]
    pub fn look_up(
        &self,
        scenario: &Scenario,
        plan: &Plan,
        servers: Option<&Servers>,
        now_unix_ns: i64,
    ) -> Vec<CellOutlook> {
        let judge = Judge::new(self, scenario, plan, servers, self.max_age, now_unix_ns);
        plan.cells.iter().map(|cell| judge.outlook(cell)).collect()
    }

    /// What becomes of one repeat of a cell that no plan has yet.
    #[must_use]
    pub(in crate::run) fn look_up_repeat(
        &self,
        scenario: &Scenario,
        cell: &Cell,
        repeat: u32,
        servers: &Servers,
        now_unix_ns: i64,
    ) -> Outlook {
        let plan = Plan { cells: vec![cell.clone()], ..Plan::default() };
        Judge::new(self, scenario, &plan, Some(servers), self.max_age, now_unix_ns).outlook_of(cell, repeat)
    }

    /// The cells that have a digest, newest run first.
    pub(super) fn with_digest(&self, digest: &str) -> &[(usize, usize)] {
        self.by_digest.get(digest).map_or(&[], Vec::as_slice)
    }

    /// The cell of an id in the newest run that has it.
    pub(super) fn with_id(&self, id: &str) -> Option<(usize, usize)> {
        self.by_id.get(id).copied()
    }
}
