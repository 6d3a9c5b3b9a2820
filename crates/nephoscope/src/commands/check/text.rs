//! The report for people: what fails first, equal failures once, then what passed, then the sum.

use super::groups::{Group, Tally, groups, tallies};
use super::report::{Outcome, Report, Row};
use crate::commands::paint::Paint;
use crate::commands::screen::{first_of, harmless, wrapped};
use crate::commands::table::{Cell, Table};
use crate::overview::words::many;

/// Below a group's first line.
const INDENT: &str = "    ";

/// Rows that are shown one by one; of more only the sum is, and `--account` shows those of some.
const MOST_ROWS: usize = 40;

/// Warnings and notes that are told; failures all are.
const MOST_REMARKS: usize = 12;

/// Places that are named behind an account's name.
const PLACES_NAMED: usize = 3;

pub(super) fn of(report: &Report, columns: usize, paint: Paint) -> String {
    let groups = groups(report);
    let failing = groups.iter().filter(|group| group.outcome.fails()).count();
    let shown = groups.iter().take(failing + MOST_REMARKS);
    let mut parts: Vec<String> = shown.map(|group| told(group, columns, paint)).collect();
    if groups.len() > failing + MOST_REMARKS {
        let more = many(groups.len() - failing - MOST_REMARKS, "remark");
        parts.push(format!("{more} more: see `--account` or `--json`\n"));
    }
    if report.rows.len() <= MOST_ROWS {
        parts.push(rows(report, columns, paint));
    }
    parts.push(sum(report, columns, paint));
    parts.join("\n")
}

/// `permission denied: ListMetrics (20 accounts, 40 scopes)`, whom it hits, why, and what to do.
fn told(group: &Group<'_>, columns: usize, paint: Paint) -> String {
    let (words, whom) = (group.outcome.words(), whom(group));
    let words = if group.outcome == Outcome::Passed {
        "note"
    } else {
        words
    };
    let heading = format!("{words}: {} ({whom})", group.tried.join(", "));
    let heading = wrapped(&harmless(&heading), "", INDENT, columns);
    let mut text = paint.level(group.outcome.level(), heading.trim_end()) + "\n";
    if group.hit.len() > 1 {
        let names = group.hit.iter().map(|(subject, _)| subject.name());
        let names = first_of(names, columns.saturating_sub(INDENT.len()));
        text.extend([INDENT, &harmless(&names), "\n"]);
    }
    if !group.detail.is_empty() {
        text.push_str(&wrapped(&harmless(group.detail), INDENT, INDENT, columns));
    }
    if let Some(remedy) = group.remedy {
        text.push_str(&wrapped(remedy, "    → ", "      ", columns));
    }
    text
}

/// The only one by its name and places; of several how many.
fn whom(group: &Group<'_>) -> String {
    match group.hit.as_slice() {
        [(subject, scopes)] => {
            let scopes: Vec<&str> = scopes.iter().copied().filter(|scope| *scope != "-").collect();
            let named: Vec<&str> = scopes.iter().copied().take(PLACES_NAMED).collect();
            let more = match scopes.len() - named.len() {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            match named.as_slice() {
                [] => subject.name().to_owned(),
                named => format!("{} in {}{more}", subject.name(), named.join(", ")),
            }
        }
        several => {
            let noun = several.first().map_or("account", |(subject, _)| subject.noun());
            let whom = many(several.len(), noun);
            if group.scopes() > several.len() {
                format!("{whom}, {}", many(group.scopes(), "scope"))
            } else {
                whom
            }
        }
    }
}

/// Each row with its outcome; why is told above.
fn rows(report: &Report, columns: usize, paint: Paint) -> String {
    let mut table = Table::new(&["NAME", "SCOPE", "TRIED", "RESULT"]);
    let shown = |row: &&Row| row.outcome != Outcome::Passed || row.detail.is_empty();
    for row in report.rows.iter().filter(shown) {
        let cells = [row.subject.name(), &row.scope, &row.tried].map(|text| Cell::plain(harmless(text)));
        let outcome = Cell::painted(row.outcome.words().to_owned(), row.outcome.level().to_owned());
        table.row(cells.into_iter().chain([outcome]).collect());
    }
    table.render(columns, paint)
}

/// `30 of 300 accounts fail: 20 permission denied, 10 unavailable`, and what else there is.
fn sum(report: &Report, columns: usize, paint: Paint) -> String {
    let tallies = tallies(report);
    let mut lines: Vec<String> = tallies.iter().map(|(noun, tally)| one_sum(noun, tally)).collect();
    if report.rows.len() > MOST_ROWS {
        lines.push("(`--account NAME` shows the rows of an account, `--json` all of them)".to_owned());
    }
    let text: String = lines.iter().map(|line| wrapped(line, "", "", columns)).collect();
    paint.level(report.outcome().level(), text.trim_end()) + "\n"
}

fn one_sum(noun: &str, tally: &Tally) -> String {
    let failing = tally.failing();
    let warned = match tally.warned {
        0 => String::new(),
        n => format!("; {n} with warnings"),
    };
    if failing == 0 {
        let all = match tally.all {
            1 => format!("1 {noun} passes"),
            n => format!("all {} pass", many(n, noun)),
        };
        return format!("{all} ({}){warned}", many(tally.rows, "check"));
    }
    let kinds: Vec<String> = tally
        .failing
        .iter()
        .rev()
        .map(|(outcome, n)| format!("{n} {}", outcome.words()))
        .collect();
    let verb = if failing == 1 { "fails" } else { "fail" };
    let kinds = kinds.join(", ");
    format!("{failing} of {} {verb}: {kinds}{warned}", many(tally.all, noun))
}

#[cfg(test)]
mod tests {
    use super::super::report::Subject;
    use super::*;
    use crate::commands::screen::testing::same_as;
    use provider_api::Cloud;

    const ALLOW: &str = "Allow `cloudwatch:GetMetricData` to these credentials, in their IAM policy and in every service control policy above them.";

    fn account(n: usize) -> Subject {
        Subject::Account {
            name: format!("prod-{n:03}"),
            cloud: Cloud::Aws,
        }
    }

    fn row(subject: Subject, scope: &str, tried: &str, outcome: Outcome) -> Row {
        Row {
            subject,
            scope: scope.to_owned(),
            tried: tried.to_owned(),
            outcome,
            detail: String::new(),
            remedy: None,
        }
    }

    /// One in fifteen may not read, one in thirty does not answer, one has a pattern that fits nothing.
    fn rows_of(n: usize) -> Vec<Row> {
        let forbidden = |scope: &str| Row {
            detail: format!(
                "AccessDenied: User: arn:aws:iam::{n:012}:user/nephoscope is not authorized to perform: cloudwatch:GetMetricData because no identity-based policy allows the cloudwatch:GetMetricData action"
            ),
            remedy: Some(ALLOW.to_owned()),
            ..row(account(n), scope, "GetMetricData", Outcome::Forbidden)
        };
        let out_of_reach = |scope: &str| {
            Row {
            detail: format!("no answer within 10 s from monitoring.{scope}.amazonaws.com"),
            remedy: Some("Check the network path to the cloud (name resolution, firewall, proxy, `endpoint`), then run `nephoscope check` again.".to_owned()),
            ..row(account(n), scope, "ListMetrics", Outcome::Unavailable)
        }
        };
        let scopes = ["eu-west-1", "us-east-1"];
        match n {
            _ if n % 30 == 7 => scopes.map(out_of_reach).to_vec(),
            _ if n % 15 == 3 => scopes.map(forbidden).to_vec(),
            100 => vec![Row {
                detail: "metrics[0] namespace \"AWS/EC3\" matches nothing; nearest: AWS/EC2".to_owned(),
                ..row(account(n), "-", "metrics[0]", Outcome::Warning)
            }],
            _ => scopes
                .map(|scope| row(account(n), scope, "ListMetrics", Outcome::Passed))
                .to_vec(),
        }
    }

    fn report(accounts: usize) -> Report {
        let destination = Subject::Destination {
            name: "gateway".to_owned(),
        };
        let mut report = Report::default();
        report.add((0..accounts).flat_map(rows_of));
        report.add([row(destination, "-", "empty request", Outcome::Passed)]);
        report
    }

    #[test]
    fn three_hundred_accounts_fit_a_screen() {
        same_as("check_300.txt", &of(&report(300), 80, Paint::plain()));
    }

    #[test]
    fn a_few_accounts_are_shown_row_by_row() {
        same_as("check_8.txt", &of(&report(8), 80, Paint::plain()));
    }

    #[test]
    fn all_is_said_in_one_line_where_nothing_is_wrong() {
        let mut report = Report::default();
        report.add((0..30).map(|n| row(account(n), "eu-west-1", "ListMetrics", Outcome::Passed)));
        let text = of(&report, 80, Paint::plain());
        assert!(text.ends_with("\n\nall 30 accounts pass (30 checks)\n"), "{text}");
    }

    #[test]
    fn what_differs_in_its_words_is_not_grouped() {
        let mut report = report(8);
        for (place, row) in report.rows.iter_mut().enumerate() {
            (row.outcome, row.remedy) = (Outcome::Unavailable, None);
            row.detail = format!("reason {}", ["one", "two"][place % 2]);
        }
        assert_eq!(groups(&report).len(), 2 + 1, "the destination is no account");
    }
}
