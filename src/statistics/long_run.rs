use super::as_float;

/// The variance of a series, summed up over all lags: n times the variance of its mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LongRun {
    pub(super) variance: f64,
    pub(super) degrees_of_freedom: f64,
}

/// Greatest order of the model.
const MOST_ORDER: usize = 6;
/// Members of a series for each order that is tried.
const MEMBERS_PER_ORDER: usize = 8;

/// The long-run variance that several series of one process share, of each of which its mean has been taken off.
/// `None` when no series has two members. All are finite.
///
/// An autoregressive model is fitted by Levinson and Durbin's recursion, its order by Akaike's criterion as corrected by
/// Hurvich and Tsai (1989); its spectrum at frequency zero is the variance (as for the effective size in CODA, Plummer
/// et al. 2006). Taking off a mean lowers every autocovariance by the long-run variance over n; that is put back.
/// Degrees of freedom are those of the order, or what the kurtosis leaves of them: a variance that hangs on a few
/// bursts is badly known.
pub(super) fn long_run_variance(series: &[Vec<f64>]) -> Option<LongRun> {
    let longest = series.iter().map(Vec::len).max()?;
    let members: usize = series.iter().map(Vec::len).sum();
    if longest < 2 {
        return None;
    }
    let (n, means) = (as_float(members as u64), as_float(series.len() as u64));
    let orders = MOST_ORDER.min(members / MEMBERS_PER_ORDER).min(longest - 1);
    let raw: Vec<f64> = (0..=orders).map(|lag| autocovariance(series, lag) / n).collect();
    let free = (n - means).max(1.0);
    if raw[0] <= 0.0 {
        return Some(LongRun { variance: 0.0, degrees_of_freedom: free });
    }
    let mut model = Model { order: 0, variance: raw[0] * n / free };
    for _ in 0..4 {
        // A series that wanders more than it is long would be put back without end.
        let back = (model.variance * means / n).min(raw[0]);
        let mended: Vec<f64> = raw.iter().map(|value| value + back).collect();
        model = best_model(&mended, n);
    }
    let order = as_float(model.order as u64);
    let fourth: f64 = series.iter().flatten().map(|value| value.powi(4)).sum::<f64>() / n;
    let excess = (fourth / (raw[0] * raw[0]) - 3.0).max(0.0);
    // The variance of a variance is (2 + excess kurtosis) / n, relatively; each order of the model adds to it.
    let doubt = (2.0 + 4.0 * order + excess) / (free - order).max(1.0);
    Some(LongRun { variance: model.variance, degrees_of_freedom: 2.0 / doubt })
}

/// A fitted model and its spectrum at frequency zero.
#[derive(Debug, Clone, Copy)]
struct Model {
    order: usize,
    variance: f64,
}

/// The model of the order with the least criterion; the orders of these autocovariances are tried.
fn best_model(autocovariances: &[f64], n: f64) -> Model {
    let mut coefficients: Vec<f64> = Vec::new();
    let mut noise = autocovariances[0];
    let mut best = Model { order: 0, variance: noise };
    let mut least = criterion(noise, 0, n);
    for order in 1..autocovariances.len() {
        let predicted: f64 = coefficients.iter().enumerate().map(|(i, c)| c * autocovariances[order - 1 - i]).sum();
        let reflection = (autocovariances[order] - predicted) / noise;
        let mirrored: Vec<f64> = coefficients.iter().rev().copied().collect();
        coefficients.iter_mut().zip(mirrored).for_each(|(c, other)| *c -= reflection * other);
        coefficients.push(reflection);
        noise *= reflection.mul_add(-reflection, 1.0);
        let gain = 1.0 - coefficients.iter().sum::<f64>();
        // What is not stationary has no variance to speak of.
        if noise <= 0.0 || gain <= 0.0 {
            break;
        }
        let value = criterion(noise, order, n);
        if value < least {
            (least, best) = (value, Model { order, variance: noise / (gain * gain) });
        }
    }
    best
}

fn criterion(noise: f64, order: usize, n: f64) -> f64 {
    let parameters = as_float(order as u64) + 1.0;
    n.mul_add(noise.ln(), 2.0 * parameters * n / (n - parameters - 1.0).max(1.0))
}

/// The sum of products at a lag over all series.
fn autocovariance(series: &[Vec<f64>], lag: usize) -> f64 {
    let products = |one: &Vec<f64>| one.iter().zip(one.iter().skip(lag)).map(|(a, b)| a * b).sum::<f64>();
    series.iter().map(products).sum()
}
