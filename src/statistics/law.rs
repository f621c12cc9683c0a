//! Quantiles of the laws that intervals are made from. All arguments are within their ranges by construction; what
//! leaves them is NaN, and an interval of NaN is none.

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::beta::checked_beta_reg;
use statrs::function::erf::erfc_inv;

/// Beyond so many degrees of freedom Student's t is the normal law to six digits.
const NORMAL_FROM: f64 = 1e6;

/// The value below which a share of the standard normal law lies.
pub(super) fn normal_quantile(share: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * share)
}

/// The value below which a share of Student's t with so many degrees of freedom lies; they need not be whole.
pub(super) fn t_quantile(share: f64, degrees: f64) -> f64 {
    if degrees > NORMAL_FROM {
        return normal_quantile(share);
    }
    if share < 0.5 {
        return -t_quantile(1.0 - share, degrees);
    }
    // t^2 / (degrees + t^2) is of the law Beta(1/2, degrees/2).
    let part = beta_quantile(2.0f64.mul_add(share, -1.0), 0.5, degrees / 2.0);
    (degrees * part / (1.0 - part)).sqrt()
}

/// The share of Student's t below a value.
pub(super) fn t_share_below(value: f64, degrees: f64) -> f64 {
    StudentsT::new(0.0, 1.0, degrees.min(NORMAL_FROM)).map_or(f64::NAN, |law| law.cdf(value))
}

/// The value below which a share of the law Beta(a, b) lies, by bisection.
pub(super) fn beta_quantile(share: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    // Halves until neighbouring numbers are reached, or what is left is far below any figure's digits.
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        match checked_beta_reg(a, b, middle) {
            Ok(below) if below < share => low = middle,
            Ok(_) => high = middle,
            Err(_) => return f64::NAN,
        }
        if high - low <= high * 1e-13 {
            break;
        }
    }
    f64::midpoint(low, high)
}
