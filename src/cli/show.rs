use super::args;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::remote;
use super::stored::{self, Opened};
use super::terminal::Terminal;
use crate::metrics::CellSummary;
use crate::report;

/// `infersweep show`: a stored run's comparison table, or its summary as JSON.
pub(super) fn show(args: &args::Show, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    let Opened { run, summary, damaged } = match remote::address_of(&args.run)? {
        Some(address) => stored::open_remote(&address, env, terminal)?,
        None => stored::open(&args.run, env, terminal)?,
    };
    if args.json {
        terminal.result(&serde_json::to_string_pretty(&summary).map_err(Failure::failed)?);
    } else {
        draw(args, &run.manifest.name, &summary.cells, terminal);
    }
    Ok(if damaged { Exit::Failed } else { Exit::Done })
}

/// The tables that were asked for.
fn draw(args: &args::Show, name: &str, cells: &[CellSummary], terminal: &Terminal) {
    let tables = match (args.steady, args.server) {
        (_, true) => report::server_tables(name, cells),
        (true, false) => vec![report::steady_comparison(name, cells)],
        (false, false) => vec![report::comparison(name, cells)],
    };
    let (width, coloured) = (terminal.width(), terminal.coloured());
    let drawn: Vec<String> = tables.iter().map(|table| table.terminal(width, coloured)).collect();
    if drawn.is_empty() {
        terminal.warning("no answer of this run tells of the server's own work");
    } else {
        terminal.result(&drawn.join("\n\n"));
    }
}
