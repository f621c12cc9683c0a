use console::{measure_text_width, style, truncate_str};

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

/// A text of a table, the mark behind it, and how both stand out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) mark: Option<char>,
    pub(super) emphasis: Emphasis,
}

impl Cell {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self { emphasis: Emphasis::Bad, ..Self::plain(text) }
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
        self.text_width() + self.mark_width()
    }

    fn text_width(&self) -> usize {
        let cells = self.cells.iter().map(|cell| measure_text_width(&cell.text)).max().unwrap_or(0);
        cells.max(measure_text_width(&self.name))
    }

    /// Room for marks, only where there are any; marks stand beside the digits, so that those stay aligned.
    fn mark_width(&self) -> usize {
        usize::from(self.cells.iter().any(|cell| cell.mark.is_some()))
    }

    /// The header in one line, for formats that have no groups.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.group, self.name).trim().to_owned()
    }

    fn draw(&self, text: &str, mark: Option<char>, width: usize) -> String {
        let marks = self.mark_width();
        let padded = pad(text, width.saturating_sub(marks), self.right);
        if marks > 0 { format!("{padded}{}", mark.unwrap_or(' ')) } else { padded }
    }

    /// Cuts the middle out of texts that are wider than this.
    fn squeeze(&mut self, width: usize) {
        for text in self.cells.iter_mut().map(|cell| &mut cell.text).chain([&mut self.name]) {
            *text = without_middle(text, width);
        }
    }
}

/// Beginning and end, which tell names apart, with an ellipsis between.
fn without_middle(text: &str, width: usize) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= width {
        return text.to_owned();
    }
    let tail = width.saturating_sub(1) / 2;
    let head = width.saturating_sub(1 + tail);
    let part = |range: &[char]| range.iter().collect::<String>();
    format!("{}…{}", part(&characters[..head]), part(&characters[characters.len() - tail..]))
}

const GAP: &str = "  ";

/// A column of words is not squeezed below this.
const LEAST_WORDS: usize = 8;

/// Columns laid side by side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Grid {
    pub(super) columns: Vec<Column>,
    /// Rows that a blank line goes before.
    pub(super) breaks: Vec<usize>,
}

impl Grid {
    /// Takes out the most expendable columns until the rest fits, then squeezes words; returns the titles of those
    /// taken out, in the order of the table.
    pub(super) fn fit(&mut self, width: usize) -> Vec<String> {
        let mut dropped: Vec<(usize, String)> = Vec::new();
        let mut places: Vec<usize> = (0..self.columns.len()).collect();
        while self.width() > width {
            let candidates = self.columns.iter().enumerate().filter(|(_, column)| column.expendable > 0);
            // Of equals the last one goes first.
            let Some((at, _)) = candidates.max_by_key(|(at, column)| (column.expendable, *at)) else { break };
            dropped.push((places.remove(at), self.columns.remove(at).title()));
        }
        self.squeeze(width);
        dropped.sort();
        dropped.into_iter().map(|(_, title)| title).collect()
    }

    /// Squeezes the widest column of words, again and again, while that helps.
    fn squeeze(&mut self, width: usize) {
        while self.width() > width {
            let words = self.columns.iter_mut().filter(|column| !column.right && column.width() > LEAST_WORDS);
            let Some(widest) = words.max_by_key(|column| column.width()) else { break };
            let narrower = widest.width() - 1;
            widest.squeeze(narrower);
        }
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(Column::width).collect();
        // A group's word may be wider than its columns together: the first one takes the rest.
        for (from, to) in self.groups() {
            let inner = span(&widths, from, to) - self.columns[to].mark_width();
            widths[from] += measure_text_width(&self.columns[from].group).saturating_sub(inner);
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

    fn width(&self) -> usize {
        let widths = self.widths();
        if widths.is_empty() { 0 } else { span(&widths, 0, widths.len() - 1) }
    }

    fn rows(&self) -> usize {
        self.columns.iter().map(|column| column.cells.len()).max().unwrap_or(0)
    }

    /// Two lines of header, a rule that shows the groups, and a line a row; none is wider than `width`.
    pub(super) fn terminal(&self, width: usize, coloured: bool) -> Vec<String> {
        let widths = self.widths();
        let mut lines = Vec::new();
        if self.columns.iter().any(|column| !column.group.is_empty()) {
            let groups = self.groups().into_iter().map(|(from, to)| {
                let marks = self.columns[to].mark_width();
                let inner = span(&widths, from, to) - marks;
                centre(&self.columns[from].group, inner) + &" ".repeat(marks)
            });
            lines.push(groups.collect::<Vec<_>>().join(GAP));
        }
        let names = self.columns.iter().zip(&widths).map(|(column, width)| column.draw(&column.name, None, *width));
        lines.push(names.collect::<Vec<_>>().join(GAP));
        let rules = self.groups().into_iter().map(|(from, to)| "─".repeat(span(&widths, from, to)));
        lines.push(rules.collect::<Vec<_>>().join(GAP));
        for row in 0..self.rows() {
            if self.breaks.contains(&row) {
                lines.push(String::new());
            }
            let cells = self.columns.iter().zip(&widths).map(|(column, width)| {
                let cell = column.cells.get(row).cloned().unwrap_or_default();
                let drawn = column.draw(&cell.text, cell.mark, *width);
                if coloured { paint(&drawn, cell.emphasis) } else { drawn }
            });
            lines.push(cells.collect::<Vec<_>>().join(GAP));
        }
        lines.iter().map(|line| truncate_str(line.trim_end(), width, "…").into_owned()).collect()
    }

    /// A Markdown table.
    pub(super) fn markdown(&self) -> Vec<String> {
        let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let mut lines = vec![
            row(self.columns.iter().map(|column| escape(&column.title())).collect()),
            row(self.columns.iter().map(|column| if column.right { "---:" } else { "---" }.to_owned()).collect()),
        ];
        let text = |cell: &Cell| match cell.mark {
            Some(mark) => format!("{} {mark}", escape(&cell.text)),
            None => escape(&cell.text),
        };
        for at in 0..self.rows() {
            lines.push(row(self
                .columns
                .iter()
                .map(|column| column.cells.get(at).map_or_else(String::new, text))
                .collect()));
        }
        lines
    }
}

/// The width of some neighbours with the gaps between them.
fn span(widths: &[usize], from: usize, to: usize) -> usize {
    widths[from..=to].iter().sum::<usize>() + GAP.len() * (to - from)
}

/// A cell's text must not end the cell.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn pad(text: &str, width: usize, right: bool) -> String {
    let space = " ".repeat(width.saturating_sub(measure_text_width(text)));
    if right { format!("{space}{text}") } else { format!("{text}{space}") }
}

fn centre(text: &str, width: usize) -> String {
    let space = width.saturating_sub(measure_text_width(text));
    format!("{}{text}{}", " ".repeat(space - space / 2), " ".repeat(space / 2))
}

/// Whatever the terminal of this process is: who calls has asked for colour.
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
