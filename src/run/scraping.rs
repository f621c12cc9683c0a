use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::sleep_until;

use super::error::RunError;
use crate::client::Scraper;
use crate::cpus::{Manner, spawn_aside};
use crate::load::{Stop, StopHandle};
use crate::record::ScrapedSample;
use crate::store::SideLog;
use crate::time::{Clock, duration_ns};

/// Scrapes a server's Prometheus page while a unit is measured: on a thread and runtime of its own, into a log on disk.
#[derive(Debug)]
pub(super) struct Scraping {
    log: Arc<SideLog>,
    until: watch::Sender<Until>,
    /// Closed when the thread is through.
    over: oneshot::Receiver<()>,
}

/// How long scraping goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Until {
    /// The load runs.
    Stopped,
    /// For one more scrape: the load is over.
    Last,
    /// Not any more.
    Now,
}

impl Scraping {
    /// Starts it and waits for the first scrape, so that it is there before the first request. Returns what was wrong with
    /// that one, too.
    pub(super) async fn start(
        scraper: Scraper,
        log: SideLog,
        clock: Clock,
    ) -> Result<(Self, Option<String>), RunError> {
        let log = Arc::new(log);
        let (until, told) = watch::channel(Until::Stopped);
        let (first, first_taken) = oneshot::channel();
        let (through, over) = oneshot::channel();
        let into = Arc::clone(&log);
        let work = move || {
            scrape_here(scraper, &into, clock, told, first);
            drop(into);
            // Nobody waits any more when the unit failed.
            let _ = through.send(());
        };
        let failed = |error: io::Error| RunError::Internal(format!("no thread to scrape metrics: {error}"));
        spawn_aside("scrape", Manner::GivesWay, work).map_err(failed)?;
        let fault = first_taken.await.unwrap_or_else(|_| Some("scraping ended before it began".to_owned()));
        Ok((Self { log, until, over }, fault))
    }

    /// Whether a write failed, as on a full disk.
    pub(super) fn failed(&self) -> bool {
        self.log.failed()
    }

    /// Takes one more sample, unless the run is to stop at once, and waits until all are on the disk.
    pub(super) async fn finish(self, stop: &StopHandle) -> Result<(), RunError> {
        let Self { log, until, mut over } = self;
        until.send_replace(Until::Last);
        let mut signal = stop.signal();
        tokio::select! {
            _ = &mut over => {}
            () = signal.reached(Stop::Cancelling) => {
                until.send_replace(Until::Now);
                let _ = over.await;
            }
        }
        let writes = || RunError::Internal("scraping still writes".to_owned());
        Arc::into_inner(log).ok_or_else(writes)?.finish()?;
        Ok(())
    }
}

/// The thread's work.
fn scrape_here(
    scraper: Scraper,
    log: &SideLog,
    clock: Clock,
    until: watch::Receiver<Until>,
    first: oneshot::Sender<Option<String>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = first.send(Some(format!("no runtime: {error}")));
            return;
        }
    };
    let mut first = Some(first);
    let take = |sample: ScrapedSample| {
        if let Some(first) = first.take() {
            let _ = first.send(sample.fault.clone());
        }
        log.add(&sample);
    };
    runtime.block_on(async {
        let interval = scraper.interval();
        let session = scraper.session();
        scrape_until(async || session.scrape().await, interval, clock, until, take).await;
    });
}

/// Scrapes at once, every `interval` after that, and once more at the end; one scrape at a time. Those that come due while
/// one takes its time are left out and counted.
async fn scrape_until(
    scrape: impl AsyncFn() -> ScrapedSample,
    interval: Duration,
    clock: Clock,
    mut until: watch::Receiver<Until>,
    mut take: impl FnMut(ScrapedSample),
) {
    let interval_ns = duration_ns(interval).max(1);
    let mut due_ns = clock.now_ns();
    let mut missed = 0;
    let mut cancelled = until.clone();
    loop {
        let is_last = *until.borrow_and_update() >= Until::Last;
        let sample = tokio::select! {
            sample = scrape() => sample,
            () = reached(&mut cancelled, Until::Now) => return,
        };
        let failed = sample.values.is_empty();
        take(ScrapedSample { missed, ..sample });
        // A page that is gone is not waited for once more.
        let is_over = || *until.borrow() >= Until::Last;
        if is_last || (failed && is_over()) {
            return;
        }
        let late = ((clock.now_ns() - due_ns) / interval_ns).max(0);
        missed = u32::try_from(late).unwrap_or(u32::MAX);
        due_ns = due_ns.saturating_add(late.saturating_add(1).saturating_mul(interval_ns));
        tokio::select! {
            () = sleep_until(clock.instant_of(due_ns)) => {}
            () = reached(&mut until, Until::Last) => missed = 0,
        }
    }
}

/// Waits until scraping is to end so; whoever is gone wants no more.
async fn reached(until: &mut watch::Receiver<Until>, end: Until) {
    let _ = until.wait_for(|until| *until >= end).await.is_ok();
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    const MS: i64 = 1_000_000;

    /// What comes of scrapes that take so many milliseconds, one after the other (the last one for ever after), when the load
    /// ends after `load_ms`: when each arrived, and what was left out before it.
    async fn scraped(takes_ms: &[u64], fails: bool, load_ms: u64) -> Vec<(i64, u32)> {
        let clock = Clock::start();
        let begun_ns = clock.now_ns();
        let (end, until) = watch::channel(Until::Stopped);
        let (number, in_flight, found) = (Cell::new(0), Cell::new(false), RefCell::new(Vec::new()));
        let scrape = async || {
            assert!(!in_flight.replace(true), "one at a time");
            let ms = takes_ms[number.get().min(takes_ms.len() - 1)];
            number.set(number.get() + 1);
            tokio::time::sleep(Duration::from_millis(ms)).await;
            in_flight.set(false);
            let values = if fails { Vec::new() } else { vec![Some(1.0)] };
            ScrapedSample { at_ns: clock.now_ns(), scrape_ns: 0, missed: 0, fault: None, values }
        };
        let take = |sample: ScrapedSample| found.borrow_mut().push(((sample.at_ns - begun_ns) / MS, sample.missed));
        let load = async {
            tokio::time::sleep(Duration::from_millis(load_ms)).await;
            end.send_replace(Until::Last);
        };
        tokio::join!(scrape_until(scrape, Duration::from_millis(500), clock, until, take), load);
        found.into_inner()
    }

    #[tokio::test(start_paused = true)]
    async fn a_scrape_every_interval_from_before_to_after_the_load() {
        assert_eq!(scraped(&[3], false, 1600).await, [(3, 0), (503, 0), (1003, 0), (1503, 0), (1603, 0)]);
        assert_eq!(scraped(&[3], false, 1).await, [(3, 0), (6, 0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_page_is_asked_once_at_a_time_and_what_is_left_out_is_counted() {
        let found = scraped(&[3, 1300, 3], false, 3100).await;
        assert_eq!(found, [(3, 0), (1800, 0), (2003, 2), (2503, 0), (3003, 0), (3103, 0)]);
        let found = scraped(&[3, 900], false, 1000).await;
        assert_eq!(found, [(3, 0), (1400, 0), (2300, 0)], "what is under way when the load ends goes on");
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_is_gone_is_not_waited_for_at_the_end() {
        assert_eq!(scraped(&[5000], true, 7000).await, [(5000, 0), (10_500, 10)]);
    }

    #[tokio::test(start_paused = true)]
    async fn scraping_ends_at_once_when_it_must() {
        let clock = Clock::start();
        let (end, until) = watch::channel(Until::Stopped);
        let scrape = async || std::future::pending().await;
        let scraping = scrape_until(scrape, Duration::from_secs(1), clock, until, |_| panic!("nothing comes"));
        let load = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            end.send_replace(Until::Now);
        };
        tokio::time::timeout(Duration::from_secs(4), async { tokio::join!(scraping, load) }).await.unwrap();
    }
}
