use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::args;
use super::env::Env;
use super::exit::{Exit, Failure};
use super::progress::Progress;
use super::terminal::Terminal;
use crate::load::{Stop, StopHandle};
use crate::run::{Observer, RunEvent};
use crate::store::{Mirror, Remote, RemoteAddress, RemoteError, RunDir, Sent, Stage, is_remote};
use crate::text::plural;
use crate::units::format_count;

/// Where a run's results go.
pub(super) struct Destination {
    /// The directory that they are written to.
    pub(super) local: PathBuf,
    mirror: Option<(Mirror, RemoteAddress)>,
    /// The run's directory and its path at the remote place, once it has begun.
    run: Mutex<Option<(PathBuf, String)>>,
}

impl Destination {
    /// The destination that the command line names; object storage is looked for, so that a wrong name or key is told
    /// before anything is measured.
    pub(super) fn of(args: &args::Run, env: &Env) -> Result<Self, Failure> {
        let Some(address) = address_of(&args.out)? else {
            if args.staging.is_some() {
                return Err(Failure::usage("--staging is for results in object storage")
                    .help("add --out s3://bucket/prefix, or name the directory by --out"));
            }
            return Ok(Self { local: args.out.clone(), mirror: None, run: Mutex::default() });
        };
        let remote = reach(&address, env)?;
        remote.check().map_err(|error| failure(&error).help("nothing was sent; --out DIR keeps results here"))?;
        let local = match (&args.staging, env.user_cache()) {
            (Some(dir), _) => dir.clone(),
            (None, Some(cache)) => staging(&cache, &address),
            (None, None) => {
                return Err(Failure::usage("there is no cache directory to write the run to first")
                    .help("add --staging DIR, or set HOME"));
            }
        };
        let mirror = Mirror::start(remote).map_err(Failure::failed)?;
        Ok(Self { local, mirror: Some((mirror, address)), run: Mutex::default() })
    }

    /// Hands a run's events on and sends its files on the way; `begun` is told of its directory.
    pub(super) fn watching<'d>(&'d self, progress: &'d Progress, begun: &'d dyn Fn(&Path)) -> Watching<'d> {
        Watching { destination: self, progress, begun }
    }

    fn run(&self) -> Option<(PathBuf, String)> {
        self.run.lock().ok()?.clone()
    }

    /// Sends what is not there yet, unless a stop says that nobody waits for it; what to tell of it.
    pub(super) async fn finish(&self, stop: &StopHandle, progress: &Progress) -> Option<Delivered> {
        let ((mirror, address), (dir, path)) = (self.mirror.as_ref()?, self.run()?);
        let place = address.join(&path);
        let again = format!("infersweep push {} {address}", dir.display());
        let next = match stop.now() {
            Stop::Running | Stop::Finishing | Stop::Enough => Stop::Draining,
            Stop::Draining | Stop::Cancelling => Stop::Cancelling,
        };
        progress.note(&format!("sending what is not there yet to {place}"));
        let mut signal = stop.signal();
        let sent = tokio::select! {
            sent = mirror.finish(dir, path) => sent.map_or_else(
                || Err("its thread is gone".to_owned()),
                |sent| sent.map_err(|error| error.to_string()),
            ),
            () = signal.reached(next) => Err("stopped".to_owned()),
        };
        Some(Delivered { place, again, sent })
    }
}

/// How the results came to their place in object storage.
pub(super) struct Delivered {
    place: RemoteAddress,
    again: String,
    sent: Result<Sent, String>,
}

impl Delivered {
    /// Tells it; what is not there fails the run, whose results are here all the same.
    pub(super) fn tell(self, terminal: &Terminal) -> Exit {
        match self.sent {
            Ok(_) => {
                terminal.note(&format!("stored:  {}", self.place));
                Exit::Done
            }
            Err(why) => {
                let failure = Failure::failed(format!("not all of the results are at {}: {why}", self.place));
                terminal.error(&failure.help(format!("they are all here; to send them: {}", self.again)));
                Exit::Failed
            }
        }
    }
}

/// Tells the progress, and the mirror when files became final.
pub(super) struct Watching<'d> {
    destination: &'d Destination,
    progress: &'d Progress,
    begun: &'d dyn Fn(&Path),
}

impl Observer for Watching<'_> {
    fn tell(&self, event: RunEvent) {
        if let RunEvent::Started { dir, .. } = &event {
            (self.begun)(dir);
        }
        if let RunEvent::Started { dir, .. } = &event
            && let (Some(path), Ok(mut run)) = (path_of(dir), self.destination.run.lock())
        {
            *run = Some((dir.clone(), path));
        }
        if let (RunEvent::Started { .. } | RunEvent::UnitEnded { .. }, Some((mirror, _)), Some((dir, path))) =
            (&event, &self.destination.mirror, self.destination.run())
        {
            mirror.look(dir, path);
        }
        self.progress.tell(event);
    }
}

/// The address that a path of the command line is, if it is none of a file.
pub(super) fn address_of(path: &Path) -> Result<Option<RemoteAddress>, Failure> {
    match path.to_str().filter(|text| is_remote(text)) {
        Some(text) => text.parse().map(Some).map_err(Failure::usage),
        None => Ok(None),
    }
}

/// Refuses a place in object storage where `option` takes directories only.
pub(super) fn refuse(out: &Path, option: &str) -> Result<(), Failure> {
    match address_of(out)? {
        Some(address) => Err(Failure::usage(format!("{option} keeps results in a directory, not at {address}"))
            .help(format!("leave out --out, then: infersweep push RUN {address}"))),
        None => Ok(()),
    }
}

/// A client of a place in object storage.
pub(super) fn reach(address: &RemoteAddress, env: &Env) -> Result<Remote, Failure> {
    Remote::open(address, &env.remote_settings()).map_err(|error| failure(&error))
}

/// `<name>/<directory>`: where a run lies under its results, here as there.
pub(super) fn path_of(dir: &Path) -> Option<String> {
    let run = dir.file_name()?.to_str()?;
    let name = dir.parent()?.file_name()?.to_str()?;
    Some(format!("{name}/{run}"))
}

/// Downloads the small files of a run at an address to a directory that goes with the value.
pub(super) fn download(address: &RemoteAddress, env: &Env) -> Result<tempfile::TempDir, Failure> {
    let remote = reach(address, env)?;
    let dir = tempfile::tempdir().map_err(Failure::failed)?;
    remote.fetch(dir.path(), &|name| !name.contains('/')).map_err(|error| failure(&error))?;
    if !dir.path().join("manifest.json").is_file() {
        return Err(Failure::usage(format!("{address} is no run: it has no manifest.json"))
            .help(format!("name a run, as {address}/NAME/latest")));
    }
    Ok(dir)
}

/// An error with what to do about it.
pub(super) fn failure(error: &RemoteError) -> Failure {
    let failure = match error {
        RemoteError::Address { .. } | RemoteError::Unbuilt { .. } => Failure::usage(error),
        _ => Failure::failed(error),
    };
    match error {
        RemoteError::Settings { address, .. } | RemoteError::Refused { address, .. } => {
            failure.help(format!("credentials come from the environment: {}...", address.provider.variables()))
        }
        RemoteError::Missing { .. } => failure.help("is the bucket's name right? infersweep makes none"),
        RemoteError::Failed { address, .. } => failure.help(format!(
            "is the store within reach, and are its credentials in the environment ({}...)?",
            address.provider.variables()
        )),
        RemoteError::Address { .. } | RemoteError::Unbuilt { .. } | RemoteError::Local(_) => failure,
    }
}

/// A directory of the cache for each place.
fn staging(cache: &Path, address: &RemoteAddress) -> PathBuf {
    let mut dir = cache.join("infersweep/staging").join(address.provider.scheme()).join(&address.bucket);
    dir.extend(address.prefix.split('/'));
    dir
}

/// `infersweep push`: sends a run's files that are not at the address yet.
pub(super) fn push(args: &args::Push, env: &Env, terminal: &Terminal) -> Result<Exit, Failure> {
    let dir = RunDir::open(&args.run).map_err(Failure::usage)?;
    let Some(address) = address_of(Path::new(&args.to))? else {
        return Err(Failure::usage(format!("`{}` is no place in object storage", args.to))
            .help("write it as s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"));
    };
    let path = path_of(dir.path()).ok_or_else(|| Failure::usage("the run directory has no name"))?;
    let mut remote = reach(&address, env)?;
    remote.check().map_err(|error| failure(&error))?;
    let sent = remote
        .push(dir.path(), &path, Stage::Over)
        .map_err(|error| failure(&error).help("what was sent stays there; the same command sends the rest"))?;
    let (name, run) = path.rsplit_once('/').unwrap_or(("", &path));
    remote.point_latest_at(name, run).map_err(|error| failure(&error))?;
    terminal.note(&format!(
        "{}: {} sent, {} bytes; {} there already",
        address.join(&path),
        plural(sent.files, "file", "files"),
        format_count(sent.bytes),
        sent.there
    ));
    Ok(Exit::Done)
}
