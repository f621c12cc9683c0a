//! Series of samples that hang together, with the true figures: what intervals are held against. `benches/coverage.rs`
//! uses this file too.

use rand::{Rng, RngExt};
use rand_distr::{Exp1, StandardNormal};

/// A process, and so many samples of it in the order of time.
pub(crate) enum Process {
    /// Independent, exponential of mean 1.
    Independent,
    /// First-order autoregressive of unit variance, with this correlation of neighbours.
    Autoregressive(f64),
    /// Times in the system of an M/M/c queue: servers (each of rate 1), and the load of each.
    Queue(u32, f64),
}

impl Process {
    /// Its name in a table.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Independent => "independent".to_owned(),
            Self::Autoregressive(phi) => format!("AR(1), {phi}"),
            Self::Queue(servers, load) => format!("M/M/{servers}, {load}"),
        }
    }

    /// So many samples in a row, from the stationary process.
    pub(crate) fn draw(&self, rng: &mut impl Rng, count: usize) -> Vec<f64> {
        match self {
            Self::Independent => (0..count).map(|_| rng.sample(Exp1)).collect(),
            Self::Autoregressive(phi) => {
                let mut at: f64 = rng.sample(StandardNormal);
                let scale = (1.0 - phi * phi).sqrt();
                let step = |_| {
                    let new: f64 = rng.sample(StandardNormal);
                    at = phi.mul_add(at, scale * new);
                    at
                };
                (0..count).map(step).collect()
            }
            Self::Queue(servers, load) => queue(rng, *servers, *load, count),
        }
    }

    /// The true mean; with a share, the true quantile.
    pub(crate) fn truth(&self, share: Option<f64>) -> f64 {
        match (self, share) {
            (Self::Autoregressive(_), None) => 0.0,
            // The quantiles that are asked for, of the normal law.
            (Self::Autoregressive(_), Some(share)) => {
                bisect(-10.0, 10.0, |x| 1.0 - statrs::function::erf::erfc(x / std::f64::consts::SQRT_2) / 2.0 < share)
            }
            (Self::Independent, None) => 1.0,
            (Self::Independent, Some(share)) => -(1.0 - share).ln(),
            (Self::Queue(servers, load), None) => 1.0 + waits(*servers, *load) / (f64::from(*servers) * (1.0 - load)),
            (Self::Queue(servers, load), Some(share)) => {
                bisect(0.0, 1e3, |time| 1.0 - stays_longer(*servers, *load, time) < share)
            }
        }
    }
}

fn queue(rng: &mut impl Rng, servers: u32, load: f64, count: usize) -> Vec<f64> {
    /// Customers after whom the queue has forgotten that it began empty.
    const FORGETS: usize = 2000;
    let mut free = vec![0.0_f64; servers as usize];
    let mut now = 0.0;
    let mut times = Vec::with_capacity(count);
    for customer in 0..FORGETS + count {
        now += rng.sample::<f64, _>(Exp1) / (load * f64::from(servers));
        let Some(first) = free.iter_mut().min_by(|a, b| a.total_cmp(b)) else { break };
        *first = first.max(now) + rng.sample::<f64, _>(Exp1);
        if customer >= FORGETS {
            times.push(*first - now);
        }
    }
    times
}

/// The share of customers that wait (Erlang's C).
fn waits(servers: u32, load: f64) -> f64 {
    let offered = f64::from(servers) * load;
    let blocked = (1..=servers).fold(1.0, |blocked, k| offered * blocked / (f64::from(k) + offered * blocked));
    blocked / (1.0 - load * (1.0 - blocked))
}

/// The share of customers that are longer in the system.
fn stays_longer(servers: u32, load: f64, time: f64) -> f64 {
    let spare = f64::from(servers) * (1.0 - load) - 1.0;
    (-time).exp() * (1.0 + waits(servers, load) * (1.0 - (-spare * time).exp()) / spare)
}

fn bisect(mut low: f64, mut high: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if is_below(middle) { low = middle } else { high = middle }
    }
    low
}
