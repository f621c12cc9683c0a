use std::path::{Path, PathBuf};

use super::hide::{hide, plain_keys, refuse_plain_keys};
use super::language::{SCENARIO, validate};
use super::layers::{apply_profile, apply_settings, read_file, with_base};
use super::resolve::{Surroundings, resolve};
use super::tree::Node;
use super::variables::{Unset, Variables, expand};
use super::{Scenario, bare_vars};
use crate::diagnostic::{Code, Fault, Faults, SourceFile};
use crate::text::{Secrets, slug};

/// How a scenario is read.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions<'a> {
    /// The environment.
    pub variables: &'a Variables,
    /// What an unset variable means.
    pub unset: Unset,
    /// `KEY=VALUE` texts that go over the file.
    pub set: &'a [String],
    /// The profile that goes over the file.
    pub profile: Option<&'a str>,
}

/// What reading came to: a scenario unless something is wrong, and all that is wrong or worth a look.
#[derive(Debug)]
pub struct Reading {
    /// The scenario; present unless an error other than [`Code::NotSupportedYet`] was found.
    pub scenario: Option<Scenario>,
    /// In the order of their places.
    pub faults: Faults,
    /// Every file that was read or looked for, also those that are not there.
    pub files: Vec<PathBuf>,
}

/// Reads a scenario file, with all that it extends.
pub fn read(path: &Path, options: &ReadOptions<'_>) -> Reading {
    let (mut faults, mut files) = (Faults::default(), Vec::new());
    let tree = read_file(path, &mut files, &mut faults);
    finish(tree, files, path, options, faults)
}

/// Reads a scenario from a text; `path` is what faults call it and where its paths start from.
pub fn read_text(path: &Path, text: &str, options: &ReadOptions<'_>) -> Reading {
    let (mut faults, mut files) = (Faults::default(), Vec::new());
    let tree = with_base(&SourceFile::new(path, text), &mut files, &mut faults);
    finish(Some(tree), files, path, options, faults)
}

fn finish(
    tree: Option<Node>,
    files: Vec<PathBuf>,
    path: &Path,
    options: &ReadOptions<'_>,
    mut faults: Faults,
) -> Reading {
    // With a syntax error a tree has holes; what they would be blamed for is noise.
    let mut keys = tree.as_ref().map(plain_keys).unwrap_or_default();
    let mut secrets = Secrets::default();
    let Some(mut tree) = tree.filter(|_| !faults.has_errors()) else {
        return Reading { scenario: None, faults: hide(faults, &keys, &secrets).sorted(), files };
    };
    apply_profile(&mut tree, options.profile, &mut faults);
    apply_settings(&mut tree, options.set, &mut faults);
    keys.extend(plain_keys(&tree));
    refuse_plain_keys(&tree, &mut faults);
    expand(&mut tree, options.variables, options.unset, &mut secrets, &mut faults);
    bare_vars::gather(&mut tree);
    validate(&tree, &SCENARIO, &mut faults);
    let stem = path.file_stem().map(|stem| slug(&stem.to_string_lossy())).filter(|stem| !stem.is_empty());
    let known_secrets = secrets.clone();
    let surroundings = Surroundings {
        variables: options.variables,
        unset: options.unset,
        default_name: stem.unwrap_or_else(|| "scenario".to_owned()),
        files,
        secrets,
    };
    let scenario = resolve(&tree, surroundings, &mut faults);
    let fatal =
        |fault: &Fault| fault.severity == crate::diagnostic::Severity::Error && fault.code != Code::NotSupportedYet;
    let files = scenario.named_files();
    let sound = !faults.iter().any(fatal);
    Reading { scenario: sound.then_some(scenario), faults: hide(faults, &keys, &known_secrets).sorted(), files }
}
