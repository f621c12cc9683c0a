//! What an open loop is estimated to take.

use std::time::Duration;

use super::tests::{of_product, scenario};
use super::*;
use crate::scenario::{Load, SimulatorSettings};
use crate::units::{Amount, RequestCount};

/// Each request takes 0.2 s, eight at a time: the server does 40 a second.
fn estimate(qps: &str, load: Load) -> (Estimate, f64) {
    let matrix = of_product(&format!("model=a mode=real_workload input_tokens=100 output_tokens=11 qps={qps}"));
    let mut scenario = scenario(matrix);
    scenario.endpoints[0].simulator = Some(SimulatorSettings {
        ttft: Duration::from_millis(100),
        prefill_per_token: Duration::ZERO,
        itl: Duration::from_millis(10),
        batch_slowdown: 0.0,
        slots: 8,
        ..SimulatorSettings::default()
    });
    scenario.load = load;
    let plan = expand(&scenario, &ContentHashes::new());
    let in_flight = mean_in_flight(&scenario, &plan.cells[0]);
    (Estimate::of(&scenario, &plan), in_flight)
}

fn requests(count: u64) -> Load {
    Load { requests: Some(RequestCount::Exactly(count)), ..Load::default() }
}

#[test]
fn time_follows_the_rate_until_the_server_is_full() {
    let warm = |warmup| Load { warmup, ..requests(20) };
    let lasting = |load| Load { duration: Some(Duration::from_secs(10)), ..load };
    for (qps, load, count, seconds) in [
        // Nineteen gaps and the last request.
        ("10", requests(20), 20, 1.9 + 0.2),
        ("0.5", requests(3), 3, 4.0 + 0.2),
        ("10", warm(Amount::Requests(RequestCount::Exactly(5))), 25, 0.5 + 2.1),
        ("10", warm(Amount::Time(Duration::from_secs(3))), 50, 3.0 + 2.1),
        ("10", lasting(Load::default()), 100, 10.2),
        ("10", lasting(requests(20)), 20, 2.1),
        ("10", lasting(requests(1000)), 100, 10.2),
        // More than the server can do: it ends when the server is done.
        ("100", requests(400), 400, 10.0),
        ("100", lasting(Load::default()), 1000, 25.0),
        ("inf", requests(400), 400, 10.0),
    ] {
        let (estimate, _) = estimate(qps, load);
        assert_eq!(estimate.requests, count, "{qps}: {estimate:?}");
        assert!((estimate.seconds - seconds).abs() < 1e-6, "{qps}: {} of {seconds} s", estimate.seconds);
    }
}

#[test]
fn what_is_in_flight_follows_littles_law_up_to_the_cap() {
    let capped = Load { max_in_flight: 30, ..requests(400) };
    for (qps, load, expected) in [
        ("10", requests(400), 2.0),
        ("1", requests(400), 1.0),
        // Full: what is due piles up, as far as it may.
        ("100", requests(400), 400.0),
        ("100", capped.clone(), 30.0),
        ("inf", requests(400), 400.0),
        ("inf", capped, 30.0),
    ] {
        let (_, in_flight) = estimate(qps, load);
        assert!((in_flight - expected).abs() < 1e-9, "{qps}: {in_flight} of {expected}");
    }
}
