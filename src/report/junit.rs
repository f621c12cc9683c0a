use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::compare::{Check, Outcome, Tally};

/// Checks as JUnit XML, as Jenkins' schema has it: a suite a gate, a case a cell. What is unclear is skipped, so that it
/// is counted apart.
///
/// # Errors
/// None that a string in memory has.
pub fn junit_xml(name: &str, checks: &[Check]) -> io::Result<String> {
    let mut suites: Vec<(&str, Vec<&Check>)> = Vec::new();
    for check in checks {
        match suites.iter_mut().find(|(gate, _)| *gate == check.gate) {
            Some((_, of_gate)) => of_gate.push(check),
            None => suites.push((&check.gate, vec![check])),
        }
    }
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let Tally { missed, .. } = Tally::of(checks);
    let [name, tests, missed] = [text(name), checks.len().to_string(), missed.to_string()];
    let counts = [("name", name.as_str()), ("tests", &tests), ("failures", &missed), ("errors", "0")];
    writer.create_element("testsuites").with_attributes(counts).write_inner_content(|writer| {
        suites.iter().try_for_each(|(gate, checks)| suite(writer, &name, gate, checks))
    })?;
    writer.get_mut().push(b'\n');
    String::from_utf8(writer.into_inner()).map_err(io::Error::other)
}

type Out = Writer<Vec<u8>>;

fn suite(writer: &mut Out, name: &str, gate: &str, checks: &[&Check]) -> io::Result<()> {
    let count = |outcome| checks.iter().filter(|check| check.outcome == outcome).count().to_string();
    let [gate, tests] = [text(gate), checks.len().to_string()];
    let [missed, unclear] = [count(Outcome::Missed), count(Outcome::Unclear)];
    let counts =
        [("name", gate.as_str()), ("tests", &tests), ("failures", &missed), ("errors", "0"), ("skipped", &unclear)];
    writer
        .create_element("testsuite")
        .with_attributes(counts)
        .write_inner_content(|writer| checks.iter().try_for_each(|check| case(writer, name, check)))?;
    Ok(())
}

fn case(writer: &mut Out, name: &str, check: &Check) -> io::Result<()> {
    let [cell, says] = [text(check.cell_id.as_deref().unwrap_or("(no cell)")), text(&check.says)];
    let names = [("name", cell.as_str()), ("classname", name)];
    let says = says.as_str();
    writer.create_element("testcase").with_attributes(names).write_inner_content(|writer| {
        match check.outcome {
            Outcome::Kept => writer.create_element("system-out").write_text_content(BytesText::new(says))?,
            Outcome::Missed => writer
                .create_element("failure")
                .with_attributes([("message", says), ("type", "gate")])
                .write_text_content(BytesText::new(&format!("{}: {says}", text(&check.gate))))?,
            Outcome::Unclear => writer.create_element("skipped").with_attribute(("message", says)).write_empty()?,
        };
        Ok(())
    })?;
    Ok(())
}

/// A text without the characters that XML cannot hold.
fn text(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)).collect()
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
            r#"<testsuite name="ttft_ms p95 &lt;= 800 ms" tests="2" failures="1" errors="0" skipped="0">"#,
            r#"<testsuite name="itl_ms p50 &lt;= 9 ms" tests="1" failures="0" errors="0" skipped="1">"#,
            r#"<testcase name="c2 &lt;&quot;&amp;&gt;" classname="nightly">"#,
            r#"<failure message="850 ms, above 800 ms" type="gate">"#,
            r#"<skipped message="no cell"/>"#,
            "<system-out>700 ms</system-out>",
        ] {
            assert!(xml.contains(part), "{part}\n{xml}");
        }
    }
}
