use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Remote, RemoteError, Sent, Stage};
use crate::cpus::{Manner, spawn_aside};
use crate::time::{Clock, duration_ns};

/// Between two looks for files that became final: a run is not there to send files.
const PAUSE: Duration = Duration::from_secs(10);

/// Sends a run's files to object storage as they become final, on a thread of its own.
///
/// A store that fails ends nothing: what could not be sent is tried again at the next look, and at the end.
#[derive(Debug)]
pub struct Mirror {
    orders: Sender<Order>,
}

#[derive(Debug)]
enum Order {
    /// Files of the run in this directory, stored under this path, became final.
    Look(PathBuf, String),
    /// The run is over: send the rest and tell.
    Finish(PathBuf, String, oneshot::Sender<Result<Sent, RemoteError>>),
}

impl Mirror {
    /// Starts the thread, which ends with this value.
    pub fn start(remote: Remote) -> std::io::Result<Self> {
        let (orders, received) = channel();
        spawn_aside("mirror", Manner::GivesWay, move || serve(remote, &received))?;
        Ok(Self { orders })
    }

    /// Says that files of the run in `dir` may have become final; returns at once.
    pub fn look(&self, dir: PathBuf, path: String) {
        // A thread that is gone is told of when the run finishes.
        let _ = self.orders.send(Order::Look(dir, path));
    }

    /// Sends what is not there yet; dropping the future leaves it at that.
    pub async fn finish(&self, dir: PathBuf, path: String) -> Option<Result<Sent, RemoteError>> {
        let (sender, receiver) = oneshot::channel();
        self.orders.send(Order::Finish(dir, path, sender)).ok()?;
        receiver.await.ok()
    }
}

fn serve(mut remote: Remote, orders: &Receiver<Order>) {
    let (clock, mut sent) = (Clock::start(), Sent::default());
    while let Ok(order) = orders.recv() {
        let order = settle(order, orders, clock);
        let pushed = push(&mut remote, &order).map(|one| sent.add(Sent { there: 0, ..one }));
        if let Order::Finish(_, path, told) = order {
            let (name, run) = path.rsplit_once('/').unwrap_or(("", &path));
            let finished = pushed.and_then(|()| remote.point_latest_at(name, run)).map(|()| sent);
            // Who asked may have gone.
            let _ = told.send(finished);
        }
    }
}

/// Lets a pause pass in which more files may become final; the end of the run ends it.
fn settle(mut order: Order, orders: &Receiver<Order>, clock: Clock) -> Order {
    let until_ns = clock.now_ns() + duration_ns(PAUSE);
    while let (Order::Look(..), Ok(left_ns)) = (&order, u64::try_from(until_ns - clock.now_ns())) {
        match orders.recv_timeout(Duration::from_nanos(left_ns)) {
            Ok(next) => order = next,
            Err(_) => break,
        }
    }
    order
}

fn push(remote: &mut Remote, order: &Order) -> Result<Sent, RemoteError> {
    match order {
        Order::Look(dir, path) => remote.push(dir, path, Stage::UnderWay),
        Order::Finish(dir, path, _) => remote.push(dir, path, Stage::Over),
    }
}
