//! What Linux says of the machine and of this process. Elsewhere, and where it says nothing, everything is `None`.

mod cgroup;
mod descriptors;
mod proc;

pub(super) use cgroup::Cgroup;
pub use descriptors::raise_descriptor_limit;
pub(super) use descriptors::{descriptor_limit, open_descriptors};
pub(super) use proc::{
    ProcessorTime, available_memory, port_range, preemptions, processor_time, segments, thread_wait_ns,
};
