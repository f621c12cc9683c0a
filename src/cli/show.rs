use super::args;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::remote;
use super::terminal::Terminal;
use crate::metrics::Summary;
use crate::report;
use crate::store::{Manifest, RunDir, RunState};

/// `infersweep show`: a stored run's comparison table, or its summary as JSON.
pub(super) fn show(args: &args::Show, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    let address = remote::address_of(&args.run)?;
    let copy = address.as_ref().map(|address| remote::download(address, env)).transpose()?;
    let dir = RunDir::open(copy.as_ref().map_or(&args.run, |copy| copy.path())).map_err(Failure::usage)?;
    let manifest = Manifest::read(&dir).map_err(Failure::failed)?;
    let path = dir.file("summary.json");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))?;
    if args.json {
        terminal.result(text.trim_end());
        return Ok(Exit::Done);
    }
    let summary: Summary = serde_json::from_str(&text)
        .map_err(|error| Failure::failed(format!("{} cannot be read: {error}", path.display())))?;
    let place = address.map_or_else(|| dir.path().display().to_string(), |address| address.to_string());
    terminal.note(&format!("{} · started {} · {}", manifest.name, manifest.start, place));
    match manifest.state {
        RunState::Complete => {}
        RunState::Running => {
            terminal.warning("this run goes on, or was killed: what follows is what it has saved so far");
        }
        RunState::Interrupted => {
            terminal.warning("this run was interrupted: what follows is what was complete by then");
        }
    }
    let draw = if args.steady { report::steady_comparison } else { report::comparison };
    terminal.result(&draw(&manifest.name, &summary.cells).terminal(terminal.width(), terminal.coloured()));
    Ok(Exit::Done)
}
