use std::sync::Arc;

use super::kit_row::{Job, warning};
use super::kit_table::Table;
use super::scenario_text::{Destination, scenario_text};
use crate::diagnostic::{Code, Fault, Faults, SourceFile};
use crate::text::slug;

/// A scenario made of another tool's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The scenario, TOML.
    pub text: String,
    /// Its cells.
    pub cells: usize,
    /// What was left out, and why.
    pub warnings: Faults,
}

/// A bundle file of SambaNova's benchmarking kit as a scenario: a cell for each row, with its own number of requests.
///
/// All faults of the file at once, each with its place.
pub fn kit_csv(source: &Arc<SourceFile>, destination: &Destination) -> Result<Converted, Faults> {
    let mut faults = Faults::default();
    let table = Table::read(source, &mut faults);
    let mut jobs: Vec<(usize, Job)> = Vec::new();
    if !faults.has_errors() {
        for row in table.rows() {
            let Some(job) = Job::read(row, &mut faults) else { continue };
            match jobs.iter().find(|(_, known)| known.is_like(&job)) {
                Some((line, known)) => {
                    let what =
                        format!("the same cell as line {line}; it is measured once, with {} requests", known.requests);
                    faults.push(warning(row.fault("model_name", Code::NoEffect, what)));
                }
                None => jobs.push((row.line(), job)),
            }
        }
        if jobs.is_empty() && !faults.has_errors() {
            faults.push(Fault::error(Code::MissingKey, "the file has no row to measure").at(source, 0..0));
        }
    }
    let faults = faults.sorted();
    if faults.has_errors() {
        return Err(faults);
    }
    let jobs: Vec<Job> = jobs.into_iter().map(|(_, job)| job).collect();
    let stem = source.path.file_stem().map(|stem| slug(&stem.to_string_lossy())).unwrap_or_default();
    let name = if stem.is_empty() { "bundle" } else { &stem };
    let origin =
        source.path.file_name().map(|name| name.to_string_lossy().replace(['\n', '\r'], " ")).unwrap_or_default();
    Ok(Converted { text: scenario_text(name, &origin, destination, &jobs), cells: jobs.len(), warnings: faults })
}
