use std::collections::BTreeMap;

use super::Plan;
use super::expand::any_of;
use crate::scenario::{Axes, AxisName, AxisValue, parse_axis_value};
use crate::text::{nearest, one_of};
use crate::units::UnitError;

/// Why a filter cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The text is not `KEY=VALUE`.
    #[error("`{0}` is not a filter; write an axis and its values, as concurrency=1,4")]
    Form(String),
    /// No cell has such an axis.
    #[error("no cell has an axis `{axis}`{}; the axes are {known}", nearest.as_ref().map(|word| format!(" (did you mean `{word}`?)")).unwrap_or_default())]
    UnknownAxis {
        /// What was written.
        axis: String,
        /// The nearest axis.
        nearest: Option<String>,
        /// All of them.
        known: String,
    },
    /// The value is none of the axis.
    #[error("{axis}: {error}")]
    Value {
        /// The axis.
        axis: String,
        /// What is wrong with the value.
        error: UnitError,
    },
    /// No cell has the value.
    #[error("no cell has {axis} = {value}; there is {present}")]
    NoSuchValue {
        /// The axis.
        axis: String,
        /// What was asked for.
        value: String,
        /// The values that cells have.
        present: String,
    },
}

/// Which cells are wanted: for every axis named, any of its values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter(BTreeMap<String, Vec<String>>);

impl Filter {
    /// Reads `KEY=VALUE[,VALUE]` texts; the same key again adds values.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, FilterError> {
        let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for text in texts {
            let (key, values) = text.split_once('=').ok_or_else(|| FilterError::Form(text.to_owned()))?;
            let values = split_values(values);
            if key.trim().is_empty() || values.is_empty() {
                return Err(FilterError::Form(text.to_owned()));
            }
            wanted.entry(key.trim().to_owned()).or_default().extend(values);
        }
        Ok(Self(wanted))
    }

    /// Whether it names no axis.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same plan with only the wanted cells.
    pub fn apply(&self, mut plan: Plan) -> Result<Plan, FilterError> {
        let mut wanted = BTreeMap::new();
        for (key, texts) in &self.0 {
            let axis = AxisName::from_word(key);
            let present: Vec<&AxisValue> = every_axes(&plan).filter_map(|axes| axes.get(&axis)).collect();
            if present.is_empty() {
                return Err(unknown_axis(key, &plan));
            }
            let mut values = Vec::new();
            for text in texts {
                let value = if matches!(axis, AxisName::Var(_)) {
                    // A variable's text may look like a number: what a cell shows decides.
                    present.iter().find(|value| value.to_string() == *text).map(|value| (*value).clone())
                } else {
                    let value = parse_axis_value(&axis, text)
                        .map_err(|error| FilterError::Value { axis: key.clone(), error })?;
                    present.contains(&&value).then_some(value)
                };
                values.push(value.ok_or_else(|| no_such_value(key, text, &present))?);
            }
            wanted.insert(axis, values);
        }
        plan.cells.retain(|cell| any_of(&wanted, &cell.axes));
        plan.searches.retain(|search| any_of(&wanted, &search.axes));
        Ok(plan)
    }
}

/// The axes of cells, and of searches without the load that these look for.
fn every_axes(plan: &Plan) -> impl Iterator<Item = &Axes> {
    plan.cells.iter().map(|cell| &cell.axes).chain(plan.searches.iter().map(|search| &search.axes))
}

fn unknown_axis(key: &str, plan: &Plan) -> FilterError {
    let mut known: Vec<&str> = Vec::new();
    for (axis, _) in every_axes(plan).flatten() {
        if !known.contains(&axis.as_str()) {
            known.push(axis.as_str());
        }
    }
    let nearest = nearest(key, known.iter().copied()).map(str::to_owned);
    FilterError::UnknownAxis { axis: key.to_owned(), nearest, known: one_of(known) }
}

fn no_such_value(key: &str, text: &str, present: &[&AxisValue]) -> FilterError {
    let mut values: Vec<String> = Vec::new();
    for value in present {
        let shown = value.to_string();
        if !values.contains(&shown) {
            values.push(shown);
        }
    }
    let present = one_of(values.iter().map(String::as_str));
    FilterError::NoSuchValue { axis: key.to_owned(), value: text.to_owned(), present }
}

/// Splits at commas outside brackets and quotes; quotes round a value go.
fn split_values(text: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut values) = (0_i32, false, vec![String::new()]);
    for character in text.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if depth == 0 && !quoted => values.push(String::new()),
            _ => {
                depth += i32::from(character == '(') - i32::from(character == ')');
                if let Some(value) = values.last_mut() {
                    value.push(character);
                }
            }
        }
    }
    values.into_iter().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_outside_brackets_and_quotes() {
        for (text, expected) in [
            ("1,4", &["1", "4"][..]),
            ("normal(1000,200),500", &["normal(1000,200)", "500"]),
            ("\"a,b\", c", &["a,b", "c"]),
            ("", &[]),
        ] {
            assert_eq!(split_values(text), expected, "{text}");
        }
    }
}
