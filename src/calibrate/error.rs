use crate::run::RunError;

/// Why there is no calibration.
#[derive(Debug, thiserror::Error)]
pub enum CalibrateError {
    /// The run of a rung.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The simulated server.
    #[error("the simulated server does not start: {0}")]
    Server(String),
    /// Its stamps.
    #[error("the server's stamps cannot be had: {0}")]
    Stamps(String),
    /// The reader that the floor is taken with.
    #[error("the raw reader: {0}")]
    Floor(std::io::Error),
    /// More events than the server keeps stamps of.
    #[error("{rung} for {seconds} s come to some {events} events; the server keeps the stamps of {most}")]
    TooMany {
        /// The rung.
        rung: String,
        /// The measured phase.
        seconds: f64,
        /// Its events.
        events: u64,
        /// What is kept.
        most: usize,
    },
    /// A temporary directory or a file.
    #[error("cannot write {path}: {error}")]
    Write {
        /// What is written.
        path: String,
        /// Why it cannot be.
        error: String,
    },
    /// A fault of ours.
    #[error("internal: {0}")]
    Internal(String),
}
