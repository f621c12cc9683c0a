use std::collections::BTreeMap;
use std::fmt;

use super::tree::Node;
use crate::diagnostic::{Code, Fault, Faults};
use crate::text::{Secrets, nearest};

/// The environment's variables, as `cli` read them. `Debug` shows no value.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Takes a snapshot.
    pub fn new(variables: BTreeMap<String, String>) -> Self {
        Self(variables)
    }

    /// Every variable with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variables({})", self.0.len())
    }
}

/// What happens where a scenario names a variable that is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unset {
    /// An error: the scenario is to be carried out.
    Refuse,
    /// A warning; the text stays: nothing is sent.
    Keep,
}

/// Expands `${VAR}` and `${VAR:-default}` in every string of a tree; `secrets` collects what the environment gave.
pub(super) fn expand(tree: &mut Node, variables: &Variables, unset: Unset, secrets: &mut Secrets, faults: &mut Faults) {
    tree.visit_texts(&mut |place, text| {
        if !text.contains("${") {
            return;
        }
        let mut missing = Vec::new();
        *text = expand_text(text, variables, secrets, &mut missing);
        for name in missing {
            let fault = place.fault(Code::Environment, format!("the variable `{name}` is not set"));
            let fault = match nearest(&name, variables.0.keys().map(String::as_str)) {
                Some(near) => fault.help(format!("did you mean `{near}`, which is set?")),
                None => fault,
            };
            let fault = fault.help(format!("set it, or write ${{{name}:-default}}"));
            faults.push(if unset == Unset::Refuse {
                fault
            } else {
                Fault { severity: crate::diagnostic::Severity::Warning, ..fault }
            });
        }
    });
}

fn expand_text(text: &str, variables: &Variables, secrets: &mut Secrets, missing: &mut Vec<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((inside, tail)) = after.split_once('}') else {
            out.push_str("${");
            rest = after;
            continue;
        };
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        match (variables.get(name), default) {
            // As in a shell: an empty variable takes the default too.
            (Some(value), _) if !value.is_empty() || default.is_none() => {
                secrets.add(value);
                out.push_str(value);
            }
            (_, Some(default)) => out.push_str(default),
            (_, None) => {
                missing.push(name.to_owned());
                out.push_str("${");
                out.push_str(inside);
                out.push('}');
            }
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_expanded_with_defaults() {
        let variables = Variables::new([("A", "alpha"), ("E", "")].map(|(k, v)| (k.to_owned(), v.to_owned())).into());
        for (text, expected, missing) in [
            ("x", "x", 0),
            ("${A}/v1", "alpha/v1", 0),
            ("${B:-beta}", "beta", 0),
            ("${E:-empty}", "empty", 0),
            ("${B}", "${B}", 1),
            ("${A}${A} ${", "alphaalpha ${", 0),
        ] {
            let (mut secrets, mut missed) = (Secrets::default(), Vec::new());
            assert_eq!(expand_text(text, &variables, &mut secrets, &mut missed), expected);
            assert_eq!(missed.len(), missing, "{text}");
        }
    }
}
