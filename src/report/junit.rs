use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use crate::compare::{Check, Outcome};

/// Checks as JUnit XML: a suite a gate, a case a cell. What is unclear is skipped, so that it is counted apart.
///
/// # Errors
/// When a name cannot be written as XML.
pub fn junit_xml(name: &str, checks: &[Check]) -> Result<String, SerializeError> {
    let mut suites: Vec<(&str, TestSuite)> = Vec::new();
    for check in checks {
        let at = suites.iter().position(|(gate, _)| *gate == check.gate).unwrap_or_else(|| {
            suites.push((&check.gate, TestSuite::new(check.gate.as_str())));
            suites.len() - 1
        });
        suites[at].1.add_test_case(case(name, check));
    }
    let mut report = Report::new(name);
    report.add_test_suites(suites.into_iter().map(|(_, suite)| suite));
    report.to_string()
}

fn case(name: &str, check: &Check) -> TestCase {
    let mut status = match check.outcome {
        Outcome::Kept => TestCaseStatus::success(),
        Outcome::Missed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Outcome::Unclear => TestCaseStatus::skipped(),
    };
    if check.outcome != Outcome::Kept {
        status.set_message(check.says.as_str());
    }
    if check.outcome == Outcome::Missed {
        status.set_type("gate").set_description(format!("{}\n{}", check.gate, check.says));
    }
    let cell = check.cell_id.as_deref().unwrap_or("(no cell)");
    let mut case = TestCase::new(cell, status);
    case.set_classname(name);
    if check.outcome == Outcome::Kept {
        case.set_system_out(check.says.as_str());
    }
    case
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(gate: &str, cell: Option<&str>, outcome: Outcome, says: &str) -> Check {
        Check { gate: gate.into(), cell_id: cell.map(str::to_owned), outcome, says: says.into() }
    }

    #[test]
    fn a_gate_is_a_suite_and_what_is_unclear_is_skipped() {
        let checks = [
            check("ttft_ms p95 <= 800 ms", Some("c1"), Outcome::Kept, "700 ms"),
            check("ttft_ms p95 <= 800 ms", Some("c\u{7}2 <\"&>"), Outcome::Missed, "850 ms, above 800 ms"),
            check("itl_ms p50 <= 9 ms", None, Outcome::Unclear, "no cell"),
        ];
        let xml = junit_xml("nightly", &checks).unwrap();
        for part in [
            r#"<testsuites name="nightly" tests="3" failures="1" errors="0">"#,
            r#"<testsuite name="ttft_ms p95 &lt;= 800 ms" tests="2" disabled="0" errors="0" failures="1">"#,
            r#"<testcase name="c2 &lt;&quot;&amp;&gt;" classname="nightly">"#,
            r#"<failure message="850 ms, above 800 ms" type="gate">"#,
            r#"<skipped message="no cell"/>"#,
            "<system-out>700 ms</system-out>",
        ] {
            assert!(xml.contains(part), "{part}\n{xml}");
        }
    }
}
