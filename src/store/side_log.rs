use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use serde::Serialize;

use super::StoreError;
use super::atomic::create_parent;
use super::line_writer::LineWriter;
use crate::text::Secrets;

/// Lines of JSON beside the rows of a repeat: the texts of its answers, or what its failures looked like.
///
/// Secrets are struck out on the writer's thread. Those of a repeat that was cut off stay.
#[derive(Debug)]
pub struct SideLog<L> {
    lines: LineWriter<L>,
}

impl<L: Serialize + Send + 'static> SideLog<L> {
    /// Creates the file and starts its writer; what an earlier try at the repeat left there goes.
    pub fn spawn(path: &Path, secrets: Secrets) -> Result<Self, StoreError> {
        create_parent(path)?;
        let file = BufWriter::new(File::create(path).map_err(StoreError::io("create", path))?);
        let lines = LineWriter::start(file, path, move |file, line: L| {
            let mut line = serde_json::to_value(&line)?;
            secrets.redact_json(&mut line);
            serde_json::to_writer(file, &line)?;
            Ok(true)
        })?;
        Ok(Self { lines })
    }

    /// Adds a line; never waits.
    pub fn add(&self, line: L) {
        self.lines.send(line);
    }

    /// Waits until every line is on the disk and returns how many there are; or what failed.
    pub fn finish(self) -> Result<u64, StoreError> {
        self.lines.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn lines_are_whole_without_secrets_and_never_those_of_an_earlier_try() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("responses/a.0.jsonl");
        let mut secrets = Secrets::default();
        secrets.add("sk-\"12\"");
        for tries in 0..2 {
            let log = SideLog::spawn(&path, secrets.clone()).unwrap();
            log.add(json!({"text": "a sk-\"12\" b", "messages": [{"content": "sk-\"12\""}], "n": tries}));
            log.add(json!({"text": "two\nlines"}));
            assert_eq!(log.finish().unwrap(), 2);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines,
            [
                json!({"text": "a [redacted] b", "messages": [{"content": "[redacted]"}], "n": 1}),
                json!({"text": "two\nlines"})
            ]
        );
    }
}
