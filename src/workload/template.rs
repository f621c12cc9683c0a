use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};
use rand::RngExt;

use super::prompts::lines_of;
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
    included: Sources,
    /// Whether it calls a function that draws.
    draws: bool,
    /// Whether it may render otherwise for every request of a cell.
    pub(super) varies: bool,
}

/// The functions that draw.
const DRAWING: [&str; 2] = ["choice", "words"];

/// Templates that others may include, extend or import, by name.
pub(super) type Sources = Arc<BTreeMap<String, Arc<SourceFile>>>;

/// The name that the template has within its own environment.
const INNER: &str = "prompt";

impl Template {
    /// Compiles a template, which may name those of `included`.
    pub(super) fn new(
        name: &str,
        text: &str,
        source: Option<&Arc<SourceFile>>,
        included: &Sources,
    ) -> Result<Self, Fault> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let mut template = Self {
            name: name.to_owned(),
            text: text.to_owned(),
            source: source.cloned(),
            environment: Environment::new(),
            included: Arc::clone(included),
            draws: false,
            varies: false,
        };
        let own = std::iter::once((INNER, text));
        let others = included.iter().map(|(name, source)| (name.as_str(), source.text.as_ref()));
        for (name, text) in own.chain(others) {
            if let Err(error) = environment.add_template_owned(name.to_owned(), text.to_owned()) {
                return Err(template.fault(&error, &[]));
            }
        }
        template.environment = environment;
        let names = template.names();
        template.draws = DRAWING.iter().any(|function| names.contains(*function));
        template.varies = template.draws || names.contains("index");
        Ok(template)
    }

    /// The text for a request: every axis by its word, `index`, and `choice()` and `words()` drawn from `seed`.
    pub(super) fn render(&self, axes: &Axes, index: u64, seed: Seed) -> Result<String, Fault> {
        self.render_row(axes, &serde_json::Map::new(), index, seed)
    }

    /// The same, with the keys of a dataset's row, which go over axes of their names.
    pub(super) fn render_row(
        &self,
        axes: &Axes,
        row: &serde_json::Map<String, serde_json::Value>,
        index: u64,
        seed: Seed,
    ) -> Result<String, Fault> {
        let mut environment = Cow::Borrowed(&self.environment);
        if self.draws {
            // Macros that are imported see the environment's functions, and no variables.
            add_functions(environment.to_mut(), seed);
        }
        let mut variables: Vec<(String, Value)> =
            axes.iter().map(|(axis, value)| (axis.as_str().to_owned(), value_of(value))).collect();
        variables.push(("index".to_owned(), Value::from(index)));
        variables.extend(row.iter().map(|(key, value)| (key.clone(), Value::from(Serde(value)))));
        let names = || {
            let of_cell = axes.iter().map(|(axis, _)| axis.as_str()).chain(["index"]);
            of_cell.chain(row.keys().map(String::as_str)).map(str::to_owned).collect::<Vec<_>>()
        };
        environment
            .get_template(INNER)
            .and_then(|template| template.render(Value::from_pairs(variables)))
            .map_err(|error| self.fault(&error, &names()))
    }

    fn fault(&self, error: &Error, names: &[String]) -> Fault {
        let error = innermost(error);
        let included = error.name().filter(|name| *name != INNER).and_then(|name| self.included.get_key_value(name));
        let (name, text) = included.map_or((&self.name, self.text.as_str()), |(name, source)| (name, &source.text));
        let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
        let range = error.range().unwrap_or(0..0);
        let unknown = (error.kind() == ErrorKind::UndefinedError).then(|| text.get(range.clone())).flatten();
        let message = match unknown {
            Some(unknown) => format!("template `{name}`: `{unknown}` is not defined"),
            None => format!("template `{name}`: {}{detail}", error.kind()),
        };
        let mut fault = Fault::error(Code::Template, message);
        if let Some((_, source)) = included {
            fault = fault.at(source, clamp(&source.text, range.start, range.len().max(1)));
        } else if let Some(source) = &self.source {
            fault = fault.at(source, self.span_in(source, &range));
        }
        if let Some(name) = unknown {
            fault = match nearest(name, names.iter().map(String::as_str)) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault
                    .help(format!("there is {}; axes of [matrix] vars too", one_of(names.iter().map(String::as_str)))),
            };
        }
        if error.kind() == ErrorKind::TemplateNotFound {
            fault = fault.help("a template names others in quotes, by their path below the prompt file's directory");
        }
        if error.kind() == ErrorKind::UnknownFunction {
            fault = fault.help("the functions that draw are choice([...]) and words(n)");
        }
        fault
    }

    /// The names that the template takes from outside, functions among them.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.environment.templates().flat_map(|(_, template)| template.undeclared_variables(false)).collect()
    }

    /// The values of the axes that the template names, as one text: axes alike in it render alike.
    pub(super) fn seen(&self, axes: &Axes) -> String {
        let names = self.names();
        lines_of(axes, |axis| names.contains(axis.as_str()))
    }

    /// Where a range of the template stands in its file, in which YAML has indented, quoted or folded it.
    ///
    /// A block keeps the template's lines: its first line is sought and the others counted from there. Failing that,
    /// the first occurrence of the range's own text within the entry; failing that, the line of the name.
    fn span_in(&self, source: &SourceFile, range: &Range<usize>) -> Range<usize> {
        let text = &source.text;
        let entry = self.entry_in(text);
        let start_in = self.text.floor_char_boundary(range.start.min(self.text.len()));
        let before = &self.text[..start_in];
        let (line, column) = (before.matches('\n').count(), before.rsplit('\n').next().map_or(0, str::len));
        let length = range.len().max(1);
        if let Some(found) = self.line_in(text, &entry, line) {
            return clamp(text, found + column, length);
        }
        let own = self.text.get(range.clone()).filter(|own| !own.trim().is_empty());
        if let Some(found) = own.and_then(|own| text[entry.clone()].find(own)) {
            return clamp(text, entry.start + found, length);
        }
        let name = text[entry.start..].find('\n').unwrap_or(text.len() - entry.start);
        clamp(text, entry.start, name)
    }

    /// The part of the file that is this entry: from its name to the next entry's.
    fn entry_in(&self, text: &str) -> Range<usize> {
        let mut names = lines_with_offsets(text).filter_map(|(at, line)| {
            let name = line.trim_start().trim_start_matches("- ").trim_start().strip_prefix("name:")?;
            Some((at + line.len() - line.trim_start().len(), name.trim().trim_matches(['"', '\''])))
        });
        let start = names.find(|(_, name)| *name == self.name).map_or(0, |(at, _)| at);
        start..names.next().map_or(text.len(), |(at, _)| at)
    }

    /// Where the template's line of that number (from 0) begins in the file, if a block holds it.
    fn line_in(&self, text: &str, entry: &Range<usize>, line: usize) -> Option<usize> {
        let ours = self.text.lines().nth(line)?;
        let first = self.text.lines().position(|line| !line.trim().is_empty())?;
        let opening = self.text.lines().nth(first)?.trim();
        let block: Vec<(usize, &str)> = lines_with_offsets(text).filter(|(at, _)| entry.contains(at)).collect();
        let begins = block.iter().position(|(_, theirs)| {
            let theirs = theirs.trim();
            theirs == opening || theirs.strip_prefix("template:").is_some_and(|value| value.trim() == opening)
        })?;
        let (at, theirs) = block.get((begins + line).checked_sub(first)?)?;
        Some(at + theirs.find(ours.trim_end())?)
    }
}

/// The error at the bottom of those that only say where it was included.
fn innermost(error: &Error) -> &Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    let mut inner = error;
    while let Some(next) = cause {
        inner = next.downcast_ref().unwrap_or(inner);
        cause = next.source();
    }
    inner
}

/// Each line with the byte it begins at.
fn lines_with_offsets(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |at, line| {
        let begins = *at;
        *at += line.len();
        Some((begins, line.trim_end()))
    })
}

/// A range that `text` has, on boundaries of characters.
fn clamp(text: &str, start: usize, length: usize) -> Range<usize> {
    let start = text.floor_char_boundary(start.min(text.len()));
    start..text.ceil_char_boundary((start + length).min(text.len()))
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
