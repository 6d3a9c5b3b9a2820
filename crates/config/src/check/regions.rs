//! The regions of AWS, and what somebody meant by one that is none.

use std::sync::LazyLock;

use regex::Regex;

use crate::nearest::nearest;

/// Regions known when this was written; another that looks like one is accepted when no known one is near.
const REGIONS: [&str; 46] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
    "eusc-de-east-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-isob-west-1",
    "us-isof-south-1",
    "us-isof-east-1",
    "eu-isoe-west-1",
];
static REGION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[a-z]{2,4}(-[a-z]+)+-\d$").ok());

/// Whether this may be a region, known or new.
pub(crate) fn is_region(name: &str) -> bool {
    let near = || meant_region(name);
    let looks = REGION.as_ref().is_some_and(|region| region.is_match(name));
    REGIONS.contains(&name) || looks && near().is_none_or(|near| same_but_digit(near, name))
}

/// `eu-west-7` is a new region as likely as a slip; `eu-wset-1` is a slip.
fn same_but_digit(a: &str, b: &str) -> bool {
    a.trim_end_matches(|c: char| c.is_ascii_digit()) == b.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// The region that is called so: by its code, nearly, or by its place as the console has it.
pub(crate) fn meant_region(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let place = PLACES
        .iter()
        .find(|(place, _)| lower.contains(place))
        .map(|(_, region)| *region);
    place.or_else(|| nearest(name, REGIONS))
}

/// Places of regions, as the console names them.
const PLACES: [(&str, &str); 16] = [
    ("ireland", "eu-west-1"),
    ("london", "eu-west-2"),
    ("paris", "eu-west-3"),
    ("frankfurt", "eu-central-1"),
    ("zurich", "eu-central-2"),
    ("stockholm", "eu-north-1"),
    ("milan", "eu-south-1"),
    ("virginia", "us-east-1"),
    ("ohio", "us-east-2"),
    ("california", "us-west-1"),
    ("oregon", "us-west-2"),
    ("tokyo", "ap-northeast-1"),
    ("singapore", "ap-southeast-1"),
    ("sydney", "ap-southeast-2"),
    ("mumbai", "ap-south-1"),
    ("paulo", "sa-east-1"),
];
