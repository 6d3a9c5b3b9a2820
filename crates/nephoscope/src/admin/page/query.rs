//! What the address of the page asks for. Anything that makes no sense is taken as not said: an address is typed, kept
//! and shared, and a page is a better answer than a refusal.

use url::form_urlencoded::{Serializer, parse};

/// Longest text that is searched for, in characters; longer ones are cut.
const LONGEST_CHARS: usize = 200;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// Accounts whose name, cloud or state holds this.
    pub(super) find: String,
    /// Which page of them, from 1.
    pub(super) page: usize,
    /// Whether long tables are shown whole.
    pub(super) all: bool,
    /// Series that have all these words.
    pub(super) q: String,
    /// The series whose chart is shown.
    pub(super) series: String,
}

impl Query {
    /// Of an address, without its `?`.
    pub(super) fn parse(text: &str) -> Self {
        let mut query = Self {
            page: 1,
            ..Self::default()
        };
        for (name, value) in parse(text.as_bytes()) {
            let value: String = value.chars().take(LONGEST_CHARS).collect();
            match &*name {
                "find" => query.find = value,
                "page" => query.page = value.parse().unwrap_or(1).max(1),
                "all" => query.all = !value.is_empty(),
                "q" => query.q = value,
                "series" => query.series = value,
                _ => {}
            }
        }
        query
    }

    /// The address that finds other accounts.
    pub(super) fn finding(&self, find: &str) -> String {
        Self {
            find: find.to_owned(),
            page: 1,
            ..self.clone()
        }
        .address()
    }

    /// The address of another page of accounts.
    pub(super) fn paged(&self, page: usize) -> String {
        Self { page, ..self.clone() }.address()
    }

    /// The address with long tables whole.
    pub(super) fn everything(&self) -> String {
        Self {
            all: true,
            ..self.clone()
        }
        .address()
    }

    /// The address with the chart of a series.
    pub(super) fn charting(&self, series: &str) -> String {
        Self {
            series: series.to_owned(),
            ..self.clone()
        }
        .address()
    }

    /// The address without a chart.
    pub(super) fn closed(&self) -> String {
        self.charting("")
    }

    /// Beginning with `/?` always: the script takes such links as another view of the same page.
    fn address(&self) -> String {
        let mut pairs = Serializer::for_suffix("/?".to_owned(), 2);
        let mut add = |name: &str, value: &str| {
            if !value.is_empty() {
                pairs.append_pair(name, value);
            }
        };
        add("find", &self.find);
        add(
            "page",
            &if self.page > 1 {
                self.page.to_string()
            } else {
                String::new()
            },
        );
        add("all", if self.all { "1" } else { "" });
        add("q", &self.q);
        add("series", &self.series);
        pairs.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_was_written() {
        let query = Query::parse("find=prod+%26+test&page=3&all=1");
        assert_eq!(
            (query.find.as_str(), query.page, query.all),
            ("prod & test", 3, true)
        );
        assert_eq!(Query::parse(query.address().trim_start_matches("/?")), query);
    }

    #[test]
    fn nonsense_is_not_said() {
        let wanted = Query {
            page: 1,
            ..Query::default()
        };
        for text in ["", "page=0", "page=-1", "page=x", "all=", "%zz=%ff", "&&=&"] {
            assert_eq!(Query::parse(text), wanted, "{text}");
        }
        assert_eq!(
            Query::parse(&format!("find={}", "x".repeat(9_999))).find.len(),
            LONGEST_CHARS
        );
    }

    #[test]
    fn another_view_keeps_the_rest() {
        let query = Query::parse("find=a&page=3&all=1");
        assert_eq!(query.charting("7"), "/?find=a&page=3&all=1&series=7");
        assert_eq!(Query::parse("q=cpu&series=7").closed(), "/?q=cpu");
        assert_eq!(query.finding("b"), "/?find=b&all=1");
        assert_eq!(query.paged(2), "/?find=a&page=2&all=1");
        assert_eq!(Query::parse("page=2").everything(), "/?page=2&all=1");
        assert_eq!(query.finding("\"><b>"), "/?find=%22%3E%3Cb%3E&all=1");
    }
}
