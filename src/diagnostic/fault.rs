use std::ops::Range;
use std::sync::Arc;

use super::SourceFile;

/// How bad a fault is: an error stops the command, a warning does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth a look; the command goes on.
    Warning,
    /// The command cannot go on.
    Error,
}

/// The kinds of fault, for filters and for the reference; shown in brackets after the severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// The file is not TOML, YAML or JSON at all.
    Syntax,
    /// A key that no table of this kind has.
    UnknownKey,
    /// A key that must be there is not.
    MissingKey,
    /// A value of another type than the key takes.
    WrongType,
    /// A value of the right type that the key does not take.
    BadValue,
    /// A name that nothing in the file declares.
    UnknownName,
    /// Keys or values that contradict one another.
    Conflict,
    /// Valid, but this version cannot do it yet.
    NotSupportedYet,
    /// A file that cannot be read.
    File,
    /// A template that does not compile or render.
    Template,
    /// An environment variable that is not set.
    Environment,
    /// Something that has no effect.
    NoEffect,
}

impl Code {
    /// The code as it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::UnknownKey => "unknown-key",
            Self::MissingKey => "missing-key",
            Self::WrongType => "wrong-type",
            Self::BadValue => "bad-value",
            Self::UnknownName => "unknown-name",
            Self::Conflict => "conflict",
            Self::NotSupportedYet => "not-supported-yet",
            Self::File => "file",
            Self::Template => "template",
            Self::Environment => "environment",
            Self::NoEffect => "no-effect",
        }
    }
}

/// One thing that is wrong, with the place and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its kind.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, in one line without a full stop: "unknown key `modle`".
    pub message: String,
    /// The file and the byte range the caret goes under; `None` when no file is at fault.
    pub place: Option<(Arc<SourceFile>, Range<usize>)>,
    /// A few words beside the caret.
    pub label: Option<String>,
    /// What to write instead; a line each.
    pub help: Vec<String>,
}

impl Fault {
    /// An error without a place yet.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), place: None, label: None, help: Vec::new() }
    }

    /// A warning without a place yet.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// The same, pointing at `span` of `source`.
    #[must_use]
    pub fn at(mut self, source: &Arc<SourceFile>, span: Range<usize>) -> Self {
        self.place = Some((Arc::clone(source), span));
        self
    }

    /// The same, with words beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The same, with one more line of help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

/// All the faults of one reading, in the order of their places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault.
    pub fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Adds all of `others`.
    pub fn extend(&mut self, others: impl IntoIterator<Item = Fault>) {
        self.0.extend(others);
    }

    /// Whether any of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|fault| fault.severity == Severity::Error)
    }

    /// Whether there is none at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The faults, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }

    /// Sorts by file and place; a fault without a place comes first.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.0.sort_by_key(|fault| fault.place.as_ref().map(|(source, span)| (source.path.clone(), span.start)));
        self
    }
}

impl IntoIterator for Faults {
    type Item = Fault;
    type IntoIter = std::vec::IntoIter<Fault>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
