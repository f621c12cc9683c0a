use std::collections::HashMap;

use super::parts::Parts;
use crate::scenario::language::{Kind, SCENARIO, Table};

/// Where a table's keys go.
#[derive(Clone, Copy)]
enum Container {
    /// In the order of the language.
    Known(&'static Table),
    /// In the order of the file: names of the user's own.
    Named(&'static Kind),
    /// As it is, with all below it.
    Free,
}

impl Container {
    fn of(kind: &'static Kind) -> Self {
        match kind {
            Kind::Table(table) | Kind::Cells(table) => Self::Known(table),
            Kind::Named(inner) => Self::Named(inner),
            Kind::List(inner) | Kind::OneOrList(inner) => Self::of(inner),
            _ => Self::Free,
        }
    }

    /// The place of a key, and what it contains. Unknown keys come last, as they stand.
    fn find(self, key: &str) -> (usize, Self) {
        match self {
            Self::Known(table) => match table.keys.iter().position(|known| known.name == key) {
                Some(at) => (at, Self::of(&table.keys[at].kind)),
                None => (table.keys.len(), Self::Free),
            },
            Self::Named(inner) => (0, Self::of(inner)),
            Self::Free => (0, Self::Free),
        }
    }
}

/// Puts tables and the keys in them in the order of the language; what it does not order stays as it stands.
pub(super) fn sort(parts: &mut Parts) {
    let mut ranks = Ranks::default();
    let keys: Vec<Vec<usize>> = parts
        .sections
        .iter()
        .map(|section| match &section.header {
            Some(header) => ranks.of(&header.place.path, header.is_array),
            None => Vec::new(),
        })
        .collect();
    for section in &mut parts.sections {
        let path = section.header.as_ref().map(|header| header.place.path.as_slice()).unwrap_or_default();
        let inside = path.iter().fold(Container::Known(&SCENARIO), |container, key| container.find(key).1);
        section.entries.sort_by_key(|entry| entry.place.path.first().map_or(0, |key| inside.find(key).0));
    }
    let mut sections: Vec<(Vec<usize>, _)> = keys.into_iter().zip(std::mem::take(&mut parts.sections)).collect();
    sections.sort_by(|(one, _), (other, _)| one.cmp(other));
    parts.sections = sections.into_iter().map(|(_, section)| section).collect();
}

/// Where tables go among one another.
#[derive(Default)]
struct Ranks {
    /// Names of the user's own, by the order in which they appear.
    names: HashMap<Vec<String>, usize>,
    /// Elements so far of every `[[list]]`.
    elements: HashMap<Vec<String>, usize>,
}

impl Ranks {
    /// The place of a header. A table below an element of a list belongs to that element.
    fn of(&mut self, path: &[String], is_array: bool) -> Vec<usize> {
        if is_array {
            *self.elements.entry(path.to_vec()).or_default() += 1;
        }
        // The root comes first.
        let (mut container, mut places) = (Container::Known(&SCENARIO), vec![1]);
        for depth in 0..path.len() {
            let prefix = &path[..=depth];
            let (at, inside) = container.find(&path[depth]);
            places.push(match container {
                Container::Known(_) => at,
                Container::Named(_) => {
                    let next = self.names.len();
                    *self.names.entry(prefix.to_vec()).or_insert(next)
                }
                Container::Free => return places,
            });
            let unknown = matches!(container, Container::Known(table) if at == table.keys.len());
            if unknown {
                return places;
            }
            if let Some(element) = self.elements.get(prefix) {
                places.push(*element);
            }
            container = inside;
        }
        places
    }
}
