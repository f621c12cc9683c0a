use proptest::prelude::*;

use super::*;

fn formatted(text: &str) -> String {
    canonical(&SourceFile::new("s.toml", text)).unwrap_or_else(|faults| panic!("{:?} in {text}", faults.iter().next()))
}

const MESSY: &str = "\
#:schema s.json
# About this file.
seed=1
name   =  'a'   # the name
[load]
  requests = 4


  warmup=\"1x\"
[ endpoints . b ]   # second by name, first here
api = \"simulator\"
[endpoints.a]
simulator = {ttft=\"5ms\",itl = \"1ms\" , }
api=\"simulator\"
# What is measured:
[matrix]
concurrency = [1,4 , 16,]
model=[\"m\",\"n\"]
vars={ x=[1],y = [ ] }
# image_size = \"small\"

# Excluded.

[[matrix.exclude]]
model = \"m\"
[[matrix.block]]
model = \"n\"
input_tokens = [
  1, # one
  2,
]

# the end
";

const CANONICAL: &str = "\
#:schema s.json
# About this file.

name = 'a'      # the name
seed = 1

[endpoints.b]       # second by name, first here
api = \"simulator\"

[endpoints.a]
api = \"simulator\"
simulator = { ttft = \"5ms\", itl = \"1ms\", }

# What is measured:
[matrix]
model = [\"m\", \"n\"]
concurrency = [1, 4, 16]
vars = { x = [1], y = [] }
# image_size = \"small\"

[[matrix.block]]
model = \"n\"
input_tokens = [
  1, # one
  2,
]

# Excluded.

[[matrix.exclude]]
model = \"m\"

[load]
requests = 4

warmup = \"1x\"

# the end
";

#[test]
fn spaces_blank_lines_and_order_are_the_languages() {
    assert_eq!(formatted(MESSY), CANONICAL);
    assert_eq!(formatted(CANONICAL), CANONICAL);
}

#[test]
fn what_is_canonical_stays_as_it_is() {
    for text in [
        "",
        "# only this\n",
        "[load]\nrequests = 4  # how many:\n              # four\n# for each\nwarmup = 1\n",
        "#:schema x\n\n[matrix]\nmodel = \"m\"\n",
        "[matrix]\n# above\nmodel = \"m\"\n# below\n\nmode = \"chat\"\n",
        "[load.hooks] # asked for\n# before_cell = \"./x\"\n\n[output]\ndebug = true\n",
        "about = \"\"\"\na  \n\n# no comment\n\"\"\"\n",
    ] {
        assert_eq!(formatted(text), text);
    }
}

#[test]
fn an_order_that_means_something_stays() {
    // `b` in the parent table comes after `a`; sorted, it would come before and be the default endpoint.
    let text = "[endpoints.a]\napi = \"simulator\"\n\n[endpoints]\nb = { api = \"simulator\" }\n";
    assert_eq!(formatted(text), text);
    // A table below an element of a list stays with it.
    let text = "[[gate]]\nmetric = \"a\"\n\n[gate.where]\nx = 1\n\n[[gate]]\nmetric = \"b\"\n\n[gate.where]\nx = 2\n";
    assert_eq!(formatted(text), text);
    let unknown = "[[zoo]]\na = 1\n\n[zoo.x]\nb = 1\n\n[[zoo]]\na = 2\n\n[zoo.x]\nb = 2\n";
    assert_eq!(formatted(unknown), unknown);
}

#[test]
fn a_syntax_error_is_told_and_line_ends_are_one_kind() {
    assert!(canonical(&SourceFile::new("s.toml", "a = [\nb = 1\n")).is_err());
    assert_eq!(formatted("name = \"a\"\r\n\r\n\r\nseed = 1\r\n"), "name = \"a\"\n\nseed = 1\n");
}

/// Keys of the root and of a table, in any order, with any spaces, comments and blank lines between them.
fn messy() -> impl Strategy<Value = String> {
    let root =
        ["name = \"x\"", "seed=7", "tags =[ \"a\",\"b\" ]", "labels = {b=\"1\",  a = \"2\"}", "zoo.a=1", "zoo . b = 2"];
    let tables = [
        "[matrix]\nconcurrency=[1,4]\n# odd\nmodel = \"m\"",
        "[endpoints.z]\napi=\"simulator\"",
        "[endpoints.b.simulator]\nttft =\"1ms\"",
        "[[gate]]\nmetric=\"e2e_ms\"\n\nwhere = { concurrency=1 }",
        "[[gate]]\nmetric=\"ttft_ms\"\n[gate.where]\nconcurrency = 4",
        "[load]\nrequests= 4 # four\nwarmup = [\n# inside\n 1]",
        "[profiles.quick]\nload={requests=1}",
        "[strange]\nkey = \"\"\"\n  # text\n\"\"\"",
    ];
    let noise = || {
        prop_oneof![
            Just(""),
            Just("\n"),
            Just("\n\n\n"),
            Just("# word\n"),
            Just("\n# alone\n\n"),
            Just("  # set in\n"),
            Just("# glued\n\n")
        ]
    };
    let root = (Just(root.to_vec()).prop_shuffle(), proptest::collection::vec(noise(), 6));
    let tables = (Just(tables.to_vec()).prop_shuffle(), proptest::collection::vec(noise(), 9));
    (root, tables).prop_map(|((root, above), (tables, between))| {
        let mut text = String::new();
        for (line, noise) in root.iter().zip(above) {
            text.extend([noise, line, "  # on a line\n"]);
        }
        for (table, noise) in tables.iter().zip(&between) {
            text.extend([noise, table, "\n"]);
        }
        text + between[8]
    })
}

fn comments(text: &str) -> Vec<String> {
    let mut found: Vec<String> =
        text.lines().filter_map(|line| Some(line[line.find('#')?..].trim_end().to_owned())).collect();
    found.sort();
    found
}

proptest! {
    #[test]
    fn formatting_twice_is_once_and_nothing_is_lost(text in messy()) {
        let source = SourceFile::new("s.toml", text.as_str());
        let before = Node::parse(&source, &mut Faults::default());
        let once = formatted(&text);
        prop_assert!(means(&before, &source, &once), "{text}\n----\n{once}");
        prop_assert_eq!(comments(&text), comments(&once), "{}\n----\n{}", text, once);
        prop_assert_eq!(formatted(&once), once);
    }
}
