use std::path::{Path, PathBuf};

use super::args;
use super::exit::{Exit, Failure};
use super::terminal::Terminal;
use crate::diagnostic::SourceFile;
use crate::scenario::{Places, canonical};
use crate::store::write_atomic;
use crate::text::plural;

/// `infersweep fmt`: writes files in their canonical form, or says which are not.
pub(super) fn format(args: &args::Fmt, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut files: Vec<PathBuf> = Vec::new();
    for path in &args.files {
        if path.is_dir() {
            files.extend(Places::below(path).map_err(Failure::usage)?.files);
        } else {
            files.push(path.clone());
        }
    }
    let (mut changed, mut exit) = (0, Exit::Done);
    for file in &files {
        match format_one(file, args.check, terminal) {
            Ok(false) => {}
            Ok(true) => {
                changed += 1;
                let verb = if args.check { "not canonical" } else { "formatted" };
                terminal.result(&format!("{verb}: {}", file.display()));
            }
            Err(failure) => {
                terminal.error(&failure);
                exit = exit.max(failure.exit());
            }
        }
    }
    if args.check && changed > 0 {
        let of = plural(files.len(), "file", "files");
        terminal
            .error(&Failure::failed(format!("{changed} of {of} not in canonical form")).help("run it without --check"));
        exit = exit.max(Exit::Failed);
    }
    Ok(exit)
}

/// Whether a file was, or is to be, changed.
fn format_one(file: &Path, check: bool, terminal: &Terminal) -> Result<bool, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", file.display())))?;
    let canonical = canonical(&SourceFile::new(file, text.as_str())).map_err(|faults| {
        terminal.faults(&faults);
        Failure::usage(format!("{} was not touched: it is no TOML", file.display()))
    })?;
    if canonical == text {
        return Ok(false);
    }
    if !check {
        // A link stays one: its target is written.
        let target = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        write_atomic(&target, canonical.as_bytes()).map_err(Failure::failed)?;
    }
    Ok(true)
}
