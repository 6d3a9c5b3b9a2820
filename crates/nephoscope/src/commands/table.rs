//! Columns that line up, with lines between the rows that belong to the row above them.

use super::paint::Paint;

/// What stands in a cell without a value.
const NOTHING: &str = "-";

/// Between two columns.
const GAP: &str = "  ";

/// One cell.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    level: String,
}

impl Cell {
    /// In the terminal's own colour.
    pub(crate) fn plain(text: String) -> Self {
        Self::painted(text, String::new())
    }

    /// In the colour of a level.
    pub(crate) fn painted(text: String, level: String) -> Self {
        let text = if text.is_empty() { NOTHING.to_owned() } else { text };
        Self { text, level }
    }
}

#[derive(Debug)]
enum Line {
    Row(Vec<Cell>),
    Note(String),
    Advice(String),
}

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    /// A heading that begins with `>` is of a column of numbers, set to the right.
    headings: &'static [&'static str],
    lines: Vec<Line>,
}

impl Table {
    pub(crate) fn new(headings: &'static [&'static str]) -> Self {
        Self {
            headings,
            lines: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.lines.push(Line::Row(cells));
    }

    /// What belongs to the row above.
    pub(crate) fn note(&mut self, text: String) {
        self.lines.push(Line::Note(text));
    }

    /// What to do about the row above; said once for rows that follow each other with the same.
    pub(crate) fn advice(&mut self, text: String) {
        let said = self.lines.iter().rev().find_map(|line| match line {
            Line::Advice(before) => Some(before == &text),
            Line::Row(_) | Line::Note(_) => None,
        });
        if !text.is_empty() && said != Some(true) {
            self.lines.push(Line::Advice(text));
        }
    }

    /// As text.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let widths = self.widths();
        let names = self
            .headings
            .iter()
            .map(|h| paint.heading(h.trim_start_matches('>')));
        let mut text = self.line(
            names.zip(self.headings.iter().map(|h| width(h.trim_start_matches('>')))),
            &widths,
        );
        for line in &self.lines {
            match line {
                Line::Row(cells) => {
                    let painted = cells
                        .iter()
                        .map(|c| (paint.level(&c.level, &c.text), width(&c.text)));
                    text.push_str(&self.line(painted, &widths));
                }
                Line::Note(note) => text.extend(["    ", &*paint.aside(note), "\n"]),
                Line::Advice(advice) => text.extend(["    → ", advice, "\n"]),
            }
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self
            .headings
            .iter()
            .map(|h| width(h.trim_start_matches('>')))
            .collect();
        for line in &self.lines {
            if let Line::Row(cells) = line {
                for (widest, cell) in widths.iter_mut().zip(cells) {
                    *widest = (*widest).max(width(&cell.text));
                }
            }
        }
        widths
    }

    /// Texts with their visible widths, which colours do not add to.
    fn line(&self, cells: impl Iterator<Item = (String, usize)>, widths: &[usize]) -> String {
        let mut text = String::new();
        for (((cell, visible), wanted), heading) in cells.zip(widths).zip(self.headings) {
            let space = " ".repeat(wanted.saturating_sub(visible));
            let padded = if heading.starts_with('>') {
                space + &cell
            } else {
                cell + &space
            };
            text.push_str(&padded);
            text.push_str(GAP);
        }
        let line = text.trim_end().to_owned();
        line + "\n"
    }
}

fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["NAME", "STATE", ">N"]);
        for (name, state, level, n) in [("prod", "failing", "bad", "7"), ("日本", "", "", "1,234")] {
            table.row(vec![
                Cell::plain(name.to_owned()),
                Cell::painted(state.to_owned(), level.to_owned()),
                Cell::plain(n.to_owned()),
            ]);
            table.note("why".to_owned());
            table.advice("do".to_owned());
        }
        table
    }

    #[test]
    fn columns_line_up_and_the_same_advice_is_given_once() {
        let wanted =
            "NAME  STATE        N\nprod  failing      7\n    why\n    → do\n日本  -        1,234\n    why\n";
        assert_eq!(table().render(Paint::plain()), wanted);
    }

    #[test]
    fn colours_change_no_width_and_no_word() {
        let coloured = table().render(Paint::coloured());
        assert!(coloured.contains("\u{1b}[31m"), "{coloured}");
        assert_eq!(
            console::strip_ansi_codes(&coloured),
            table().render(Paint::plain())
        );
    }
}
