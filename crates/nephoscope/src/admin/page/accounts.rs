//! Which accounts the page shows: all of a few; of many those that need a person first, page by page, or those that are
//! searched for.

use super::query::Query;
use crate::overview::AccountRow;
use crate::overview::words::many;

/// Accounts of one page; a thousand would be slow to read and to send.
const PER_PAGE: usize = 50;

/// So many can be taken in without a search.
pub(super) const FEW: usize = 10;

/// The accounts to show.
pub(super) struct AccountsPart<'a> {
    /// Each with whether its trouble is spelled out above, and folded up here.
    pub(super) rows: Vec<(&'a AccountRow, bool)>,
    /// How many there are, in words.
    pub(super) said: String,
    /// From 1.
    pub(super) page: usize,
    /// How many pages there are.
    pub(super) pages: usize,
}

impl<'a> AccountsPart<'a> {
    /// `told`: whether every trouble that lasts is spelled out among the problems.
    pub(super) fn of(accounts: &'a [AccountRow], query: &Query, told: bool) -> Self {
        let wanted = query.find.to_lowercase();
        let fitting: Vec<&AccountRow> = accounts.iter().filter(|row| fits(row, &wanted)).collect();
        let pages = fitting.len().div_ceil(PER_PAGE);
        let page = query.page.min(pages).max(1);
        let from = (page - 1) * PER_PAGE;
        let said = if wanted.is_empty() {
            String::new()
        } else {
            format!("{} of {} fit.", fitting.len(), many(accounts.len(), "account"))
        };
        Self {
            rows: folded(fitting.get(from..).unwrap_or_default(), told),
            said,
            page,
            pages,
        }
    }
}

fn folded<'a>(rows: &[&'a AccountRow], told: bool) -> Vec<(&'a AccountRow, bool)> {
    let trouble = |row: &&'a AccountRow| row.trouble.as_ref().map(|t| (t.remedy.as_str(), t.lasts));
    let above = std::iter::once(None).chain(rows.iter().map(trouble));
    let fold = |(row, above): (&&'a AccountRow, _)| {
        let own = trouble(row);
        let again = own.is_some() && own == above;
        (*row, again || told && own.is_some_and(|(_, lasts)| lasts))
    };
    rows.iter().zip(above).take(PER_PAGE).map(fold).collect()
}

fn fits(row: &AccountRow, wanted: &str) -> bool {
    let texts = [row.name.as_str(), row.cloud, row.state.label()];
    texts.iter().any(|text| text.to_lowercase().contains(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize) -> Vec<AccountRow> {
        let row = |i| AccountRow::not_connected(format!("Acc-{i}"), "no".to_owned());
        (0..n).map(row).collect()
    }

    fn part<'a>(rows: &'a [AccountRow], query: &str) -> AccountsPart<'a> {
        AccountsPart::of(rows, &Query::parse(query), false)
    }

    #[test]
    fn pages_hold_all_and_end_where_there_are_no_more() {
        let rows = rows(101);
        let seen: usize = (1..=3)
            .map(|page| part(&rows, &format!("page={page}")).rows.len())
            .sum();
        assert_eq!(seen, 101);
        let beyond = part(&rows, "page=99");
        assert_eq!((beyond.page, beyond.pages, beyond.rows.len()), (3, 3, 1));
        assert_eq!(part(&[], "").pages, 0);
    }

    #[test]
    fn a_search_fits_names_and_states_in_any_case() {
        let rows = rows(12);
        assert_eq!(part(&rows, "find=acc-1").rows.len(), 3);
        assert_eq!(part(&rows, "find=NOT+connected").rows.len(), 12);
        assert_eq!(part(&rows, "find=acc-1").said, "3 of 12 accounts fit.");
        assert!(part(&rows, "find=zzz").rows.is_empty());
    }

    #[test]
    fn the_same_trouble_is_spelled_out_once() {
        let rows = rows(3);
        let again: Vec<bool> = part(&rows, "").rows.iter().map(|(_, again)| *again).collect();
        assert_eq!(again, [false, true, true]);
        let told = AccountsPart::of(&rows, &Query::parse(""), true);
        assert!(told.rows.iter().all(|(_, folded)| *folded));
    }
}
