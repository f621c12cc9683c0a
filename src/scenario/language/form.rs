use super::wording::wrong_type;
use super::{Form, Kind};
use crate::diagnostic::{Code, Faults};
use crate::scenario::proxy_url::ProxyUrl;
use crate::scenario::tree::{Node, Value};
use crate::units::{
    Amount, ArrivalDistribution, ImageSize, Qps, RequestCount, Series, SizeSpec, UnitError, parse_duration,
};

/// Holds a scalar against its form.
pub(super) fn check(node: &Node, form: Form, path: &str, faults: &mut Faults) {
    let text = match &node.value {
        Value::Text { used, .. } => used.clone(),
        Value::Integer(number) if takes_whole_numbers(form) => number.to_string(),
        Value::Float(number) if takes_numbers(form) => number.to_string(),
        // A duration without its unit: its parser says so better than its type does.
        Value::Integer(_) | Value::Float(_) if matches!(form, Form::Duration | Form::PositiveDuration) => {
            node.scalar().unwrap_or_default()
        }
        _ => {
            faults.push(wrong_type(node, &Kind::Form(form), path));
            return;
        }
    };
    // A variable that is not set stays as it is written when nothing is sent: there is nothing to check.
    if text.contains("${") {
        return;
    }
    if let Err(error) = parse_form(form, &text) {
        let fault = node.place.fault(Code::BadValue, format!("`{path}`: {}", error.wrong));
        faults.push(fault.help(format!("write {}", error.expected)));
    }
}

fn parse_form(form: Form, text: &str) -> Result<(), UnitError> {
    let shown = if text.is_empty() { "an empty string".to_owned() } else { format!("`{text}`") };
    let fail = |what: &str, expected| Err(UnitError::new(format!("{shown} {what}"), expected));
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
        Form::Url if is_url(text) => Ok(()),
        Form::Url => fail("is not an http or https URL", "a URL with its scheme, as \"http://127.0.0.1:8000/v1\""),
        Form::UrlOrPath if text.starts_with('/') || is_url(text) => Ok(()),
        Form::UrlOrPath => fail(
            "is neither an http or https URL nor a path",
            "a URL with its scheme, as \"http://127.0.0.1:8000/metrics\", or a path from the server's root, as \"/metrics\"",
        ),
        Form::Series => text.parse::<Series>().map(drop),
        // The text may hold a password: it is not repeated.
        Form::Proxy if text == "none" || ProxyUrl::parse(text).is_ok() => Ok(()),
        Form::Proxy => Err(UnitError::new(
            "this is not the URL of an HTTP proxy that is spoken to in clear",
            "its URL, as \"http://proxy:3128\", or \"none\"",
        )),
        Form::VariableName if is_variable_name(text) => Ok(()),
        // The text may be the key itself, pasted by mistake: it is not repeated.
        Form::VariableName => Err(UnitError::new(
            "this is not the name of an environment variable",
            "the NAME of the variable that holds the key, as \"SAMBANOVA_API_KEY\", never the key",
        )),
        Form::JsonPointer if text.starts_with('/') => Ok(()),
        Form::JsonPointer => fail("is not a JSON pointer", "a path from the answer's root, as \"/usage/queue_time\""),
        Form::MethodAndPath => match text.split_once(' ') {
            Some(("GET" | "POST" | "PUT" | "DELETE", path)) if path.starts_with('/') => Ok(()),
            _ => fail("is not a method and a path", "one, as \"POST /reset_prefix_cache\""),
        },
        Form::Limit if text.parse::<f64>().is_ok_and(f64::is_finite) => Ok(()),
        Form::Limit => parse_duration(text)
            .map(drop)
            .map_err(|error| UnitError::new(error.wrong, "a number, as 800, or one with a unit, as \"800ms\"")),
        Form::Tokenizer if text.is_empty() => {
            fail("is no tokenizer", "a path to a tokenizer.json, \"hf:org/name\" or \"words\"")
        }
        Form::Tokenizer => match text.strip_prefix("hf:") {
            Some(hub) if !is_repository(hub) => {
                fail("names no repository", "\"hf:org/name\" or \"hf:org/name@revision\"")
            }
            _ => Ok(()),
        },
    }
}

fn is_url(text: &str) -> bool {
    text.parse::<reqwest::Url>().is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Whether `text` can name an environment variable.
pub(in crate::scenario) fn is_variable_name(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.is_empty() && text.chars().all(word) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether `hub` is `org/name`, a revision after it or not.
pub(in crate::scenario) fn is_repository(hub: &str) -> bool {
    let name = hub.split('@').next().unwrap_or_default();
    name.split('/').count() == 2 && name.split('/').all(|part| !part.is_empty())
}

/// Whether a form is also written as a whole number.
pub(super) fn takes_whole_numbers(form: Form) -> bool {
    matches!(form, Form::TokenSize | Form::RequestCount | Form::Amount) || takes_numbers(form)
}

/// Whether a form is also written as any number.
pub(super) fn takes_numbers(form: Form) -> bool {
    matches!(form, Form::Qps | Form::Limit)
}
