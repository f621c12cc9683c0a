use console::{measure_text_width, style};

/// How a cell of a table stands out; always beside a mark that needs no colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Emphasis {
    /// Not at all.
    #[default]
    Plain,
    /// Best of its group.
    Best,
    /// Worst of its group.
    Worst,
    /// Not to be relied on.
    Dim,
    /// Wrong.
    Bad,
}

/// A text of a table and how it stands out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) emphasis: Emphasis,
}

impl Cell {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), emphasis: Emphasis::Plain }
    }
}

/// A column: its header in two lines (group and name), its cells, and what it is worth when room is short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// What the column belongs to: `TTFT ms`; neighbours of one group share it.
    pub(super) group: String,
    /// Its name: `p50`.
    pub(super) name: String,
    pub(super) cells: Vec<Cell>,
    /// Numbers go to the right, words to the left.
    pub(super) right: bool,
    /// Higher goes first when room is short; 0 never goes.
    pub(super) expendable: u8,
}

impl Column {
    fn width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| measure_text_width(&cell.text)).max().unwrap_or(0);
        cells.max(measure_text_width(&self.name))
    }

    /// The header in one line, for formats that have no groups.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.group, self.name).trim().to_owned()
    }
}

const GAP: &str = "  ";

/// Columns laid side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) columns: Vec<Column>,
}

impl Grid {
    /// Takes out the most expendable columns until the rest fits; returns the titles of those taken out.
    pub(super) fn fit(&mut self, width: usize) -> Vec<String> {
        let mut dropped = Vec::new();
        while self.width() > width {
            let candidates = self.columns.iter().enumerate().filter(|(_, column)| column.expendable > 0);
            // Of equals the last one goes first.
            let Some((at, _)) = candidates.max_by_key(|(at, column)| (column.expendable, *at)) else { break };
            dropped.push(self.columns.remove(at).title());
        }
        dropped.reverse();
        dropped
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(Column::width).collect();
        // A group's word may be wider than its columns together: the last one takes the rest.
        for (from, to) in self.groups() {
            let inner: usize = widths[from..=to].iter().sum::<usize>() + GAP.len() * (to - from);
            widths[to] += measure_text_width(&self.columns[from].group).saturating_sub(inner);
        }
        widths
    }

    /// First and last column of each run of one group.
    fn groups(&self) -> Vec<(usize, usize)> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for at in 0..self.columns.len() {
            match runs.last_mut() {
                Some((from, to))
                    if !self.columns[at].group.is_empty() && self.columns[*from].group == self.columns[at].group =>
                {
                    *to = at;
                }
                _ => runs.push((at, at)),
            }
        }
        runs
    }

    pub(super) fn width(&self) -> usize {
        self.widths().iter().sum::<usize>() + GAP.len() * self.columns.len().saturating_sub(1)
    }

    /// Two lines of header, a rule, and a line a row.
    pub(super) fn terminal(&self, coloured: bool) -> Vec<String> {
        let widths = self.widths();
        let mut lines = Vec::new();
        if self.columns.iter().any(|column| !column.group.is_empty()) {
            let groups = self.groups().into_iter().map(|(from, to)| {
                let inner = widths[from..=to].iter().sum::<usize>() + GAP.len() * (to - from);
                pad(&self.columns[from].group, inner, self.columns[from].right)
            });
            lines.push(groups.collect::<Vec<_>>().join(GAP).trim_end().to_owned());
        }
        let names = self.columns.iter().zip(&widths).map(|(column, width)| pad(&column.name, *width, column.right));
        lines.push(names.collect::<Vec<_>>().join(GAP).trim_end().to_owned());
        lines.push(widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>().join(GAP));
        let rows = self.columns.iter().map(|column| column.cells.len()).max().unwrap_or(0);
        for row in 0..rows {
            let cells = self.columns.iter().zip(&widths).map(|(column, width)| {
                let cell = column.cells.get(row).cloned().unwrap_or_default();
                let padded = pad(&cell.text, *width, column.right);
                if coloured { paint(&padded, cell.emphasis) } else { padded }
            });
            lines.push(cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned());
        }
        lines
    }

    /// A Markdown table.
    pub(super) fn markdown(&self) -> Vec<String> {
        let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let mut lines = vec![
            row(self.columns.iter().map(|column| escape(&column.title())).collect()),
            row(self.columns.iter().map(|column| if column.right { "---:" } else { "---" }.to_owned()).collect()),
        ];
        let rows = self.columns.iter().map(|column| column.cells.len()).max().unwrap_or(0);
        for at in 0..rows {
            lines.push(row(self
                .columns
                .iter()
                .map(|column| column.cells.get(at).map_or(String::new(), |cell| escape(cell.text.trim())))
                .collect()));
        }
        lines
    }
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|")
}

fn pad(text: &str, width: usize, right: bool) -> String {
    let space = " ".repeat(width.saturating_sub(measure_text_width(text)));
    if right { format!("{space}{text}") } else { format!("{text}{space}") }
}

fn paint(text: &str, emphasis: Emphasis) -> String {
    let plain = style(text).force_styling(emphasis != Emphasis::Plain);
    let painted = match emphasis {
        Emphasis::Plain => plain,
        Emphasis::Best => plain.green().bold(),
        Emphasis::Worst => plain.yellow(),
        Emphasis::Dim => plain.dim(),
        Emphasis::Bad => plain.red().bold(),
    };
    painted.to_string()
}
