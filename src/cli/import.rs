use std::path::PathBuf;

use super::args;
use super::exit::{Exit, Failure};
use super::terminal::Terminal;
use crate::convert::{Destination, kit_csv};
use crate::diagnostic::SourceFile;
use crate::scenario::Api;
use crate::text::plural;

/// `infersweep import`: another tool's file as a scenario.
pub(super) fn import(args: &args::Import, terminal: &Terminal) -> Result<Exit, Failure> {
    let args::ImportKind::KitCsv(args) = &args.kind;
    let out = match &args.out {
        Some(out) => out.clone(),
        None => PathBuf::from(args.file.file_name().unwrap_or_default()).with_extension("toml"),
    };
    if out.exists() {
        return Err(Failure::usage(format!("{} is there already", out.display())).help("choose another with --out"));
    }
    let text = std::fs::read_to_string(&args.file).map_err(|error| {
        let failure = Failure::usage(format!("cannot read {}: {error}", args.file.display()));
        if error.kind() == std::io::ErrorKind::InvalidData { failure.help("save the file as UTF-8") } else { failure }
    })?;
    let converted = kit_csv(&SourceFile::new(&args.file, text), &destination(args)?).map_err(|faults| {
        terminal.faults(&faults);
        Failure::usage(format!("nothing was written: {} cannot be taken over", args.file.display()))
    })?;
    terminal.faults(&converted.warnings);
    std::fs::write(&out, converted.text)
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", out.display())))?;
    terminal.result(&format!("wrote {}: {}", out.display(), plural(converted.cells, "cell", "cells")));
    terminal.note(&format!("next: infersweep plan {0}, then infersweep run {0}", out.display()));
    Ok(Exit::Done)
}

fn destination(args: &args::KitCsv) -> Result<Destination, Failure> {
    let api = match (args.api.as_deref(), &args.url) {
        (Some("simulator"), Some(_)) => {
            return Err(Failure::usage("a simulator has no --url: it is started for the run"));
        }
        (Some("simulator"), None) => Api::Simulator,
        (Some("openai_chat"), None) => {
            return Err(Failure::usage("--api openai_chat needs --url").help("as --url http://127.0.0.1:8000/v1"));
        }
        (Some("openai_chat") | None, Some(_)) => Api::OpenaiChat,
        _ => Api::Sambanova,
    };
    let default = Destination::default();
    let own = |value: Option<String>| value.filter(|_| api == Api::Sambanova);
    Ok(Destination {
        api,
        base_url: args.url.clone().or_else(|| own(default.base_url)),
        api_key_env: args.api_key_env.clone().or_else(|| own(default.api_key_env)),
    })
}
