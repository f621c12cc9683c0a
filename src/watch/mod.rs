//! When to run again: follows the files that a run read, and says which of them changed.
//!
//! [`WatchSet`] knows which names lead to a file and which directories hold them, [`Stamps`] what the files looked
//! like, [`Debounce`] when a burst of changes is over: all three know no clock, and the first and the last no file
//! system either. [`Follower`] joins them to the system's notices.

mod debounce;
mod follower;
mod stamps;
mod watch_set;

pub use debounce::Debounce;
pub use follower::{Follower, WatchError};
pub use stamps::Stamps;
pub use watch_set::WatchSet;
