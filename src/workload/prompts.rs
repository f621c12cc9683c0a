use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use rand::seq::IndexedRandom;
use serde::Deserialize;

use super::template::{Sources, Template};
use crate::diagnostic::{Code, Fault, Faults, SourceFile};
use crate::plan::Cell;
use crate::scenario::{Axes, AxisName, Prompt};
use crate::seed::Seed;

/// A prompt file, compiled.
#[derive(Debug)]
pub struct Prompts {
    templates: Vec<Template>,
    system: Option<Template>,
}

/// What a fault calls the template of the system message.
const SYSTEM: &str = "system";

/// What is sent when a scenario names no prompt file.
const BUILT_IN: &str = include_str!("built_in.txt");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PromptFile {
    default_prompt: Vec<Entry>,
    #[serde(default)]
    multiple_prompts: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    template: String,
}

impl Prompts {
    /// Reads and compiles a scenario's prompt file and system template; all that is wrong with them at once.
    pub fn load(prompt: &Prompt) -> Result<Self, Faults> {
        let mut included = BTreeMap::new();
        for one in &prompt.included {
            included.insert(one.name.clone(), source_of(&one.path)?);
        }
        let included = Arc::new(included);
        let templates = match &prompt.file {
            None => Ok(vec![Template::new("built_in", BUILT_IN, None, &included)?]),
            Some(path) => parse(&source_of(path)?, prompt.multiple, &included),
        };
        let system = prompt.system.as_deref().map(|path| {
            let source = source_of(path)?;
            Template::new(SYSTEM, source.text.trim_end(), Some(&source), &included)
        });
        match (templates, system.transpose()) {
            (Ok(templates), Ok(system)) => Ok(Self { templates, system }),
            (Ok(_), Err(fault)) => Err(fault.into()),
            (Err(faults), Ok(_)) => Err(faults),
            (Err(mut faults), Err(fault)) => {
                faults.push(fault);
                Err(faults)
            }
        }
    }

    /// The template of one request, drawn from `seed`; `None` only of no prompts at all, which no reading gives.
    pub(super) fn pick(&self, seed: Seed) -> Option<&Template> {
        self.templates.choose(&mut seed.rng())
    }

    /// The system message of one request, where the scenario has one.
    pub fn system(&self, axes: &Axes, index: u64, seed: Seed) -> Result<Option<String>, Fault> {
        self.system.as_ref().map(|system| system.render(axes, index, seed)).transpose()
    }
}

fn source_of(path: &Path) -> Result<Arc<SourceFile>, Fault> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(SourceFile::new(path, text)),
        Err(error) => Err(Fault::error(Code::File, format!("cannot read {}: {error}", path.display()))),
    }
}

/// Compiles the templates of a prompt file that are in use.
fn parse(source: &Arc<SourceFile>, multiple: bool, included: &Sources) -> Result<Vec<Template>, Faults> {
    let file: PromptFile = serde_yaml::from_str(&source.text).map_err(|error| yaml_fault(&error, source))?;
    let entries = if multiple { &file.multiple_prompts } else { &file.default_prompt };
    let (mut templates, mut faults) = (Vec::new(), Faults::default());
    // Every template is compiled, so that a fault shows before it is drawn.
    for (at, entry) in file.default_prompt.iter().chain(&file.multiple_prompts).enumerate() {
        match Template::new(&entry.name, &entry.template, Some(source), included) {
            Ok(template) if (at >= file.default_prompt.len()) == multiple => templates.push(template),
            Ok(_) => {}
            Err(fault) => faults.push(fault),
        }
    }
    if entries.is_empty() {
        let key = if multiple { "multiple_prompts" } else { "default_prompt" };
        let fault = Fault::error(Code::MissingKey, format!("{} has no prompt under `{key}`", source.path.display()));
        faults.push(fault.at(source, 0..0).help(format!("as {key}: [{{name: essay, template: \"...\"}}]")));
    }
    if faults.has_errors() { Err(faults) } else { Ok(templates) }
}

/// The prompts of a file's text that includes nothing.
#[cfg(test)]
pub(super) fn from_text(path: &Path, text: &str, multiple: bool) -> Result<Prompts, Faults> {
    let templates = parse(&SourceFile::new(path, text), multiple, &Sources::default())?;
    Ok(Prompts { templates, system: None })
}

fn yaml_fault(error: &serde_yaml::Error, source: &Arc<SourceFile>) -> Fault {
    let message = error.to_string();
    // The place stands in the caret, not in the words.
    let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
    let at = error.location().map_or(0, |location| location.index().min(source.text.len()));
    let start = source.text.floor_char_boundary(at);
    let end = source.text[start..].find('\n').map_or(source.text.len(), |length| start + length);
    Fault::error(Code::Syntax, message)
        .at(source, start..end)
        .help("a prompt file holds default_prompt and multiple_prompts, each a list of {name, template}")
}

/// Renders every prompt once for each set of values of the axes it names; all that is wrong at once.
#[must_use]
pub(super) fn render_once(prompts: &Prompts, cells: &[Cell]) -> Faults {
    let mut faults = Faults::default();
    for template in prompts.templates.iter().chain(&prompts.system) {
        let mut seen = BTreeSet::new();
        for cell in cells {
            if seen.insert(template.seen(&cell.axes))
                && let Err(fault) = template.render(&cell.axes, 0, Seed::root(0))
                && !faults.iter().any(|known| *known == fault)
            {
                faults.push(fault);
            }
        }
    }
    faults
}

/// The axes that content may hang on: not the model, nor where and how hard it is loaded.
pub fn workload_axes(axes: &Axes) -> String {
    lines_of(axes, |axis| {
        matches!(
            axis,
            AxisName::Mode | AxisName::InputTokens | AxisName::OutputTokens | AxisName::ImageSize | AxisName::Var(_)
        )
    })
}

/// The axes that are `wanted`, each as `name=value` on a line.
pub(super) fn lines_of(axes: &Axes, wanted: impl Fn(&AxisName) -> bool) -> String {
    let mut text = String::new();
    for (axis, value) in axes.iter().filter(|(axis, _)| wanted(axis)) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{axis}={value}");
    }
    text
}
