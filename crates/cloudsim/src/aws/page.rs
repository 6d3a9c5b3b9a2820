//! Page tokens that are bound to their query: one that is used with another query is refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use xxhash_rust::xxh3::xxh3_64;

use super::wire::Doc;

/// A hash of everything in the request but the members that change from page to page.
pub(super) fn fingerprint(operation: &str, request: &Doc, changing: &[&str]) -> u64 {
    let Doc::Map(fields) = request else { return 0 };
    let mut fields: Vec<&(String, Doc)> = fields
        .iter()
        .filter(|(name, value)| !changing.contains(&name.as_str()) && *value != Doc::Null)
        .collect();
    fields.sort_by(|left, right| left.0.cmp(&right.0));
    xxh3_64(format!("{operation}{fields:?}").as_bytes())
}

/// A token for a position.
pub(super) fn seal(fingerprint: u64, position: [usize; 2]) -> String {
    URL_SAFE_NO_PAD.encode(format!("{fingerprint:016x}.{}.{}", position[0], position[1]))
}

/// The position, when the token belongs to this query.
pub(super) fn open(token: &str, fingerprint: u64) -> Option<[usize; 2]> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let mut parts = text.split('.');
    let same = u64::from_str_radix(parts.next()?, 16).ok()? == fingerprint;
    let position = [parts.next()?.parse().ok()?, parts.next()?.parse().ok()?];
    same.then_some(position)
}
