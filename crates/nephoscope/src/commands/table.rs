//! Columns that line up, with lines between the rows that belong to the row above them.

use super::paint::Paint;
use super::screen::wrapped;

/// What stands in a cell without a value.
const NOTHING: &str = "-";

/// A column of text is not made narrower than this.
const NARROWEST: usize = 12;

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

    /// As text that fits `columns`: notes are wrapped, and where the rows are too wide the widest texts are cut; numbers
    /// never are.
    pub(crate) fn render(&self, columns: usize, paint: Paint) -> String {
        let widths = self.fitting(columns);
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
                    let painted = cells.iter().zip(&widths).map(|(cell, room)| {
                        let text = cut(&cell.text, *room);
                        (paint.level(&cell.level, &text), width(&text))
                    });
                    text.push_str(&self.line(painted, &widths));
                }
                Line::Note(note) => {
                    let note = wrapped(note, "    ", "    ", columns);
                    text.extend([&*paint.aside(note.trim_end()), "\n"]);
                }
                Line::Advice(advice) => text.push_str(&wrapped(advice, "    → ", "      ", columns)),
            }
        }
        text
    }

    /// The widths of the columns, the widest of text made narrower until all fit.
    fn fitting(&self, columns: usize) -> Vec<usize> {
        let mut widths = self.widths();
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > columns {
            let texts = widths.iter_mut().zip(self.headings);
            let widest = texts
                .filter(|(_, heading)| !heading.starts_with('>'))
                .map(|(width, _)| width)
                .max();
            match widest {
                Some(width) if *width > NARROWEST => *width -= 1,
                _ => break,
            }
        }
        widths
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

/// The beginning, and a sign that there is more.
fn cut(text: &str, room: usize) -> String {
    console::truncate_str(text, room, "…").into_owned()
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
        assert_eq!(table().render(80, Paint::plain()), wanted);
    }

    #[test]
    fn the_widest_texts_are_cut_where_the_rows_are_too_wide() {
        let mut table = Table::new(&["NAME", "SCOPE", ">N"]);
        let scope = "11111111-aaaa-4bbb-8ccc-000000000001";
        table.row(
            ["prod", scope, "1,234,567"]
                .map(|text| Cell::plain(text.to_owned()))
                .into(),
        );
        let wanted = "NAME  SCOPE                          N\nprod  11111111-aaaa-4bbb-8…  1,234,567\n";
        assert_eq!(table.render(38, Paint::plain()), wanted);
        let whole = table.render(100, Paint::plain());
        assert!(whole.contains(scope), "{whole}");
    }

    #[test]
    fn colours_change_no_width_and_no_word() {
        let coloured = table().render(80, Paint::coloured());
        assert!(coloured.contains("\u{1b}[31m"), "{coloured}");
        assert_eq!(
            console::strip_ansi_codes(&coloured),
            table().render(80, Paint::plain())
        );
    }
}
