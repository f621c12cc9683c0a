//! Files of a run on disk, as `docs/FORMAT.md` describes them.
//!
//! A run writes a [`Manifest`], a [`PlanFile`] and, for each repeat of a cell, a journal ([`JournalWriter`])
//! that [`compact`] turns into Parquet when the repeat ends. [`StoredRun`] opens what a run left, [`read_records`]
//! gives the facts back. Whatever is not appended to appears whole or not at all.

mod atomic;
mod campaign_file;
mod columns;
mod disk_sync;
mod earlier_runs;
mod error;
mod find_run;
mod host;
mod inputs;
mod journal;
mod journal_read;
mod json_file;
mod lock_file;
mod manifest;
mod parquet_read;
mod parquet_write;
mod plan_file;
mod provenance;
mod prune;
mod remote;
mod reserve;
mod run_dir;
mod run_list;
mod server_file;
mod server_identity;
mod server_log;
mod server_write;
mod set_aside;
mod side_log;
mod stored_run;
mod take_over;
mod unit_header;
mod unit_id;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use atomic::write_atomic;
pub use campaign_file::{CampaignFile, CampaignRun, CampaignRunState};
pub use columns::{Column, RowSchema, VarColumn, VarType, fixed_columns};
pub use earlier_runs::{EarlierRun, EarlierRuns, earlier_runs};
pub use error::StoreError;
pub use find_run::{NoSuchRun, find_run};
pub use host::Host;
pub use inputs::{FrozenInput, Input, freeze_inputs, hash_file};
pub use journal::JournalWriter;
pub use journal_read::JournalReader;
pub use json_file::FORMAT_VERSION;
pub use lock_file::{Drift, LockFile, LockSubject};
pub use manifest::{Manifest, ProbeReport, Resume, RunState, ServerChange};
pub use parquet_read::{RecordFile, Records, read_records};
pub use parquet_write::{Compacted, compact, write_records};
pub use plan_file::{PlanFile, PlannedCell, PlannedRepeat, PlannedSearch, Probe, RepeatState};
pub use provenance::{Build, LockState, Provenance, SuiteState};
pub use prune::{PruneRule, Pruned, choose_to_prune, remove_run};
pub use remote::{Mirror, Provider, Remote, RemoteAddress, RemoteError, RemoteSettings, Sent, Stage, is_remote};
pub use reserve::Reserve;
pub use run_dir::RunDir;
pub use run_list::{ListedRun, ListedState, list_runs};
pub use server_file::{ServerFile, ServerSamples};
pub use server_identity::ServerIdentity;
pub use server_log::{ServerHeader, compact_server_log};
pub use side_log::SideLog;
pub use stored_run::{Damage, Recovery, StoredRun, StoredUnit};
pub use unit_header::{Origin, UnitHeader};
pub use unit_id::UnitId;
