use std::fmt;
use std::path::Path;

use crate::plan::CellId;

/// Names one repeat of one cell in a stored run; written `<cell>.<repeat>`, the stem of its files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitId {
    /// The cell.
    pub cell: CellId,
    /// From 0.
    pub repeat: u32,
}

impl UnitId {
    /// The repeat of a cell.
    pub fn new(cell: CellId, repeat: u32) -> Self {
        Self { cell, repeat }
    }

    /// The unit that `path` belongs to; `None` when its name is not `<cell>.<repeat>.<extension>`.
    pub fn of_file(path: &Path, extension: &str) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (cell, repeat) = name.strip_suffix(extension)?.strip_suffix('.')?.rsplit_once('.')?;
        (!cell.is_empty() && !cell.starts_with('.')).then_some(())?;
        Some(Self::new(CellId::new(cell), repeat.parse().ok()?))
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.cell, self.repeat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_read_from_the_name_of_its_file() {
        let unit = UnitId::new(CellId::new("llama-3.3_c4-0a1b2c3d"), 12);
        let file = format!("requests/{unit}.parquet");
        assert_eq!(UnitId::of_file(Path::new(&file), "parquet"), Some(unit));
        for other in ["a.b.parquet", "a.parquet", ".writing-a.0.parquet", "a.0.jsonl", ".0.parquet", "a.0parquet"] {
            assert_eq!(UnitId::of_file(Path::new(other), "parquet"), None, "{other}");
        }
    }
}
