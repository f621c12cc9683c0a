use std::collections::BTreeSet;
use std::sync::Arc;

use super::body::render_body;
use super::dataset::Rows;
use super::prompts::{Prompts, render_once};
use crate::diagnostic::{Code, Fault, Faults};
use crate::plan::{Cell, Plan};
use crate::scenario::{Mode, Scenario};
use crate::units::ImageSize;

/// All that a scenario's requests are made from, read before anything is sent.
#[derive(Debug, Clone)]
pub struct Material {
    /// The templates.
    pub prompts: Arc<Prompts>,
    /// The dataset, where a mode of the matrix takes its rows.
    pub rows: Option<Arc<Rows>>,
}

impl Material {
    /// Reads it; all that is wrong with templates and rows at once.
    pub fn read(scenario: &Scenario) -> Result<Self, Faults> {
        let replayed = scenario.takes_rows(Mode::Chat) && scenario.matrix.modes().any(|mode| mode == Mode::Chat);
        let prompts = Prompts::load(&scenario.prompt);
        let rows = scenario.dataset_in_use().map(|dataset| Rows::open(dataset, replayed)).transpose();
        match (prompts, rows) {
            (Ok(prompts), Ok(rows)) => Ok(Self { prompts: Arc::new(prompts), rows: rows.map(Arc::new) }),
            (prompts, rows) => {
                let mut faults = prompts.err().unwrap_or_default();
                faults.extend(rows.err().unwrap_or_default());
                Err(faults)
            }
        }
    }

    /// Renders every template for all that it may see; all that is wrong at once.
    pub fn render_once(&self, scenario: &Scenario, cells: &[Cell]) -> Faults {
        let made: Vec<Cell> = cells.iter().filter(|cell| !scenario.takes_rows(cell.axes.mode())).cloned().collect();
        let mut faults = render_once(&self.prompts, &made);
        if let Some(rows) = &self.rows {
            faults.extend(rows.render_once(cells));
        }
        for cell in cells {
            let options = scenario.request_options(cell.axes.endpoint(), cell.axes.model());
            if let Err(fault) = render_body(&options.body, &cell.axes)
                && !faults.iter().any(|known| *known == fault)
            {
                faults.push(fault);
            }
        }
        faults.extend(self.pictures_refused(scenario, cells));
        faults
    }

    /// A fault for each endpoint that carries text only and is to be sent pictures.
    fn pictures_refused(&self, scenario: &Scenario, cells: &[Cell]) -> Faults {
        let rows_have_some = self.rows.as_ref().is_some_and(|rows| rows.pictures().is_some());
        let has_some = |cell: &&Cell| {
            cell.axes.image_size() != ImageSize::Na || (rows_have_some && scenario.takes_rows(cell.axes.mode()))
        };
        let sent_some: BTreeSet<&str> = cells.iter().filter(has_some).map(|cell| cell.axes.endpoint()).collect();
        let mut faults = Faults::default();
        for endpoint in scenario.endpoints.iter().filter(|endpoint| sent_some.contains(endpoint.name.as_str())) {
            if endpoint.is_text_only() {
                let message = format!("endpoint `{}` carries text only, and cells of it have pictures", endpoint.name);
                faults.push(Fault::error(Code::Conflict, message).help(
                    "exclude them by image_size or take rows without image_path; of SambaStudio, use its chat/completions address",
                ));
            }
        }
        faults
    }

    /// The same plan with the number of rows where it hangs on it.
    #[must_use]
    pub fn complete(&self, plan: Plan, scenario: &Scenario) -> Plan {
        match &self.rows {
            Some(rows) => plan.with_rows(rows.count(), rows.mean_tokens(), &scenario.load),
            None => plan,
        }
    }
}
