use std::collections::BTreeMap;

use super::matching::CellPair;
use super::side::{Side, SideCell};
use crate::metrics::Verdict as ClientVerdict;
use crate::plan::DigestParts;

/// Something that speaks against a comparison, or that its reader must know.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Objection {
    /// What it is.
    pub says: String,
    /// What to do about it.
    pub remedy: String,
    /// Ids of the cells that it is about; none when it is about both sides as a whole.
    pub cells: Vec<String>,
}

/// What is said of one pair of cells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Finding {
    /// They cannot be compared: why, and what to do.
    Refused(String, &'static str),
    /// They can, but not without knowing this.
    Noted(String),
}

use Finding::{Noted, Refused};

/// What a part of a digest is to a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The work: another one makes figures that do not compare.
    Work(&'static str),
    /// How it is measured: worth a word.
    Manner,
    /// The server: what comparisons are for.
    Subject,
}

/// By the beginning of a part's name; the first that fits.
const ROLES: [(&str, Role); 8] = [
    ("seed", Role::Work("another seed: other prompts and arrivals")),
    ("prompt.", Role::Work("other prompts")),
    ("dataset.", Role::Work("another dataset")),
    ("chat.", Role::Work("other conversations")),
    ("matrix.", Role::Work("another file of sizes")),
    ("request.", Role::Work("other request options")),
    ("load.", Role::Manner),
    ("output.", Role::Manner),
];

const SAME_WORK: &str = "measure both with the same scenario (--set and `infersweep lock` keep it so), or add --force";

fn role_of(part: &str) -> Role {
    if part.starts_with("models.") && part.ends_with(".tokenizer") {
        return Role::Work("another tokenizer");
    }
    ROLES.iter().find(|(start, _)| part.starts_with(start)).map_or(Role::Subject, |(_, role)| *role)
}

/// What speaks against holding two cells against each other; `asked` are the axes that tell the sides apart.
pub(super) fn findings(pair: &CellPair<'_>, names: [&str; 2], asked: &[String]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, cell) in names.into_iter().zip([pair.a, pair.b]) {
        found.extend(client(name, cell));
    }
    if pair.is_same_work() {
        return found;
    }
    let planned = pair.a.planned.as_ref().zip(pair.b.planned.as_ref());
    match planned.and_then(|(a, b)| a.parts.as_ref().zip(b.parts.as_ref())) {
        Some((a, b)) => found.extend(of_parts(a, b, asked)),
        None => found.push(Noted(
            "figures without a plan do not say what they were made of: that prompts and tokenizer are the same is taken on trust".to_owned(),
        )),
    }
    if let Some((a, b)) = planned.filter(|(a, b)| a.requests != b.requests) {
        let count = |requests: Option<u64>| {
            requests.map_or_else(|| "as many as the time takes".to_owned(), |count| count.to_string())
        };
        found.push(Noted(format!(
            "other numbers of requests a repeat: {} and {}",
            count(a.requests),
            count(b.requests)
        )));
    }
    found
}

fn client(name: &str, cell: &SideCell) -> Option<Finding> {
    let limited = cell.summary.client.verdict == Some(ClientVerdict::Limited);
    limited.then(|| {
        Refused(
            format!("the client limited {name}: its figures are not the server's"),
            "measure it again on a machine with more room (`infersweep show` says what was short), or add --force",
        )
    })
}

fn of_parts(a: &DigestParts, b: &DigestParts, asked: &[String]) -> Vec<Finding> {
    let (mut work, mut manner): (BTreeMap<&str, Vec<String>>, Vec<String>) = (BTreeMap::new(), Vec::new());
    let mut found = Vec::new();
    for part in changed(a, b) {
        match role_of(&part) {
            // Another model has its own tokenizer: that is known to who asks for it.
            Role::Work(_) if part.ends_with(".tokenizer") && asked.iter().any(|axis| axis == "model") => {
                found.push(Noted(
                    "another tokenizer: tokens are not the same ones, nor are times and rates by the token".to_owned(),
                ))
            }
            Role::Work(what) => work.entry(what).or_default().push(part),
            Role::Manner => manner.push(part),
            Role::Subject => {}
        }
    }
    found.extend(work.into_iter().map(|(what, parts)| Refused(format!("{what} ({})", parts.join(", ")), SAME_WORK)));
    if !manner.is_empty() {
        found.push(Noted(format!("measured otherwise: {}", manner.join(", "))));
    }
    found.sort();
    found.dedup();
    found
}

/// The names of parts that differ; labels of models and endpoints are left out of names, so that two labels compare.
fn changed(a: &DigestParts, b: &DigestParts) -> Vec<String> {
    let (a, b) = (a.without_labels(), b.without_labels());
    a.changed(&b).into_iter().map(str::to_owned).collect()
}

/// What speaks against the sides as a whole: locks that differ, unless every cell's digest says that nothing else does.
pub(super) fn of_locks(a: &Side, b: &Side, pairs: &[CellPair<'_>]) -> Option<Finding> {
    let (lock_a, lock_b) = (a.lock.as_ref()?, b.lock.as_ref()?);
    if lock_a == lock_b {
        return None;
    }
    Some(if pairs.iter().all(CellPair::is_same_work) {
        Noted("the suite's lock has changed in between, but nothing that these cells rest on".to_owned())
    } else {
        Refused(
            "another lock: the suite has changed in between".to_owned(),
            "check out the suite as it was and measure with --locked, or add --force",
        )
    })
}
