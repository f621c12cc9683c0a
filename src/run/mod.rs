//! Carries out a plan: servers, probes, units one after the other, results on disk. Speaks only in events.
//!
//! [`carry_out`] is the story; `sites` are the endpoints of a run, `learn` finds out how a server counts,
//! `preflight` finds out whether this machine suffices, `unit` measures one (cell, repeat), `workloads` says what it
//! sends by its mode and `traffic` when, `health` watches the client meanwhile and `scraping` the server, `prepare` makes its requests ahead of
//! use, `wire` joins client and load, `results` keeps the run directory in step.

mod agenda;
mod beside;
mod campaign;
mod certainty;
mod changes;
mod contents;
mod error;
mod event;
mod gauges;
mod health;
mod hooks;
mod interrupted;
mod lane;
mod learn;
mod machine;
mod measure;
mod preflight;
mod prepare;
mod ready;
mod results;
mod resume;
mod reuse;
mod ring;
mod room;
mod scraping;
mod search;
mod simulated;
mod sites;
mod summaries;
mod thrift;
mod tokenizers;
mod traffic;
mod unit;
mod wire;
mod workloads;

pub use campaign::{Conclusion, RunOptions, carry_out};
pub use contents::hash_contents;
pub use error::RunError;
pub use event::{Observer, Reused, RunEvent, UnitFailure};
pub use gauges::{Gauges, Reading};
pub use interrupted::{InterruptedRun, interrupted_run};
pub use machine::raise_descriptor_limit;
pub use preflight::{Limits, Preflight, Shortage};
pub use results::Views;
pub use resume::{ResumeError, Resumption};
pub use reuse::{CellOutlook, Outlook, Reuse, Servers, Source};
pub use summaries::{save_summary, sum_up_files, sum_up_stored};
pub use tokenizers::TokenizerPlaces;
