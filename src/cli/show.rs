use super::args;
use super::exit::{Exit, Failure};
use super::terminal::Terminal;
use crate::metrics::Summary;
use crate::report;
use crate::store::{Manifest, RunDir, RunState};

/// `infersweep show`: a stored run's comparison table, or its summary as JSON.
pub(super) fn show(args: &args::Show, terminal: &Terminal) -> Result<Exit, Failure> {
    let dir = RunDir::open(&args.run).map_err(Failure::usage)?;
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
    terminal.note(&format!("{} · started {} · {}", manifest.name, manifest.start, dir.path().display()));
    match manifest.state {
        RunState::Complete => {}
        RunState::Running => {
            terminal.warning("this run goes on, or was killed: what follows is what it has saved so far");
        }
        RunState::Interrupted => {
            terminal.warning("this run was interrupted: what follows is what was complete by then");
        }
    }
    let tables = match (args.steady, args.server) {
        (_, true) => report::server_tables(&manifest.name, &summary.cells),
        (true, false) => vec![report::steady_comparison(&manifest.name, &summary.cells)],
        (false, false) => vec![report::comparison(&manifest.name, &summary.cells)],
    };
    let (width, coloured) = (terminal.width(), terminal.coloured());
    let drawn: Vec<String> = tables.iter().map(|table| table.terminal(width, coloured)).collect();
    if drawn.is_empty() {
        terminal.warning("no answer of this run tells of the server's own work");
    } else {
        terminal.result(&drawn.join("\n\n"));
    }
    Ok(Exit::Done)
}
