use super::args;
use super::exit::{Exit, Failure};
use super::terminal::Terminal;

/// `infersweep schema`: the JSON Schema of scenario files.
pub(super) fn schema(_: &args::Schema, terminal: &Terminal) -> Result<Exit, Failure> {
    let text = serde_json::to_string_pretty(&crate::scenario::schema()).map_err(Failure::failed)?;
    terminal.result(&text);
    Ok(Exit::Done)
}
