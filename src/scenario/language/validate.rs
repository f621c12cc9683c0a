use super::{Form, Key, Kind, Support, Table};
use crate::diagnostic::{Code, Fault, Faults};
use crate::scenario::tree::{Entry, Node, Value};
use crate::text::{nearest, one_of, slug};
use crate::units::{Amount, ArrivalDistribution, ImageSize, Qps, RequestCount, SizeSpec, UnitError, parse_duration};

/// Holds a tree against the language: unknown keys, wrong types, values out of their form, and what is not built yet.
pub(in crate::scenario) fn validate(root: &Node, table: &Table, faults: &mut Faults) {
    check_table(root, table, "the scenario", faults);
}

fn check_table(node: &Node, table: &Table, called: &str, faults: &mut Faults) {
    if !matches!(node.value, Value::Table(_)) {
        faults.push(wrong_type(node, "a table"));
        return;
    }
    for entry in node.entries() {
        match table.keys.iter().find(|key| key.name == entry.key) {
            Some(key) => check_key(entry, key, faults),
            None => faults.push(unknown_key(entry, table, called)),
        }
    }
    for key in table.keys.iter().filter(|key| key.required && node.get(key.name).is_none()) {
        faults.push(
            node.place
                .fault(Code::MissingKey, format!("{called} has no `{}`", key.name))
                .help(format!("`{}`: {}", key.name, key.about)),
        );
    }
}

fn unknown_key(entry: &Entry, table: &Table, called: &str) -> Fault {
    let known = || table.keys.iter().map(|key| key.name);
    let fault = entry.place.fault(Code::UnknownKey, format!("unknown key `{}` in {called}", entry.key));
    match nearest(&entry.key, known()) {
        Some(word) => fault.help(format!("did you mean `{word}`?")),
        None => fault.help(format!("the keys here are {}", one_of(known()))),
    }
}

fn check_key(entry: &Entry, key: &Key, faults: &mut Faults) {
    if matches!(key.support, Support::None) {
        let message = format!("`{}` is not supported yet", key.name);
        faults.push(entry.place.fault(Code::NotSupportedYet, message).help("take it out, or wait for a later version"));
    }
    check(&entry.node, &key.kind, &format!("`{}`", key.name), faults);
    for item in entry.node.items() {
        check_support(item, key, faults);
    }
}

/// Refuses by name what the language has and this version cannot do yet.
fn check_support(item: &Node, key: &Key, faults: &mut Faults) {
    let Some(written) = item.scalar() else { return };
    let default = key.default.trim_matches('"');
    let (able, help) = match key.support {
        Support::Full | Support::None => return,
        Support::DefaultOnly => (same(&written, default), format!("only {default} for now")),
        Support::Only(words) => {
            (words.contains(&written.as_str()), format!("for now: {}", one_of(words.iter().copied())))
        }
        Support::Integers => (written.parse::<u64>().is_ok(), "only whole numbers for now".to_owned()),
    };
    // What is wrong anyway has its own fault.
    let mut own = Faults::default();
    check(item, innermost(&key.kind), "", &mut own);
    if !able && own.is_empty() {
        let message = format!("`{} = {written}` is not supported yet", key.name);
        faults.push(item.place.fault(Code::NotSupportedYet, message).help(help));
    }
}

fn same(written: &str, default: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    written == default || number(written).is_some_and(|value| Some(value) == number(default))
}

fn innermost(kind: &Kind) -> &Kind {
    match kind {
        Kind::OneOrList(inner) | Kind::List(inner) => innermost(inner),
        other => other,
    }
}

fn check(node: &Node, kind: &Kind, called: &str, faults: &mut Faults) {
    match (kind, &node.value) {
        (Kind::Text | Kind::Path, Value::Text { .. })
        | (Kind::Bool, Value::Bool(_))
        | (Kind::Free, Value::Table(_))
        | (Kind::Scalar, Value::Text { .. } | Value::Integer(_) | Value::Float(_) | Value::Bool(_)) => {}
        (Kind::Name, Value::Text { used, .. }) => check_name(node, used, called, faults),
        (Kind::Integer(low, high), Value::Integer(number)) => {
            if number < low || number > high {
                faults.push(out_of_range(node, called, &low.to_string(), &high.to_string(), *high == i64::MAX));
            }
        }
        (Kind::Number(low, high), Value::Integer(_) | Value::Float(_)) => {
            let number = node.scalar().and_then(|text| text.parse::<f64>().ok()).unwrap_or(f64::NAN);
            if !(low..=high).contains(&&number) {
                faults.push(out_of_range(node, called, &low.to_string(), &high.to_string(), false));
            }
        }
        (Kind::Word(words), Value::Text { used, .. }) => {
            if !words.contains(&used.as_str()) {
                faults.push(unknown_word(node, used, words, called));
            }
        }
        (Kind::Form(form), _) => check_form(node, *form, called, faults),
        (Kind::Table(table), _) => check_table(node, table, called, faults),
        (Kind::Named(inner), Value::Table(entries)) => {
            for entry in entries {
                check(&entry.node, inner, &format!("`{}`", entry.key), faults);
            }
        }
        (Kind::List(inner), Value::List(items)) => items.iter().for_each(|item| check(item, inner, called, faults)),
        (Kind::OneOrList(inner), Value::List(items)) => {
            if items.is_empty() {
                let fault = node.place.fault(Code::BadValue, format!("{called} is an empty list"));
                faults.push(fault.help("give at least one value, or leave the key out for its default"));
            }
            for item in items {
                check(item, inner, called, faults);
            }
        }
        (Kind::OneOrList(inner), _) => check(node, inner, called, faults),
        (kind, _) => faults.push(wrong_type(node, expected(kind))),
    }
}

fn check_name(node: &Node, name: &str, called: &str, faults: &mut Faults) {
    let safe = slug(name);
    if safe != name || name.is_empty() {
        let fault = node.place.fault(Code::BadValue, format!("{called} is not fit for a file name"));
        let help = if safe.is_empty() {
            "write letters, digits, `.`, `_` and `-`".to_owned()
        } else {
            format!("write \"{safe}\"")
        };
        faults.push(fault.help(help));
    }
}

fn expected(kind: &Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Name | Kind::Path | Kind::Word(_) | Kind::Form(_) => "a string",
        Kind::Bool => "true or false",
        Kind::Integer(..) => "a whole number",
        Kind::Number(..) => "a number",
        Kind::Scalar => "a string, a number or a truth value",
        Kind::Free | Kind::Table(_) | Kind::Named(_) => "a table",
        Kind::List(_) => "a list",
        Kind::OneOrList(inner) => expected(inner),
    }
}

fn wrong_type(node: &Node, expected: &str) -> Fault {
    node.place
        .fault(Code::WrongType, format!("expected {expected}, found {}", node.kind()))
        .label(format!("expected {expected}"))
}

fn out_of_range(node: &Node, called: &str, low: &str, high: &str, open: bool) -> Fault {
    let range = if open { format!("at least {low}") } else { format!("between {low} and {high}") };
    node.place.fault(Code::BadValue, format!("{called} is out of range")).help(format!("write a number {range}"))
}

fn unknown_word(node: &Node, word: &str, words: &[&'static str], called: &str) -> Fault {
    let fault = node.place.fault(Code::BadValue, format!("`{word}` is not a value of {called}"));
    let all = format!("the values are {}", one_of(words.iter().copied()));
    match nearest(word, words.iter().copied()) {
        Some(near) => fault.help(format!("did you mean `{near}`?")).help(all),
        None => fault.help(all),
    }
}

fn check_form(node: &Node, form: Form, called: &str, faults: &mut Faults) {
    let numeric = matches!(form, Form::TokenSize | Form::Qps | Form::RequestCount | Form::Amount | Form::Limit);
    let text = match &node.value {
        Value::Text { used, .. } => used.clone(),
        Value::Integer(number) if numeric => number.to_string(),
        Value::Float(number) if matches!(form, Form::Qps | Form::Limit) => number.to_string(),
        Value::Integer(number) if matches!(form, Form::Duration | Form::PositiveDuration) => number.to_string(),
        _ => {
            faults.push(wrong_type(node, if numeric { "a number or a string" } else { "a string" }));
            return;
        }
    };
    // A variable that is not set stays as it is written when nothing is sent: there is nothing to check.
    if text.contains("${") {
        return;
    }
    if let Err(error) = parse_form(form, &text) {
        if form == Form::VariableName {
            faults.push(pasted_key(node, called, error.expected));
            return;
        }
        let fault = node.place.fault(Code::BadValue, format!("{called}: {}", error.wrong));
        faults.push(fault.help(format!("write {}", error.expected)));
    }
}

/// The value may be a key, pasted by mistake: neither words nor the source line repeat it.
fn pasted_key(node: &Node, called: &str, expected: &str) -> Fault {
    let (line, column) = node.place.source.position(node.place.span.start);
    let place = format!("{}:{line}:{column}", node.place.source.path.display());
    Fault::error(Code::BadValue, format!("{called} at {place} is not the name of an environment variable"))
        .help(format!("write {expected}"))
}

fn parse_form(form: Form, text: &str) -> Result<(), UnitError> {
    let fail = |what: &str, expected| Err(UnitError::new(format!("`{text}` {what}"), expected));
    match form {
        Form::Duration => parse_duration(text).map(drop),
        Form::PositiveDuration => match parse_duration(text)? {
            time if time.is_zero() => fail("is no time at all", "a duration above zero, as \"10s\""),
            _ => Ok(()),
        },
        Form::TokenSize => text.parse::<SizeSpec>().map(drop),
        Form::ImageSize => text.parse::<ImageSize>().map(drop),
        Form::Qps => text.parse::<Qps>().map(drop),
        Form::Arrivals => text.parse::<ArrivalDistribution>().map(drop),
        Form::RequestCount => match text.parse::<RequestCount>()? {
            RequestCount::Exactly(0) | RequestCount::PerConcurrent(0) => {
                fail("sends nothing", "a count above zero, as 80 or \"10x\"")
            }
            _ => Ok(()),
        },
        Form::Amount => text.parse::<Amount>().map(drop),
        Form::Url => match text.parse::<reqwest::Url>() {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
            _ => fail("is not an http or https URL", "a URL with its scheme, as \"http://127.0.0.1:8000/v1\""),
        },
        Form::VariableName => {
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if !text.is_empty() && text.chars().all(word) && !text.starts_with(|c: char| c.is_ascii_digit()) {
                return Ok(());
            }
            // The text may be the key itself, pasted by mistake: it is not repeated.
            let wrong = "this is not the name of an environment variable";
            Err(UnitError::new(
                wrong,
                "the NAME of the variable that holds the key, as \"SAMBANOVA_API_KEY\", never the key",
            ))
        }
        Form::JsonPointer if text.starts_with('/') => Ok(()),
        Form::JsonPointer => fail("is not a JSON pointer", "a path from the answer's root, as \"/usage/queue_time\""),
        Form::MethodAndPath => match text.split_once(' ') {
            Some(("GET" | "POST" | "PUT" | "DELETE", path)) if path.starts_with('/') => Ok(()),
            _ => fail("is not a method and a path", "as \"POST /reset_prefix_cache\""),
        },
        Form::Limit if text.parse::<f64>().is_ok_and(f64::is_finite) => Ok(()),
        Form::Limit => parse_duration(text)
            .map(drop)
            .map_err(|error| UnitError::new(error.wrong, "a number, as 800, or one with a unit, as \"800ms\"")),
        Form::Tokenizer => match text.strip_prefix("hf:") {
            Some(rest)
                if rest
                    .split('@')
                    .next()
                    .is_none_or(|name| name.split('/').filter(|part| !part.is_empty()).count() != 2) =>
            {
                fail("names no repository", "\"hf:org/name\" or \"hf:org/name@revision\"")
            }
            _ if text.is_empty() => fail("is empty", "a path to a tokenizer.json, \"hf:org/name\" or \"words\""),
            _ => Ok(()),
        },
    }
}
