use std::path::Path;

use super::table::markdown;
use crate::cli::exit::Failure;
use crate::cli::prepare::Prepared;
use crate::cli::session::fresh_nonce;
use crate::run::Conclusion;
use crate::store::{CampaignFile, CampaignRun, CampaignRunState, RunDir};
use crate::time::unix_ns;

/// The results of a suite, as they come.
pub(super) struct Campaign {
    dir: RunDir,
    file: CampaignFile,
}

impl Campaign {
    pub(super) fn begin(name: &str, ready: &[Prepared], out: &Path) -> Result<Self, Failure> {
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
        let mut file = CampaignFile::starting(name, start, runs.collect());
        let redacted = |word: String| ready.iter().fold(word, |word, one| one.scenario.secrets.redact(&word));
        file.command = Some(std::env::args().map(redacted).collect());
        let place = out.join(CampaignFile::DIRECTORY);
        let dir = RunDir::create(&place, name, start, fresh_nonce()).map_err(Failure::failed)?;
        let campaign = Self { dir, file };
        campaign.save()?;
        campaign.dir.announce().map_err(Failure::failed)?;
        Ok(campaign)
    }

    /// One that was begun before, with what its runs came to since.
    pub(super) fn opened(dir: RunDir, file: CampaignFile) -> Self {
        Self { dir, file }
    }

    /// Notes that it goes on.
    pub(super) fn again(mut self) -> Result<Self, Failure> {
        self.file.resume(unix_ns());
        self.save()?;
        Ok(self)
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn file(&self) -> &CampaignFile {
        &self.file
    }

    pub(super) fn started(&mut self, at: usize) -> Result<(), Failure> {
        let run = &mut self.file.runs[at];
        (run.state, run.error) = (CampaignRunState::Running, None);
        self.save()
    }

    /// Notes a scenario's run directory before its first request: a process that is killed says nothing at its end.
    pub(super) fn begun(&mut self, at: usize, dir: &Path) -> Result<(), Failure> {
        self.file.runs[at].run = Some(dir.display().to_string());
        self.save()
    }

    pub(super) fn ended(&mut self, at: usize, conclusion: &Conclusion) -> Result<(), Failure> {
        let run = &mut self.file.runs[at];
        let whole = conclusion.complete == conclusion.units;
        run.state = if whole { CampaignRunState::Complete } else { CampaignRunState::Interrupted };
        run.run = Some(conclusion.dir.display().to_string());
        (run.complete, run.units) = (conclusion.complete, conclusion.units);
        run.cells.clone_from(&conclusion.summary.cells);
        self.save()
    }

    pub(super) fn failed(&mut self, at: usize, error: String) -> Result<(), Failure> {
        self.file.runs[at].state = CampaignRunState::Failed;
        self.file.runs[at].error = Some(error);
        self.save()
    }

    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.file.cut_off();
        self.file.finish(unix_ns());
        self.save()
    }

    /// Both files, after every scenario.
    fn save(&self) -> Result<(), Failure> {
        self.file.write(&self.dir).map_err(Failure::failed)?;
        self.dir.write("campaign.md", markdown(&self.file).as_bytes()).map_err(Failure::failed)
    }
}
