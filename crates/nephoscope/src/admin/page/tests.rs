//! The whole page, from rows that a daemon could have.

use super::*;
use crate::overview::testing::overview;

fn html(overview: &Overview, query: &str) -> String {
    render(overview, &Query::parse(query), &Found::default()).unwrap()
}

#[test]
fn names_and_errors_from_outside_stay_text() {
    let evil = "</script><img src=x onerror=alert(1)>\"'`&";
    let page = html(&overview(evil, evil), &format!("find={}", "%22%3E%3Cimg"));
    assert!(!page.contains("<img"), "{page}");
    assert!(page.contains("&#60;img src=x") || page.contains("&lt;img src=x"));
    assert_eq!(page.matches("<script>").count(), 1);
    assert_eq!(page.matches("</script>").count(), 1);
}

#[test]
fn nothing_is_inline_but_what_the_policy_names() {
    let page = html(&overview("prod", "no key"), "");
    assert!(!page.contains(" style=") && !page.contains(" onclick="), "{page}");
    let policy = POLICY.to_str().unwrap();
    let style = page
        .split_once("<style>")
        .unwrap()
        .1
        .split_once("</style>")
        .unwrap()
        .0;
    let script = page
        .split_once("<script>")
        .unwrap()
        .1
        .split_once("</script>")
        .unwrap()
        .0;
    assert!(
        policy.contains(&hash(style)) && policy.contains(&hash(script)),
        "{policy}"
    );
}

#[test]
fn what_is_wrong_comes_with_its_remedy() {
    let page = html(&overview("prod", "no key"), "");
    assert!(page.contains("prod: not connected"), "{page}");
    assert!(page.contains("<code>nephoscope check</code>"), "{page}");
}

#[test]
fn the_script_and_the_style_are_small() {
    assert!(CSS.len() + JS.len() < 30_000);
}
