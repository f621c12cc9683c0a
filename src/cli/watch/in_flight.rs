use std::sync::Mutex;

use crate::cli::progress::Progress;
use crate::run::{Observer, RunEvent};

/// Passes a run's events on to the progress line, and knows which repeat is measured.
pub(super) struct InFlight<'p> {
    progress: &'p Progress,
    unit: Mutex<Option<(String, u32)>>,
    warnings: Mutex<Vec<String>>,
}

impl<'p> InFlight<'p> {
    pub(super) fn new(progress: &'p Progress) -> Self {
        Self { progress, unit: Mutex::default(), warnings: Mutex::default() }
    }

    /// The cell and the repeat under way; `None` between two.
    pub(super) fn unit(&self) -> Option<(String, u32)> {
        self.unit.lock().ok()?.clone()
    }

    /// What was worth a look.
    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings.into_inner().unwrap_or_default()
    }
}

impl Observer for InFlight<'_> {
    fn tell(&self, event: RunEvent) {
        match &event {
            RunEvent::Warning(text) => {
                if let Ok(mut warnings) = self.warnings.lock() {
                    warnings.push(text.clone());
                }
            }
            RunEvent::UnitStarted { cell_id, repeat, .. } => self.set(Some((cell_id.clone(), *repeat))),
            RunEvent::UnitEnded { .. } => self.set(None),
            _ => {}
        }
        self.progress.tell(event);
    }
}

impl InFlight<'_> {
    fn set(&self, now: Option<(String, u32)>) {
        if let Ok(mut unit) = self.unit.lock() {
            *unit = now;
        }
    }
}
