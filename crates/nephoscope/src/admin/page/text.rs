//! Small pieces of HTML and the words of cells. What comes from outside is escaped here or by the templates; a function
//! whose result a template takes as it is (`|safe`) says so.

use crate::live::LastReload;
use crate::overview::Level;
use crate::overview::words;
use jiff::Timestamp;
use provider_api::UnixNanos;
use scheduler::SettleSource;
use std::borrow::Borrow;
use std::time::Duration;

/// The age of a time, which the script lets run on; HTML without anything from outside.
pub(super) fn ago(then: impl Borrow<Option<UnixNanos>>, now: impl Borrow<UnixNanos>) -> String {
    ago_or(then, now, "none yet")
}

/// [`ago`] of a time that there is.
pub(super) fn age(then: impl Borrow<UnixNanos>, now: impl Borrow<UnixNanos>) -> String {
    ago(Some(*then.borrow()), now)
}

/// [`ago`] with other words where there is no time.
pub(super) fn ago_or(
    then: impl Borrow<Option<UnixNanos>>,
    now: impl Borrow<UnixNanos>,
    nothing: &str,
) -> String {
    let (then, now) = (*then.borrow(), *now.borrow());
    then.and_then(|then| {
        let stamp = stamp(then)?;
        let age = words::span(now.since(then));
        Some(format!(
            "<time data-age datetime=\"{stamp}\" title=\"{stamp}\">{age}</time>"
        ))
    })
    .unwrap_or_else(|| nothing.to_owned())
}

/// A time of day; HTML without anything from outside.
pub(super) fn clock(time: impl Borrow<UnixNanos>) -> String {
    stamp(*time.borrow()).map_or_else(String::new, |stamp| {
        let of_day = stamp.get(11..19).unwrap_or_default();
        format!("<time datetime=\"{stamp}\" title=\"{stamp}\">{of_day} UTC</time>")
    })
}

fn stamp(time: UnixNanos) -> Option<String> {
    let time = Timestamp::from_second(time.seconds()).ok()?;
    Some(time.to_string())
}

/// The sign of a level, told apart by its shape; HTML without anything from outside.
pub(super) fn mark(level: impl Borrow<Level>) -> String {
    let name = level.borrow().label();
    format!("<svg class=\"mark\" aria-hidden=\"true\" focusable=\"false\"><use href=\"#{name}\"/></svg>")
}

/// A state with its sign; HTML without anything from outside.
pub(super) fn state(level: Level, label: impl AsRef<str>) -> String {
    let label = label.as_ref();
    format!(
        "<span class=\"state {}\">{}{label}</span>",
        level.label(),
        mark(level)
    )
}

/// A share as a bar with its number; HTML without anything from outside.
pub(super) fn bar(share: impl Borrow<f64>) -> String {
    /// From here on a bar is worth a look.
    const MUCH: f64 = 0.8;
    let share = *share.borrow();
    let much = if share >= MUCH { " much" } else { "" };
    let width = (share * 100.0).clamp(0.0, 100.0);
    format!(
        "<svg class=\"bar{much}\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\"><rect width=\"{width:.1}\" height=\"10\"/></svg><span class=\"share\">{}</span>",
        words::percent(share)
    )
}

/// A text whose backticks hold code, as HTML; everything in it is escaped.
pub(super) fn ticked(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 32);
    for (place, part) in text.split('`').enumerate() {
        let part = escaped(part);
        if place % 2 == 1 {
            html.extend(["<code>", &part, "</code>"]);
        } else {
            html.push_str(&part);
        }
    }
    html
}

/// A name that may be broken after its dots, underlines and slashes, as HTML; everything in it is escaped.
pub(super) fn breakable(name: &str) -> String {
    let mut html = String::with_capacity(name.len() * 2);
    for part in name.split_inclusive(['.', '_', '/']) {
        html.extend([&escaped(part), "<wbr>"]);
    }
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// The cloud by the name that people call it.
pub(super) fn cloud(name: &str) -> &str {
    match name {
        "aws" => "AWS",
        "azure" => "Azure",
        "gcp" => "Google Cloud",
        other => other,
    }
}

/// Where a settle comes from.
pub(super) fn source(source: impl Borrow<SettleSource>) -> &'static str {
    match source.borrow() {
        SettleSource::Fixed => "configured",
        SettleSource::Start => "documented",
        SettleSource::Learnt => "learnt",
    }
}

/// What a reload did.
pub(super) fn reloaded(last: &LastReload) -> String {
    let Ok(done) = &last.outcome else {
        return "refused; the configuration before it is still in force".to_owned();
    };
    let parts = [
        ("added", &done.added),
        ("changed", &done.changed),
        ("removed", &done.removed),
    ];
    let some = parts.into_iter().filter(|(_, names)| !names.is_empty());
    let said: Vec<String> = some
        .map(|(what, names)| format!("{what} {}", listed(names)))
        .collect();
    match &said[..] {
        [] => "nothing had changed".to_owned(),
        said => said.join("; "),
    }
}

/// The first names, and how many more there are.
fn listed(names: &[String]) -> String {
    /// Names that fit on a line.
    const MOST: usize = 5;
    let first: Vec<&str> = names.iter().take(MOST).map(String::as_str).collect();
    match names.len().saturating_sub(MOST) {
        0 => first.join(", "),
        more => format!("{} and {} more", first.join(", "), rows(more)),
    }
}

/// A number that need not be whole, as if it were.
pub(super) fn rounded(number: impl Borrow<f64>) -> String {
    let whole = format!("{:.0}", number.borrow().max(0.0));
    whole.parse().map_or(whole, words::count)
}

/// A small share with two digits behind the point.
pub(super) fn late(share: impl Borrow<f64>) -> String {
    format!("{:.2} %", share.borrow() * 100.0)
}

/// A count of points and the like.
pub(super) fn count(number: impl Borrow<u64>) -> String {
    words::count(*number.borrow())
}

/// A count of rows.
pub(super) fn rows(number: impl Borrow<usize>) -> String {
    words::count(u64::try_from(*number.borrow()).unwrap_or(u64::MAX))
}

/// A length of time.
pub(super) fn span(span: impl Borrow<Duration>) -> String {
    words::span(*span.borrow())
}

/// A size.
pub(super) fn bytes(bytes: impl Borrow<u64>) -> String {
    words::bytes(*bytes.borrow())
}

/// A sum of money from billionths of a dollar.
pub(super) fn dollars(nanos: impl Borrow<u64>) -> String {
    words::dollars(*nanos.borrow())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Refused, Reloaded};

    #[test]
    fn ages_carry_their_exact_time() {
        let (then, now) = (UnixNanos::from_seconds(0), UnixNanos::from_seconds(94));
        let html = ago(Some(then), now);
        assert!(html.contains("datetime=\"1970-01-01T00:00:00Z\""), "{html}");
        assert!(html.ends_with(">94 s</time>"), "{html}");
        assert_eq!(ago(None, now), "none yet");
        assert!(clock(now).contains(">00:01:34 UTC<"));
    }

    #[test]
    fn code_in_backticks_and_nothing_from_outside() {
        assert_eq!(ticked("allow `a:B`."), "allow <code>a:B</code>.");
        assert_eq!(breakable("a.b_<c>"), "a.<wbr>b_<wbr>&lt;c&gt;<wbr>");
        assert_eq!(ticked("<`&`\"'>"), "&lt;<code>&amp;</code>&quot;&#39;&gt;");
    }

    #[test]
    fn a_reload_is_told_in_a_line() {
        let told = |outcome| {
            reloaded(&LastReload {
                at: UnixNanos(0),
                outcome,
            })
        };
        let names = |n: usize| (0..n).map(|n| format!("aws a{n}")).collect();
        let done = Reloaded {
            added: names(1),
            removed: names(7),
            ..Reloaded::default()
        };
        assert_eq!(
            told(Ok(done)),
            "added aws a0; removed aws a0, aws a1, aws a2, aws a3, aws a4 and 2 more"
        );
        assert_eq!(told(Ok(Reloaded::default())), "nothing had changed");
        let refused = Refused {
            why: "line 3".to_owned(),
        };
        assert!(told(Err(refused)).starts_with("refused"));
    }

    #[test]
    fn bars_end_at_their_end() {
        assert!(bar(7.0).contains("width=\"100.0\""));
        assert!(bar(0.8).contains("bar much"));
    }
}
