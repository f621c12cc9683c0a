use super::grid::{Cell, Column, Grid};

/// A column of an aligned table: a header in two lines (what it belongs to, and its name) and a text a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextColumn {
    /// What it belongs to: `arrival error us`; neighbours of one group share it.
    pub group: String,
    /// Its name: `p99`.
    pub name: String,
    /// A text a row.
    pub cells: Vec<String>,
    /// Numbers go to the right, words to the left.
    pub right: bool,
    /// Higher goes first when room is short; 0 never goes.
    pub expendable: u8,
}

/// Columns side by side, no line wider than `width`; a last line names the columns that there is no room for.
#[must_use]
pub fn aligned(columns: Vec<TextColumn>, width: usize) -> String {
    let columns = columns.into_iter().map(|column| Column {
        group: column.group,
        name: column.name,
        cells: column.cells.into_iter().map(Cell::plain).collect(),
        right: column.right,
        expendable: column.expendable,
    });
    let mut grid = Grid { columns: columns.collect(), ..Grid::default() };
    let dropped = grid.fit(width);
    let mut lines = grid.terminal(width, false);
    if !dropped.is_empty() {
        lines.push(format!("no room for: {}", dropped.join(", ")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_named() {
        let column = |name: &str, cell: &str, expendable| TextColumn {
            name: name.to_owned(),
            cells: vec![cell.to_owned()],
            right: true,
            expendable,
            ..TextColumn::default()
        };
        let columns = vec![column("streams", "100", 0), column("memory", "25", 1)];
        assert_eq!(aligned(columns.clone(), 80), "streams  memory\n───────  ──────\n    100      25");
        assert_eq!(aligned(columns, 10), "streams\n───────\n    100\nno room for: memory");
    }
}
