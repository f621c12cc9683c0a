/// What a run writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The files and views.
    pub formats: Vec<Format>,
    /// Keep the text of answers.
    pub save_responses: bool,
    /// Keep what failures looked like on the wire.
    pub debug: bool,
    /// Which token stamps rows keep.
    pub chunk_times: ChunkTimes,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            formats: vec![Format::Table, Format::Json, Format::Parquet],
            save_responses: false,
            debug: false,
            chunk_times: ChunkTimes::All,
        }
    }
}

/// A file or view of a run's results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// The comparison table on the terminal.
    Table,
    /// `summary.json`.
    Json,
    /// Rows.
    Parquet,
    /// `comparison.md`.
    Markdown,
    /// `summary.csv`.
    Csv,
    /// `report.html`.
    Html,
    /// A workbook.
    Xlsx,
    /// Gates as test cases.
    Junit,
}

/// Which token stamps rows keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChunkTimes {
    /// Every chunk's.
    All,
    /// The first and the last chunk's only.
    FirstLast,
    /// Every chunk's of one request in 16, the first and the last chunk's of the others.
    Sampled,
}
