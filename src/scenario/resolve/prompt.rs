use std::time::Duration;

use crate::diagnostic::Faults;
use crate::scenario::tree::Node;
use crate::scenario::{Chat, Dataset, DatasetOrder, Prompt, PromptImages, SharedPrefix, Unique};

pub(super) fn prompt(node: Option<&Node>, faults: &mut Faults) -> Prompt {
    let Some(node) = node else {
        return Prompt {
            file: None,
            multiple: false,
            system: None,
            unique: Unique::Run,
            shared_prefix: no_prefix(),
            image: PromptImages::default(),
        };
    };
    Prompt {
        file: node.existing_file("file", faults),
        multiple: node.truth("multiple").unwrap_or(false),
        system: node.existing_file("system", faults),
        unique: node.word("unique").unwrap_or(Unique::Run),
        shared_prefix: node.get("shared_prefix").map_or_else(no_prefix, |prefix| SharedPrefix {
            tokens: prefix.whole("tokens").unwrap_or(0),
            groups: prefix.whole("groups").unwrap_or(1),
        }),
        image: node.get("image").map(images).unwrap_or_default(),
    }
}

fn images(node: &Node) -> PromptImages {
    let default = PromptImages::default();
    PromptImages {
        count: node.whole("count").unwrap_or(default.count),
        format: node.word("format").unwrap_or(default.format),
        quality: node.whole("quality").unwrap_or(default.quality),
    }
}

fn no_prefix() -> SharedPrefix {
    SharedPrefix { tokens: 0, groups: 1 }
}

pub(super) fn dataset(node: &Node, faults: &mut Faults) -> Option<Dataset> {
    Some(Dataset {
        file: node.existing_file("file", faults)?,
        order: node.word("order").unwrap_or(DatasetOrder::File),
        template: node.text("template"),
    })
}

pub(super) fn chat(node: &Node) -> Chat {
    Chat { turns: node.whole("turns").unwrap_or(4), think_time: node.duration("think_time").unwrap_or(Duration::ZERO) }
}
