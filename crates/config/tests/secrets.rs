//! Secrets at every place of a complete file that is broken in many ways: no text of any problem shows them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{fmt::Write as _, ops::Range, path::Path};

use config_file::{EXAMPLE, Look, load};
use saphyr_parser::{Event, Parser};

use crate::mistakes::Fake;

/// Looks like a word; hidden by its place alone.
const PLAIN: &str = "zanzibarQuux";
/// Look like secrets, so they are hidden everywhere.
const SHAPED: [&str; 5] = [
    "wJalrXUtnFEMI/K7zanzibar/bPxRfiCYEXAMPLEKEY9a8B7c6D",
    "eyJhbGciOiJIUzI1NiJ9.zanzibarQuux",
    "https://zanzibarQuux:zanzibarQuux@host:4317",
    "https://host/p?sig=zanzibarQuux",
    "-----BEGIN PRIVATE KEY-----zanzibarQuux",
];
/// Keys whose values are known to be no secret, where they are spelt well and stand at their place.
const OPEN: &str = "\
    dir spool_max listen per_second burst recent_max accounts every settle lookback initial \
    discover_every usd_per_day enabled name for order endpoint protocol compression timeout deltas promote on_full \
    revisions path format regions account_id session_name namespace names statistics period dimensions \
    tags copy_tags tenant subscriptions cloud resource_type aggregations top resource_groups projects \
    quota_project types filter InstanceId AvailabilityZone env profile impersonate arn";

/// Where a value stands, and the key before it.
struct Spot {
    key: String,
    at: Range<usize>,
}

fn spots(text: &str) -> Vec<Spot> {
    let bytes: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect();
    let mut spots = vec![];
    // For every open collection: whether it is a mapping, and whether a key comes next.
    let mut open: Vec<(bool, bool)> = vec![];
    let mut key = String::new();
    for next in Parser::new_from_str(text) {
        let (event, span) = next.unwrap();
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                if let Some((true, wants)) = open.last_mut() {
                    *wants = true;
                }
                open.push((matches!(event, Event::MappingStart(..)), true));
            }
            Event::MappingEnd | Event::SequenceEnd => drop(open.pop()),
            Event::Scalar(value, ..) => {
                let Some((mapping, wants)) = open.last_mut() else {
                    continue;
                };
                if *mapping && *wants {
                    key = value.into_owned();
                    *wants = false;
                    continue;
                }
                *wants = true;
                let at = bytes[span.start.index()]..bytes[span.end.index()];
                if !at.is_empty() {
                    spots.push(Spot { key: key.clone(), at });
                }
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::Alias(_) => {}
        }
    }
    spots
}

/// The file with `value` in this spot, broken in all ways.
fn broken(spot: &Spot, marker: &str) -> Vec<String> {
    let (before, after) = (&EXAMPLE[..spot.at.start], &EXAMPLE[spot.at.end..]);
    let with = |value: &str| format!("{before}{value}{after}");
    let quoted = format!("\"{marker}\"");
    let whole = with(&quoted);
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    let end = spot.at.start + after.find('\n').unwrap_or(0) + quoted.len();
    let end = end.min(whole.len());
    let (head, own, tail) = (&whole[..line], &whole[line..end], &whole[end..]);
    let indent = " ".repeat(own.len() - own.trim_start_matches([' ', '-']).len());
    let bare = before.trim_end_matches([' ', ':']);
    let mut all = vec![
        whole.clone(),
        with(&format!("[{quoted}]")),
        with(&format!("{{ {quoted} }}")),
        with(&format!("{{ x: {quoted}, {quoted}: y }}")),
        with(&format!("&a {quoted}")),
        with(&format!(
            "!{}",
            marker.replace(|c: char| !c.is_alphanumeric(), "")
        )),
        with(&format!("\"\\u007A{}\"", &quoted[1..quoted.len() - 1])),
        with(&format!("\"{marker}")),
        with(&format!("{quoted} {quoted}")),
        with(&format!("{quoted}: {quoted}")),
        with(&format!("{{ a: {quoted}")),
        with(&format!("{quoted} # {marker}")),
        format!("{bare} {quoted}{after}"),
        format!("{bare}x: {quoted}{after}"),
        format!("{bare}: |\n{indent}      {marker}\n{indent}      {marker}\n{after}"),
        format!("{head}{indent}# {}\n{indent}zzz: 1{tail}", own.trim_start()),
        format!("{head}{indent}\t{own}{tail}"),
        format!("{head}{indent} zzz: '\n{own}{tail}"),
        format!("{head}{own}\n{own}{tail}"),
        format!("{head}{own}\n---\n{own}{tail}"),
        format!("{head}{own}\n   oops\n{tail}"),
        format!(
            "{head}{}{tail}",
            own.to_uppercase().replace(&marker.to_uppercase(), marker)
        ),
        format!("x: {whole}"),
        whole[..end].to_owned(),
    ];
    for (name, other) in [
        ("credentials", "credentails"),
        ("headers", "header"),
        ("tls", "tsl"),
        ("aws", "awss"),
        ("azure", "x"),
    ] {
        all.push(whole.replace(&format!("{name}:"), &format!("{other}:")));
    }
    all
}

/// Everything that somebody can read of the problems.
fn texts(path: &Path) -> String {
    let mut out = String::new();
    if let Err(problems) = load(path, &Fake::world()) {
        let look = Look::Graphical {
            color: false,
            width: 110,
        };
        out += &problems.render(look);
        out += &problems.render(Look::Narrated);
        write!(out, "{problems} {problems:?}").unwrap();
        for problem in &problems.list {
            write!(out, "{} {:?}", problem.path, problem.help).unwrap();
        }
    }
    out
}

/// Tries every spot with one in `step` ways of breaking; the markers and the ways take turns, so that each meets each.
fn leaks(markers: &[&str], step: usize, hidden: impl Fn(&Spot) -> bool) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nephoscope.yaml");
    let mut wrong = vec![];
    for (turn, spot) in spots(EXAMPLE).into_iter().filter(hidden).enumerate() {
        let ways = broken(&spot, "MARKER").len();
        for way in (turn % step..ways).step_by(step) {
            let marker = markers[(turn / step + way) % markers.len()];
            std::fs::write(&path, &broken(&spot, marker)[way]).unwrap();
            let shown = texts(&path);
            if let Some(at) = shown.find("zanzibar").or_else(|| shown.find("Quux")) {
                let from = shown[..at].rfind('\n').unwrap_or(0);
                let to = shown[at..].find('\n').map_or(shown.len(), |end| at + end);
                wrong.push(format!("{} in way {way}: {}", spot.key, &shown[from..to]));
            }
        }
    }
    wrong
}

#[test]
fn a_value_that_is_hidden_by_its_place_is_never_shown() {
    let open = |spot: &Spot| OPEN.split_whitespace().any(|key| key == spot.key);
    let wrong = leaks(&[PLAIN], 1, |spot| !open(spot));
    assert!(wrong.is_empty(), "{} leaks:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_value_that_looks_like_a_secret_is_shown_nowhere() {
    let wrong = leaks(&SHAPED, 2, |_| true);
    assert!(wrong.is_empty(), "{} leaks:\n{}", wrong.len(), wrong.join("\n"));
}
