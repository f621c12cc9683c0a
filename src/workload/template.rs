use std::ops::Range;
use std::sync::Arc;

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};
use rand::RngExt;

use super::words::common;
use crate::diagnostic::{Code, Fault, SourceFile};
use crate::scenario::{Axes, AxisValue};
use crate::seed::Seed;
use crate::text::{nearest, one_of};

/// A prompt template, compiled, and where it stands in its file.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) name: String,
    text: String,
    source: Option<Arc<SourceFile>>,
    environment: Environment<'static>,
}

/// The name that the template has within its own environment.
const INNER: &str = "prompt";

impl Template {
    /// Compiles a template.
    pub(super) fn new(name: &str, text: &str, source: Option<&Arc<SourceFile>>) -> Result<Self, Fault> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let mut template = Self {
            name: name.to_owned(),
            text: text.to_owned(),
            source: source.cloned(),
            environment: Environment::new(),
        };
        if let Err(error) = environment.add_template_owned(INNER, text.to_owned()) {
            return Err(template.fault(&error, &[]));
        }
        template.environment = environment;
        Ok(template)
    }

    /// The text for a request: every axis by its word, `index`, and `choice()` and `words()` drawn from `seed`.
    pub(super) fn render(&self, axes: &Axes, index: u64, seed: Seed) -> Result<String, Fault> {
        let mut environment = self.environment.clone();
        add_functions(&mut environment, seed);
        let mut variables: Vec<(String, Value)> =
            axes.iter().map(|(axis, value)| (axis.as_str().to_owned(), value_of(value))).collect();
        variables.push(("index".to_owned(), Value::from(index)));
        let names: Vec<String> = variables.iter().map(|(name, _)| name.clone()).collect();
        environment
            .get_template(INNER)
            .and_then(|template| template.render(Value::from_pairs(variables)))
            .map_err(|error| self.fault(&error, &names))
    }

    fn fault(&self, error: &Error, names: &[String]) -> Fault {
        let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        let range = error.range().unwrap_or(0..0);
        let unknown = (error.kind() == ErrorKind::UndefinedError).then(|| self.text.get(range.clone())).flatten();
        let message = match unknown {
            Some(name) => format!("template `{}`: `{name}` is not defined", self.name),
            None => format!("template `{}`: {}{detail}", self.name, error.kind()),
        };
        let mut fault = Fault::error(Code::Template, message);
        if let Some(source) = &self.source {
            fault = fault.at(source, self.span_in(source, &range));
        }
        if let Some(name) = unknown {
            fault = match nearest(name, names.iter().map(String::as_str)) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault
                    .help(format!("there is {}; axes of [matrix] vars too", one_of(names.iter().map(String::as_str)))),
            };
        }
        fault
    }

    /// Where a range of the template stands in its file: YAML may have indented the template's lines.
    fn span_in(&self, source: &SourceFile, range: &Range<usize>) -> Range<usize> {
        let before = &self.text[..self.text.floor_char_boundary(range.start.min(self.text.len()))];
        let (line, column) = (before.matches('\n').count(), before.rsplit('\n').next().map_or(0, str::len));
        let line_of = |at: usize| self.text.lines().nth(at).map(str::trim_end).filter(|text| !text.trim().is_empty());
        let entry = source.text.find(&format!("name: {}", self.name)).unwrap_or(0);
        let start = line_of(line)
            .and_then(|text| source.text[entry..].find(text))
            .or_else(|| line_of(0).and_then(|text| source.text[entry..].find(text)))
            .map_or(entry, |found| entry + found + column);
        let end = (start + range.len().max(1)).min(source.text.len());
        source.text.floor_char_boundary(start.min(end))..source.text.floor_char_boundary(end)
    }
}

/// An axis's value as a template sees it: numbers as numbers.
fn value_of(value: &AxisValue) -> Value {
    match value.to_json() {
        serde_json::Value::Bool(truth) => truth.into(),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(real)) => real.into(),
            (None, None) => number.to_string().into(),
        },
        serde_json::Value::String(text) => text.into(),
        other => other.to_string().into(),
    }
}

/// Functions that draw: the same for the same request, whoever renders it.
fn add_functions(environment: &mut Environment<'static>, seed: Seed) {
    let drawn = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let next = move || seed.index(drawn.fetch_add(1, std::sync::atomic::Ordering::Relaxed)).rng();
    let next_choice = next.clone();
    environment.add_function("choice", move |list: Vec<Value>| -> Result<Value, Error> {
        if list.is_empty() {
            return Err(Error::new(ErrorKind::InvalidOperation, "choice() of an empty list"));
        }
        Ok(list[next_choice().random_range(0..list.len())].clone())
    });
    environment.add_function("words", move |count: usize| {
        let (known, mut rng) = (common(), next());
        (0..count).map(|_| known[rng.random_range(0..known.len())]).collect::<Vec<_>>().join(" ")
    });
}
