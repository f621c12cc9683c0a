use super::args;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::stored::{self, Opened};
use super::terminal::Terminal;
use crate::report;

/// `infersweep show`: a stored run's comparison table, or its summary as JSON.
pub(super) fn show(args: &args::Show, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    let Opened { run, summary, damaged } = stored::open(&args.run, env, terminal)?;
    if args.json {
        terminal.result(&serde_json::to_string_pretty(&summary).map_err(Failure::failed)?);
    } else {
        let draw = if args.steady { report::steady_comparison } else { report::comparison };
        let table = draw(&run.manifest.name, &summary.cells);
        terminal.result(&table.terminal(terminal.width(), terminal.coloured()));
    }
    Ok(if damaged { Exit::Failed } else { Exit::Done })
}
