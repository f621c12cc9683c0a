use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use rand::seq::IndexedRandom;
use serde::Deserialize;

use super::template::Template;
use crate::diagnostic::{Code, Fault, Faults, SourceFile};
use crate::plan::Cell;
use crate::scenario::{Axes, AxisName, Prompt};
use crate::seed::Seed;

/// A prompt file, compiled.
#[derive(Debug)]
pub struct Prompts {
    templates: Vec<Template>,
}

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
    /// Reads and compiles a scenario's prompt file; all that is wrong with it at once.
    pub fn load(prompt: &Prompt) -> Result<Self, Faults> {
        let Some(path) = &prompt.file else {
            return Ok(Self { templates: vec![Template::new("built_in", BUILT_IN, None)?] });
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| Fault::error(Code::File, format!("cannot read {}: {error}", path.display())))?;
        Self::parse(path, &text, prompt.multiple)
    }

    /// Compiles a prompt file's text.
    pub(super) fn parse(path: &Path, text: &str, multiple: bool) -> Result<Self, Faults> {
        let source = SourceFile::new(path, text);
        let file: PromptFile = serde_yaml::from_str(text).map_err(|error| yaml_fault(&error, &source))?;
        let entries = if multiple { &file.multiple_prompts } else { &file.default_prompt };
        let (mut templates, mut faults) = (Vec::new(), Faults::default());
        // Every template is compiled, so that a fault shows before it is drawn.
        for (at, entry) in file.default_prompt.iter().chain(&file.multiple_prompts).enumerate() {
            match Template::new(&entry.name, &entry.template, Some(&source)) {
                Ok(template) if (at >= file.default_prompt.len()) == multiple => templates.push(template),
                Ok(_) => {}
                Err(fault) => faults.push(fault),
            }
        }
        if entries.is_empty() {
            let key = if multiple { "multiple_prompts" } else { "default_prompt" };
            let fault = Fault::error(Code::MissingKey, format!("{} has no prompt under `{key}`", path.display()));
            faults.push(fault.at(&source, 0..0).help(format!("as {key}: [{{name: essay, template: \"...\"}}]")));
        }
        if faults.has_errors() { Err(faults) } else { Ok(Self { templates }) }
    }

    /// The template of one request, drawn from `seed`; `None` only of no prompts at all, which no reading gives.
    pub(super) fn pick(&self, seed: Seed) -> Option<&Template> {
        self.templates.choose(&mut seed.rng())
    }
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
pub fn render_once(prompts: &Prompts, cells: &[Cell]) -> Faults {
    let mut faults = Faults::default();
    for template in &prompts.templates {
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
pub(super) fn workload_axes(axes: &Axes) -> String {
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
