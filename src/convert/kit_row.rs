use std::str::FromStr;

use super::kit_table::RowView;
use crate::diagnostic::{Code, Fault, Faults, Severity};
use crate::units::{ArrivalDistribution, ImageSize, Qps, UnitError};

/// What a row of a bundle file asks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Job {
    pub(super) model: String,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) requests: u64,
    pub(super) image: ImageSize,
    pub(super) load: JobLoad,
}

/// Which of the kit's two modes, and how hard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum JobLoad {
    /// Synthetic: so many at once.
    Concurrency(u64),
    /// Real workload: by a schedule.
    Rate(Qps, ArrivalDistribution),
}

impl Job {
    /// Reads a row as the kit does; `None` for one that is faulty or that the kit passes over.
    pub(super) fn read(row: RowView<'_>, faults: &mut Faults) -> Option<Self> {
        let model = row.get("model_name").map(str::to_owned);
        if model.is_none() {
            faults.push(row.fault("model_name", Code::MissingKey, "a row without `model_name`"));
        }
        let [input, output, requests] =
            ["input_tokens", "output_tokens", "num_requests"].map(|column| required(row, column, faults));
        let load = load(row, faults);
        let image = parsed(row, "multimodal_img_size", ImageSize::Na, faults);
        Some(Self {
            model: model?,
            input_tokens: input?,
            output_tokens: output?,
            requests: requests?,
            image: image?,
            load: load?,
        })
    }

    /// Whether both are measured under the same values.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        *self == Self { requests: self.requests, ..other.clone() }
    }
}

fn load(row: RowView<'_>, faults: &mut Faults) -> Option<JobLoad> {
    let concurrency = row.get("concurrent_requests").map(|value| count(row, "concurrent_requests", value, faults));
    let qps = parsed(row, "qps", Qps::Infinite, faults)?;
    let distribution = parsed(row, "qps_distribution", ArrivalDistribution::Constant, faults)?;
    match (concurrency, row.get("qps")) {
        (Some(concurrency), Some(_)) => {
            let fault = row.fault("qps", Code::Conflict, "`concurrent_requests` is given too and goes before `qps`");
            faults.push(warning(fault.help("as in the kit; empty one of the two to say which is meant")));
            concurrency.map(JobLoad::Concurrency)
        }
        (Some(concurrency), None) => concurrency.map(JobLoad::Concurrency),
        (None, Some(_)) => Some(JobLoad::Rate(qps, distribution)),
        (None, None) => {
            let fault = row.fault(
                "qps",
                Code::NoEffect,
                "neither `concurrent_requests` nor `qps`: the row is left out, as the kit does",
            );
            faults.push(warning(fault));
            None
        }
    }
}

pub(super) fn warning(fault: Fault) -> Fault {
    Fault { severity: Severity::Warning, ..fault }
}

fn required(row: RowView<'_>, column: &str, faults: &mut Faults) -> Option<u64> {
    match row.get(column) {
        Some(value) => count(row, column, value, faults),
        None => {
            faults.push(row.fault(column, Code::MissingKey, format!("a row without `{column}`")));
            None
        }
    }
}

/// A whole number above 0; spreadsheets write it as 4.0 where some rows have none.
fn count(row: RowView<'_>, column: &str, value: &str, faults: &mut Faults) -> Option<u64> {
    let whole = value.strip_suffix(".0").unwrap_or(value);
    let number = whole.parse().ok().filter(|number| *number > 0);
    if number.is_none() {
        let fault = row.fault(column, Code::BadValue, format!("`{value}` is no number of `{column}`"));
        faults.push(fault.help("write a whole number above 0"));
    }
    number
}

/// The value of a column, or what an empty one means; `None` where it is faulty.
fn parsed<T: FromStr<Err = UnitError>>(row: RowView<'_>, column: &str, empty: T, faults: &mut Faults) -> Option<T> {
    let Some(value) = row.get(column) else { return Some(empty) };
    let parsed = value.to_lowercase().parse::<T>();
    parsed
        .map_err(|UnitError { wrong, expected }| {
            let fault = row.fault(column, Code::BadValue, format!("`{column}`: {wrong}"));
            faults.push(fault.help(format!("write {expected}")));
        })
        .ok()
}
