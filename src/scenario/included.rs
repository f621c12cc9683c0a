//! Which templates a template names: found by reading its tags, so that digests and frozen inputs know every file
//! before anything is rendered.

use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::prompt::Included;
use crate::diagnostic::{Code, Fault, Faults, SourceFile};

/// Tags that name other templates.
const TAGS: [&str; 4] = ["include", "extends", "import", "from"];

/// Every template below `directory` that `files` name, directly or through one another, in order of name; and where
/// those would be that are not there.
pub(super) fn included(files: &[&Path], directory: &Path, faults: &mut Faults) -> (Vec<Included>, Vec<PathBuf>) {
    let (mut found, mut absent): (Vec<Included>, Vec<PathBuf>) = (Vec::new(), Vec::new());
    let mut open: Vec<PathBuf> = files.iter().map(|path| path.to_path_buf()).collect();
    while let Some(path) = open.pop() {
        // A file that does not read has its own fault where it is named.
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let source = SourceFile::new(path, text);
        for named in names(&source.text) {
            if found.iter().any(|known| known.name == named.name) {
                continue;
            }
            match locate(directory, &named, &source) {
                Ok(path) => {
                    open.push(path.clone());
                    found.push(Included { name: named.name, path });
                }
                Err(fault) => {
                    absent.extend(is_plain(&named.name).then(|| directory.join(&named.name)));
                    if !named.may_be_missing {
                        faults.push(fault);
                    }
                }
            }
        }
    }
    found.sort();
    (found, absent)
}

/// A name in a tag.
struct Named {
    name: String,
    span: Range<usize>,
    may_be_missing: bool,
}

fn names(text: &str) -> Vec<Named> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find('{').map(|start| at + start) {
        let rest = &text[start..];
        let (close, is_tag) = if rest.starts_with("{#") { ("#}", false) } else { ("%}", rest.starts_with("{%")) };
        let end = rest.find(close).map(|end| start + end);
        match end {
            Some(end) if is_tag => found.extend(names_of_tag(text, start + 2..end)),
            Some(_) if close == "#}" => {}
            _ => {
                at = start + 1;
                continue;
            }
        }
        at = end.unwrap_or(start) + close.len();
    }
    found
}

/// The quoted names of a tag's inside.
fn names_of_tag(text: &str, inside: Range<usize>) -> Vec<Named> {
    let tag = &text[inside.clone()];
    let word = tag.trim_start_matches(['-', '+']).split_whitespace().next().unwrap_or_default();
    let mut found = Vec::new();
    if !TAGS.contains(&word) {
        return found;
    }
    let may_be_missing = tag.contains("ignore missing");
    let mut at = 0;
    while let Some(open) = tag[at..].find(['"', '\'']).map(|open| at + open) {
        let quote = &tag[open..=open];
        let Some(length) = tag[open + 1..].find(quote) else { break };
        let name = &tag[open + 1..open + 1 + length];
        // Within a quoted string of YAML the quotes of a tag are escaped.
        let name = name.strip_suffix('\\').unwrap_or(name);
        let start = inside.start + open + 1;
        found.push(Named { name: name.to_owned(), span: start..start + name.len(), may_be_missing });
        at = open + length + 2;
    }
    found
}

/// The file of a name, which must lie below `directory`.
fn locate(directory: &Path, named: &Named, source: &Arc<SourceFile>) -> Result<PathBuf, Fault> {
    let fault = |code, message| Fault::error(code, message).at(source, named.span.clone());
    let path = directory.join(&named.name);
    let root = directory.canonicalize().or_else(|_| Path::new(".").canonicalize());
    // A link may lead out of the directory where the name does not.
    let escapes = match (root, path.canonicalize()) {
        (Ok(root), Ok(path)) => !path.starts_with(root),
        _ => false,
    };
    if !is_plain(&named.name) || escapes {
        return Err(fault(Code::BadValue, format!("template `{}` lies outside {}", named.name, shown(directory)))
            .help("templates include only what lies in the directory of the prompt file or below it"));
    }
    if path.is_file() {
        return Ok(path);
    }
    Err(fault(Code::File, format!("there is no template `{}`", named.name))
        .help(format!("it is looked for in {}, the directory of the prompt file", shown(directory))))
}

fn is_plain(name: &str) -> bool {
    Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

fn shown(directory: &Path) -> String {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    directory.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Style, render};

    #[test]
    fn names_are_found_in_tags_only() {
        for (text, expected) in [
            ("{% include \"a\" %} {%- extends 'b/c.jinja' -%} {% from \"m\" import x %}", vec!["a", "b/c.jinja", "m"]),
            ("{% include [\"a\", 'b'] ignore missing %}", vec!["a", "b"]),
            ("{# {% include \"a\" %} #} {{ \"b\" }} {% if x == \"c\" %} include \"d\"", vec![]),
            ("template: \"{% include \\\"a.jinja\\\" %}\"", vec!["a.jinja"]),
            ("{% include \"a", vec![]),
            ("{ {% include 'a' %}", vec!["a"]),
        ] {
            let found: Vec<String> = names(text).into_iter().map(|named| named.name).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn all_that_is_named_is_found_and_nothing_outside() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        };
        file("secret", "x");
        file("in/parts/b", "{% include 'c' %}{% include 'parts/b' %}");
        file("in/c", "plain");
        let prompts = file(
            "in/p.yaml",
            "{% include 'parts/b' %}\n{% include '../secret' %}\n{% include 'd' %}{% include 'e' ignore missing %}",
        );
        let mut faults = Faults::default();
        let (found, absent) = included(&[&prompts], &dir.path().join("in"), &mut faults);
        assert_eq!(found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["c", "parts/b"]);
        assert_eq!(absent, [dir.path().join("in/d"), dir.path().join("in/e")]);
        let shown = render(&faults, Style::Plain);
        assert!(shown.contains("`../secret` lies outside") && shown.contains("p.yaml:2:"), "{shown}");
        assert!(shown.contains("no template `d`") && faults.iter().count() == 2, "{shown}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_out_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("in")).unwrap();
        std::fs::write(dir.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink("../secret", dir.path().join("in/link")).unwrap();
        let prompts = dir.path().join("in/p.yaml");
        std::fs::write(&prompts, "{% include 'link' %}").unwrap();
        let mut faults = Faults::default();
        assert!(included(&[&prompts], &dir.path().join("in"), &mut faults).0.is_empty());
        assert!(render(&faults, Style::Plain).contains("lies outside"));
    }
}
