//! infersweep measures LLM inference endpoints from a declarative scenario.
//!
//! Modules stand on floors; each uses only modules on lower floors, which
//! `tests/it/floors.rs` checks. The list below is the reading order, from the
//! bottom up. `docs/ARCHITECTURE.md` tells the story.

// Floor 0: words every floor may say.
pub mod cpus;
pub mod diagnostic;
pub mod seed;
pub mod statistics;
pub mod text;
pub mod time;
pub mod tokens;
pub mod units;
// Beside the floors: an LLM server of known behaviour; uses floor 0 only.
pub mod simulator;
// Floor 1: what the user asked, valid.
pub mod scenario;
// Floor 2: the cells.
pub mod plan;
// Floor 3: what to send; what happened.
pub mod record;
pub mod workload;
// Floor 4: one request on the wire; numbers from facts.
pub mod client;
pub mod metrics;
// Floor 5: traffic in time; files on disk.
pub mod load;
pub mod store;
// Floor 6: carries out a plan; verdicts.
pub mod compare;
pub mod run;
// Floor 7: views of stored runs; other tools' files; the client's own error.
pub mod calibrate;
pub mod convert;
pub mod report;
// Floor 8: when to run again.
pub mod watch;
// Floor 9: words to calls, errors to exit codes.
pub mod cli;
