use std::convert::Infallible;
use std::path::Path;

use super::{RemoteAddress, RemoteError, RemoteSettings, Sent, Stage};

/// Object storage, which this build has not: there is none.
#[derive(Debug)]
pub struct Remote(Infallible);

impl Remote {
    /// Refuses.
    pub fn open(address: &RemoteAddress, _: &RemoteSettings) -> Result<Self, RemoteError> {
        Err(RemoteError::Unbuilt { address: address.clone() })
    }

    /// Where it is.
    pub fn address(&self) -> &RemoteAddress {
        match self.0 {}
    }

    /// Asks whether the bucket is there and may be read.
    pub fn check(&self) -> Result<(), RemoteError> {
        match self.0 {}
    }

    /// Sends a run's files.
    pub fn push(&mut self, _: &Path, _: &str, _: Stage) -> Result<Sent, RemoteError> {
        match self.0 {}
    }

    /// Notes the last run of a scenario.
    pub fn point_latest_at(&self, _: &str, _: &str) -> Result<(), RemoteError> {
        match self.0 {}
    }

    /// Downloads files.
    pub fn fetch(&self, _: &Path, _: &dyn Fn(&str) -> bool) -> Result<usize, RemoteError> {
        match self.0 {}
    }
}
