use super::Limits;
use super::needs::{Need, OWN_FILES, needs};
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::units::{as_float, format_count};

/// What this machine lacks for a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preflight {
    /// What makes it impossible.
    pub shortages: Vec<Shortage>,
    /// What makes it doubtful: a sentence each.
    pub warnings: Vec<String>,
}

/// Something that does not suffice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    /// The cell that takes the most of it.
    pub cell_id: String,
    /// What is needed and what is there.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

/// From this share of the memory on a plan is doubtful: the estimate is one.
const DOUBTFUL_MEMORY: f64 = 0.8;

impl Preflight {
    /// Holds what a plan takes against what there is.
    #[must_use]
    pub fn of(scenario: &Scenario, plan: &Plan, limits: &Limits) -> Self {
        let needs = needs(scenario, plan);
        let mut found = Self::default();
        found.shortages.extend(descriptors(&needs, limits));
        found.shortages.extend(needs.iter().filter_map(|need| ports(need, limits)));
        for need in &needs {
            match memory(need, limits) {
                Some((true, shortage)) => found.shortages.push(shortage),
                Some((false, Shortage { cell_id, problem, .. })) => {
                    found.warnings.push(format!("{cell_id}: {problem}"));
                }
                None => {}
            }
        }
        if limits.cores == Some(1) && needs.iter().any(|need| need.simulated) {
            found.warnings.push(
                "the simulator and the client share one processor: each waits for the other, and figures show it"
                    .to_owned(),
            );
        }
        found
    }
}

/// Connections of all endpoints are kept until the run ends.
fn descriptors(needs: &[Need<'_>], limits: &Limits) -> Option<Shortage> {
    let limit = limits.descriptors?;
    let connections: u64 = needs.iter().map(Need::descriptors).sum();
    let needed = connections + OWN_FILES + limits.open_descriptors.unwrap_or(0);
    if needed <= limit {
        return None;
    }
    let most = needs.iter().max_by_key(|need| need.descriptors())?;
    let simulated = if most.simulated { ", the simulator's ends included," } else { "" };
    Some(Shortage {
        cell_id: most.cell.id.to_string(),
        problem: format!(
            "{} connections{simulated} take {} file descriptors, and this process may have {}",
            format_count(most.connections),
            format_count(needed),
            format_count(limit)
        ),
        remedy: format!("`ulimit -n {needed}`, or lower {}", lever(most)),
    })
}

fn ports(need: &Need<'_>, limits: &Limits) -> Option<Shortage> {
    let ports = limits.ports.filter(|ports| need.connections > *ports)?;
    Some(Shortage {
        cell_id: need.cell.id.to_string(),
        problem: format!(
            "{} connections to one address take as many local ports, and there are {}",
            format_count(need.connections),
            format_count(ports)
        ),
        remedy: format!("`sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"`, or lower {}", lever(need)),
    })
}

/// Whether it is too little, not only doubtful.
fn memory(need: &Need<'_>, limits: &Limits) -> Option<(bool, Shortage)> {
    let available = limits.memory?;
    if as_float(need.memory) <= as_float(available) * DOUBTFUL_MEMORY {
        return None;
    }
    let shortage = Shortage {
        cell_id: need.cell.id.to_string(),
        problem: format!("it takes about {} of memory, and {} can be had", gib(need.memory), gib(available)),
        remedy: format!("lower {} or the size of requests, or measure from a larger machine", lever(need)),
    };
    Some((need.memory > available, shortage))
}

/// What sets the number of connections.
fn lever(need: &Need<'_>) -> &'static str {
    if need.cell.axes.concurrency().is_some() { "the concurrency" } else { "`max_in_flight`" }
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", as_float(bytes) / as_float(1 << 30))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::plan::{ContentHashes, expand};
    use crate::scenario::{ReadOptions, Unset, Variables, read_text};

    const REMOTE: &str = "[endpoints.e]\nbase_url = \"http://h/v1\"\n";
    const SIMULATED: &str = "[endpoints.e]\napi = \"simulator\"\n";
    const ROOMY: Limits = Limits {
        descriptors: Some(1 << 20),
        open_descriptors: Some(10),
        ports: Some(28_232),
        memory: Some(8 << 30),
        cores: Some(8),
    };

    fn preflight(endpoint: &str, matrix: &str, limits: &Limits) -> Preflight {
        let text = format!("name = \"x\"\n{endpoint}[matrix]\nmodel = \"m\"\n{matrix}\n");
        let options = ReadOptions {
            variables: &Variables::new(std::collections::BTreeMap::new()),
            unset: Unset::Keep,
            set: &[],
            profile: None,
        };
        let reading = read_text(Path::new("x.toml"), &text, &options);
        let scenario = reading.scenario.unwrap_or_else(|| panic!("{:?}", reading.faults));
        Preflight::of(&scenario, &expand(&scenario, &ContentHashes::new()), limits)
    }

    /// Problems, remedies and warnings, in one line.
    fn told(found: &Preflight) -> String {
        let shortages = found.shortages.iter().map(|lack| format!("{} -> {}", lack.problem, lack.remedy));
        shortages.chain(found.warnings.iter().map(|text| format!("? {text}"))).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn what_does_not_suffice_is_told_with_its_remedy() {
        let few = |descriptors| Limits { descriptors: Some(descriptors), ..ROOMY };
        for (endpoint, concurrency, limits, expected) in [
            (REMOTE, 200, ROOMY, ""),
            (REMOTE, 200, Limits::default(), ""),
            (REMOTE, 200, few(242), ""),
            (
                REMOTE,
                200,
                few(241),
                "200 connections take 242 file descriptors, and this process may have 241 -> `ulimit -n 242`, or lower the concurrency",
            ),
            (
                SIMULATED,
                200,
                few(242),
                "200 connections, the simulator's ends included, take 442 file descriptors, and this process may have 242 -> `ulimit -n 442`, or lower the concurrency",
            ),
            (
                REMOTE,
                30_000,
                ROOMY,
                "30 000 connections to one address take as many local ports, and there are 28 232 -> `sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"`, or lower the concurrency",
            ),
            (
                SIMULATED,
                4,
                Limits { cores: Some(1), ..ROOMY },
                "? the simulator and the client share one processor: each waits for the other, and figures show it",
            ),
            (REMOTE, 4, Limits { cores: Some(1), ..ROOMY }, ""),
        ] {
            let matrix = format!("concurrency = [1, {concurrency}]");
            let found = told(&preflight(endpoint, &matrix, &limits)).replace('\u{202f}', " ");
            assert_eq!(found, expected, "{concurrency} {limits:?}");
        }
    }

    #[test]
    fn memory_that_is_short_refuses_and_memory_that_is_tight_warns() {
        let at = |bytes| preflight(REMOTE, "concurrency = 1000", &Limits { memory: Some(bytes), ..ROOMY });
        assert_eq!(at(8 << 30), Preflight::default());
        let short = at(100 << 20);
        assert!(short.warnings.is_empty() && short.shortages.len() == 1, "{short:?}");
        assert_eq!(short.shortages[0].problem, "it takes about 0.1 GiB of memory, and 0.1 GiB can be had");
        let tight = at(120 << 20);
        assert!(tight.shortages.is_empty() && tight.warnings.len() == 1, "{tight:?}");
        let long = |sizes: &str| preflight(REMOTE, sizes, &Limits { memory: Some(1 << 30), ..ROOMY }).shortages.len();
        assert_eq!((long("concurrency = 1000"), long("concurrency = 1000\ninput_tokens = 100000")), (0, 1));
    }

    #[test]
    fn the_greatest_cell_of_each_endpoint_counts() {
        let two = format!("{REMOTE}[endpoints.f]\nbase_url = \"http://g/v1\"\n");
        let limits = Limits { descriptors: Some(300), ..ROOMY };
        let matrix = "endpoint = [\"e\", \"f\"]\nconcurrency = [20, 150]";
        let found = preflight(&two, matrix, &limits);
        assert!(found.shortages[0].problem.contains("take 342 file descriptors"), "{found:?}");
        assert!(found.shortages[0].cell_id.contains("c150"), "{found:?}");
        let one = preflight(REMOTE, "concurrency = [20, 150]", &limits);
        assert_eq!(one, Preflight::default());
    }
}
