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
    /// A heading that begins with `?` is of a column that is left out where there is no room for it; then one that begins
    /// with `>` is of a column of numbers, set to the right.
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

    /// As text that fits `columns`: notes are wrapped, columns that may be are left out, and where the rows are still too
    /// wide the widest texts are cut; numbers never are.
    pub(crate) fn render(&self, columns: usize, paint: Paint) -> String {
        let (shown, left_out) = self.shown(columns);
        let widths = self.fitting(&shown, columns);
        let names = shown.iter().map(|heading| name(heading.1));
        let painted = names.map(|name| (paint.heading(name), width(name)));
        let mut text = line(painted, &shown, &widths);
        for one in &self.lines {
            match one {
                Line::Row(cells) => {
                    let cells = shown.iter().filter_map(|(place, _)| cells.get(*place));
                    let painted = cells.zip(&widths).map(|(cell, room)| {
                        let text = cut(&cell.text, *room);
                        (paint.level(&cell.level, &text), width(&text))
                    });
                    text.push_str(&line(painted, &shown, &widths));
                }
                Line::Note(note) => {
                    let note = wrapped(note, "    ", "    ", columns);
                    text.extend([&*paint.aside(note.trim_end()), "\n"]);
                }
                Line::Advice(advice) => text.push_str(&wrapped(advice, "    → ", "      ", columns)),
            }
        }
        if !left_out.is_empty() {
            let hint = format!("(a wider terminal has room for {})", left_out.join(", "));
            text.extend([
                paint.aside(wrapped(&hint, "", " ", columns).trim_end()),
                "\n".to_owned(),
            ]);
        }
        text
    }

    /// The columns that there is room for, with their places, and the names of the others: the last is left out first.
    fn shown(&self, columns: usize) -> (Vec<Heading>, Vec<&'static str>) {
        let mut shown: Vec<Heading> = self.headings.iter().copied().enumerate().collect();
        let mut left_out = Vec::new();
        while too_wide(&self.widths(&shown), columns) {
            let Some(last) = shown.iter().rposition(|(_, heading)| heading.starts_with('?')) else {
                break;
            };
            left_out.insert(0, name(shown.remove(last).1));
        }
        (shown, left_out)
    }

    /// The widths of the columns, the widest of text made narrower until all fit.
    fn fitting(&self, shown: &[Heading], columns: usize) -> Vec<usize> {
        let mut widths = self.widths(shown);
        while too_wide(&widths, columns) {
            let texts = widths.iter_mut().zip(shown);
            let widest = texts
                .filter(|(_, (_, heading))| !is_number(heading))
                .map(|(width, _)| width)
                .max();
            match widest {
                Some(width) if *width > NARROWEST => *width -= 1,
                _ => break,
            }
        }
        widths
    }

    fn widths(&self, shown: &[Heading]) -> Vec<usize> {
        let widest = |(place, heading): &Heading| {
            let cells = self.lines.iter().filter_map(|line| match line {
                Line::Row(cells) => cells.get(*place),
                Line::Note(_) | Line::Advice(_) => None,
            });
            let widest = cells.map(|cell| width(&cell.text)).max();
            widest.unwrap_or(0).max(width(name(heading)))
        };
        shown.iter().map(widest).collect()
    }
}

/// A column: its place among all, and its heading as it was given.
type Heading = (usize, &'static str);

fn name(heading: &'static str) -> &'static str {
    heading.trim_start_matches(['?', '>'])
}

fn is_number(heading: &str) -> bool {
    heading.trim_start_matches('?').starts_with('>')
}

fn too_wide(widths: &[usize], columns: usize) -> bool {
    widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1) > columns
}

/// Texts with their visible widths, which colours do not add to.
fn line(cells: impl Iterator<Item = (String, usize)>, shown: &[Heading], widths: &[usize]) -> String {
    let mut text = String::new();
    for (((cell, visible), wanted), (_, heading)) in cells.zip(widths).zip(shown) {
        let space = " ".repeat(wanted.saturating_sub(visible));
        let padded = if is_number(heading) {
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
    fn columns_that_may_be_are_left_out_the_last_first() {
        let mut table = Table::new(&["NAME", "?CLOUD", ">N", "?>LATE"]);
        table.row(
            ["prod", "aws", "7", "12"]
                .map(|text| Cell::plain(text.to_owned()))
                .into(),
        );
        assert_eq!(
            table.render(22, Paint::plain()),
            "NAME  CLOUD  N  LATE\nprod  aws    7    12\n"
        );
        let narrow = table.render(19, Paint::plain());
        assert!(narrow.starts_with("NAME  CLOUD  N\nprod  aws    7\n"), "{narrow}");
        let narrowest = table.render(12, Paint::plain());
        assert!(narrowest.starts_with("NAME  N\nprod  7\n"), "{narrowest}");
        assert!(
            narrowest.contains("CLOUD") && narrowest.contains("LATE"),
            "{narrowest}"
        );
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
