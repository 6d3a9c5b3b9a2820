//! What `status` shows of answers that a daemon could give.

use super::*;
use crate::commands::screen::testing::same_as;
use serde_json::{Value, json};

fn status() -> Value {
    json!({
        "level": "bad", "headline": "prod: failing", "detail": "2 accounts.",
        "accounts": [
            { "account": "prod", "cloud": "aws", "state": "failing", "level": "bad", "series": 1200,
              "last_error": "ListMetrics in eu-west-1: \u{1b}[31mno", "last_error_lasts": true,
              "last_error_s_ago": 240, "remedy": "Allow `cloudwatch:ListMetrics`." },
            { "account": "ml", "cloud": "gcp", "state": "up to date", "level": "good", "freshness_s": 94,
              "last_error": "it timed out", "last_error_lasts": false, "last_error_s_ago": 60,
              "remedy": "Retried." },
        ],
        "destinations": [{ "destination": "gateway", "state": "delivering", "level": "good", "lag_s": 0,
            "waiting_bytes": 0, "delivered": 12345, "last_error": "" }],
        "store": { "full": false },
    })
}

fn shown(status: &Value) -> String {
    let status: Status = serde_json::from_value(status.clone()).unwrap();
    render(&status, 80, Paint::plain())
}

#[test]
fn errors_stand_below_their_row_with_what_to_do_while_they_last() {
    let text = shown(&status());
    assert!(
        text.starts_with("prod: failing\n2 accounts.\n\nACCOUNT"),
        "{text}"
    );
    let why = "for 4 min: ListMetrics in eu-west-1: \u{fffd}[31mno\n    → Allow `cloudwatch:ListMetrics`.";
    assert!(text.contains(why), "{text}");
    assert!(text.contains("60 s ago: it timed out"), "{text}");
    assert!(!text.contains("Retried."), "{text}");
    assert!(text.contains("12,345"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn what_no_row_has_stands_above_the_tables() {
    let mut status = status();
    status["problems"] = json!([
        { "title": "Full", "text": "No room.", "remedy": "Make some." },
        { "title": "ml: waiting for the cloud", "text": "it timed out", "remedy": "Retried." },
    ]);
    let text = shown(&status);
    assert!(
        text.contains("\nFull\n    No room.\n    → Make some.\n\nACCOUNT"),
        "{text}"
    );
    assert_eq!(text.matches("it timed out").count(), 1, "{text}");
}

#[test]
fn what_passes_by_itself_needs_nobody() {
    let with = |problems: Value| {
        let status = serde_json::from_value(json!({ "problems": problems })).unwrap();
        needs_a_person(&status)
    };
    let (passes, lasts) = (json!({ "passes": true }), json!({ "passes": false }));
    assert!(!with(json!([])));
    assert!(!with(json!([passes])));
    assert!(with(json!([passes, lasts])));
}

#[test]
fn an_answer_of_another_version_is_shown_as_far_as_it_goes() {
    assert_eq!(shown(&json!({ "new": 1 })), "\n\n");
}

/// Twenty may not read, ten were never connected, and the rest are well.
fn three_hundred() -> Value {
    let account = |n: usize| {
        let (state, level, ready) = match n {
            0..20 => ("failing", "bad", true),
            20..30 => ("not connected", "bad", false),
            _ => ("up to date", "good", true),
        };
        let name = format!("prod-{n:03}");
        let n = u64::from(ready);
        json!({ "account": name, "cloud": "aws", "state": state, "level": level, "ready": ready,
            "freshness_s": if ready { Some(94) } else { None }, "series": 1_240 * n, "points": 88_123 * n,
            "requests": 1_200 * n, "throttled": 3 * n, "cost_usd_nanos": 1_234_567_890_u64 * n })
    };
    let names = |from: usize| -> Vec<String> { (from..from + 3).map(|n| format!("prod-{n:03}")).collect() };
    json!({
        "level": "bad", "headline": "20 accounts: permission denied, and 1 more",
        "detail": "300 accounts, 359,600 series; the newest point is 94 s old.",
        "accounts": (0..300).map(account).collect::<Vec<_>>(),
        "problems": [
            { "level": "bad", "title": "20 accounts: failing", "accounts": names(0), "more": 17, "since_s": 240,
              "text": "GetMetricData in eu-west-1: AccessDenied: User: arn:aws:iam::000000000003:user/nephoscope is not authorized to perform: cloudwatch:GetMetricData",
              "remedy": "Allow `cloudwatch:GetMetricData` to these credentials, in their IAM policy and in every service control policy above them." },
            { "level": "bad", "title": "10 accounts: not connected", "accounts": names(20), "more": 7,
              "text": "reading /etc/nephoscope/ca.pem: No such file or directory",
              "remedy": "Fix what the message says in this account's configuration, verify with `nephoscope check`, then reload." },
        ],
        "namespaces": [{ "cloud": "aws", "namespace": "AWS/EC2", "settle_s": 600, "source": "learnt", "lookback_s": 300,
            "samples": 12_345.6, "late_share": 0.0123 }],
        "destinations": [{ "destination": "gateway", "state": "delivering", "level": "good", "delivered": 23_793_210 }],
    })
}

#[test]
fn three_hundred_accounts_fit_a_screen() {
    same_as("status_300.txt", &shown(&three_hundred()));
}

#[test]
fn a_few_accounts_have_a_row_each() {
    same_as("status_2.txt", &shown(&status()));
}

#[test]
fn one_account_of_many_is_shown_alone() {
    let status: Status = serde_json::from_value(three_hundred()).unwrap();
    let wanted = Wanted::new(&["prod-001".to_owned()], &["prod-001"]).unwrap();
    let text = render(&only(status, &wanted), 80, Paint::plain());
    assert!(
        text.contains("prod-001") && !text.contains("DESTINATION"),
        "{text}"
    );
}
