use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::{Fault, Severity};

/// How to lay faults out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without escape codes, for files, pipes and tests.
    Plain,
    /// With colour, for a terminal.
    Coloured,
}

/// Lays `faults` out as rustc does: severity, message, place, caret, help; a blank line between two.
#[must_use]
pub fn render<'f>(faults: impl IntoIterator<Item = &'f Fault>, style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    };
    let blocks: Vec<String> = faults.into_iter().map(|fault| render_one(fault, &renderer)).collect();
    blocks.join("\n\n")
}

fn render_one(fault: &Fault, renderer: &Renderer) -> String {
    let level = match fault.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let path = fault.place.as_ref().map(|(source, _)| source.path.display().to_string());
    let mut group = level.primary_title(fault.message.as_str()).id(fault.code.as_str()).elements(
        fault.place.iter().map(|(source, span)| {
            let end = span.end.min(source.text.len());
            let mut caret = AnnotationKind::Primary.span(span.start.min(end)..end);
            if let Some(label) = &fault.label {
                caret = caret.label(label.as_str());
            }
            Snippet::source(source.text.as_ref()).line_start(source.first_line).path(path.as_deref()).annotation(caret)
        }),
    );
    for line in &fault.help {
        group = group.element(Level::HELP.message(line.as_str()));
    }
    renderer.render(&[group])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Code, SourceFile};

    #[test]
    fn a_fault_shows_the_place_the_caret_and_the_help() {
        let source = SourceFile::new("s.toml", "name = \"a\"\nmodle = 3\n");
        let fault =
            Fault::error(Code::UnknownKey, "unknown key `modle`").at(&source, 11..16).help("did you mean `models`?");
        let shown = render([&fault], Style::Plain);
        assert_eq!(
            shown,
            "error[unknown-key]: unknown key `modle`\n --> s.toml:2:1\n  |\n2 | modle = 3\n  | ^^^^^\n  |\n  = help: did you mean `models`?"
        );
    }
}
