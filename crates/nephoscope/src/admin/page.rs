//! The status page: one self-contained document, rendered on each request.

use crate::clock::SystemClock;
use crate::live::Live;
use scheduler::Clock as _;
use std::fmt::Write as _;

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
<meta http-equiv=refresh content=5><title>Nephoscope</title><style>\
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}body{max-width:70rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.4rem;margin:0 0 1.5rem}h2{font-size:1.05rem;margin:2rem 0 .5rem}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid #8884;vertical-align:top}\
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}td.e{color:#c33;max-width:30rem;overflow-wrap:anywhere}\
div{overflow-x:auto}</style><h1>Nephoscope</h1>";

/// The whole page.
pub(super) fn render(state: &Live) -> String {
    let mut html = HEAD.to_owned();
    accounts(state, &mut html);
    destinations(state, &mut html);
    let usage = state.store.usage();
    row(
        &mut html,
        format_args!(
            "<p>{} series known; {} points ({} bytes) wait to be delivered. <a href=/metrics>metrics</a> <a href=/readyz>readiness</a></p>",
            usage.series, usage.spool_points, usage.spool_bytes
        ),
    );
    html
}

fn accounts(state: &Live, html: &mut String) {
    html.push_str(
        "<h2>Accounts</h2><div><table><tr><th>account<th>cloud<th class=n>targets<th class=n>points\
<th class=n>requests<th class=n>newest point<th>last error",
    );
    for (name, why) in state.not_connected() {
        row(
            html,
            format_args!(
                "<tr><td>{}<td><td><td><td><td><td class=e>{}",
                escaped(&name),
                escaped(&why)
            ),
        );
    }
    let now = SystemClock.now();
    for account in &state.progress.snapshot() {
        let passed = state.gate(&account.name).map(|gate| gate.snapshot());
        let requests: u64 = passed.iter().flat_map(|p| &p.requests).map(|c| c.requests).sum();
        let age = account.newest.map_or_else(
            || "none yet".to_owned(),
            |t| format!("{} s old", now.since(t).as_secs()),
        );
        let error = account.last_error.as_ref().map_or("", |last| last.text.as_str());
        row(
            html,
            format_args!(
                "<tr><td>{}<td>{}<td class=n>{}<td class=n>{}<td class=n>{requests}<td class=n>{age}<td class=e>{}",
                escaped(&account.name),
                account.cloud,
                account.targets,
                account.points,
                escaped(error)
            ),
        );
    }
    html.push_str("</table></div>");
}

fn destinations(state: &Live, html: &mut String) {
    html.push_str(
        "<h2>Destinations</h2><div><table><tr><th>destination<th class=n>delivered<th class=n>rejected\
<th class=n>dropped<th>last error",
    );
    for destination in state.destinations() {
        let now = destination.stats.snapshot();
        row(
            html,
            format_args!(
                "<tr><td>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=e>{}",
                escaped(&destination.name),
                now.delivered_points,
                now.rejected_points,
                now.dropped_points,
                escaped(&now.last_error)
            ),
        );
    }
    html.push_str("</table></div>");
}

/// Writing to a String cannot fail.
fn row(html: &mut String, what: std::fmt::Arguments<'_>) {
    html.write_fmt(what).ok();
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
