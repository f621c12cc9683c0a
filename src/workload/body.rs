use serde_json::{Map, Value};

use super::template::{Sources, Template};
use crate::diagnostic::Fault;
use crate::scenario::Axes;
use crate::seed::Seed;

/// The extra keys of a body with every string rendered that names an axis of the cell; other templates, such as a chat
/// template for the server, stay as they are.
///
/// A string of nothing but `{{ axis }}` becomes the axis's value, a number where that is one.
///
/// # Errors
/// What does not render.
pub fn render_body(body: &Map<String, Value>, axes: &Axes) -> Result<Map<String, Value>, Fault> {
    body.iter().map(|(key, value)| Ok((key.clone(), render(key, value, axes)?))).collect()
}

fn render(key: &str, value: &Value, axes: &Axes) -> Result<Value, Fault> {
    Ok(match value {
        Value::String(text) if text.contains("{{") => render_text(key, text, axes)?,
        Value::Array(items) => items.iter().map(|item| render(key, item, axes)).collect::<Result<_, _>>()?,
        Value::Object(table) => Value::Object(render_body(table, axes)?),
        other => other.clone(),
    })
}

fn render_text(key: &str, text: &str, axes: &Axes) -> Result<Value, Fault> {
    let verbatim = || Value::from(text);
    let Ok(template) = Template::new(key, text, None, &Sources::default()) else { return Ok(verbatim()) };
    let names = template.names();
    let Some((axis, value)) = axes.iter().find(|(axis, _)| names.contains(axis.as_str())) else {
        return Ok(verbatim());
    };
    let inner = text.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
    if inner.is_some_and(|inner| inner.trim() == axis.as_str()) {
        return Ok(value.to_json());
    }
    template.render(axes, 0, Seed::root(0)).map(Value::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::{AxisName, AxisValue};

    #[test]
    fn strings_that_name_an_axis_are_rendered_and_others_stay() {
        let var = |name: &str| AxisName::Var(name.to_owned());
        let axes: Axes = [(var("language"), AxisValue::Text("ko".to_owned())), (var("top"), AxisValue::Integer(40))]
            .into_iter()
            .collect();
        for (written, sent) in [
            (json!("in {{ language }}"), json!("in ko")),
            (json!("{{ language }}"), json!("ko")),
            (json!("{{top}}"), json!(40)),
            (json!("{{ top }} of {{ language }}"), json!("40 of ko")),
            (json!({"a": [1, "x-{{ language }}"]}), json!({"a": [1, "x-ko"]})),
            // For the server, or not a template at all.
            (
                json!("{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}"),
                json!("{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}"),
            ),
            (json!("{{ {{"), json!("{{ {{")),
            (json!("language"), json!("language")),
            (json!(1.5), json!(1.5)),
        ] {
            let body = Map::from_iter([("key".to_owned(), written.clone())]);
            assert_eq!(render_body(&body, &axes).unwrap()["key"], sent, "{written}");
        }
        let wrong = Map::from_iter([("key".to_owned(), json!("{{ language }} {{ langage }}"))]);
        assert!(render_body(&wrong, &axes).unwrap_err().message.contains("`langage` is not defined"));
    }
}
