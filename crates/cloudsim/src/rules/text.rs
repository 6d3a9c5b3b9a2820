//! Rules as they are written on a command line: `azure,operation=metrics.getBatch,id=*vm-00003,status=500,for=10m`.

use std::time::Duration;

use super::{Cloud, How, Odd, PartFault, Rule};
use crate::faults::BadAnswer;

/// What may be written, for the message about what may not.
const KNOWN: &str = "aws|azure|gcp, operation=, scope=, host=, id=, type=, metric= (patterns with *), share= (per thousand), \
                     after= and for= (30s, 5m, 1h), and one of status=CODE, throttle=SECONDS, silence, cut, \
                     answer=html|truncated|error_in_200|nan|looping_token|endless_pages, \
                     part=failed|forbidden|partial|null_list|null_field|null_element|nameless|number";

impl Rule {
    /// Reads a rule; `after` and `for` count from `now_unix_s` on. `how` is what happens unless the text says so.
    ///
    /// # Errors
    /// A word that is none; the message says which there are.
    pub fn parse(text: &str, now_unix_s: i64, how: Option<How>) -> Result<Self, String> {
        let mut rule = Self::new(How::Cut);
        let (mut found, mut after_s, mut lasts_s) = (how, 0, None);
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let wrong =
                || format!("`{word}` is not known here; a rule is made of {KNOWN}, with commas between");
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            match key {
                "aws" => rule = rule.cloud(Cloud::Aws),
                "azure" => rule = rule.cloud(Cloud::Azure),
                "gcp" => rule = rule.cloud(Cloud::Gcp),
                "operation" => rule = rule.operation(value),
                "scope" => rule = rule.scope(value),
                "host" => rule = rule.host(value),
                "id" => rule = rule.id(value),
                "type" => rule = rule.kind(value),
                "metric" => rule = rule.metric(value),
                "share" => rule.per_thousand = value.parse().map_err(|_not_a_number| wrong())?,
                "after" => after_s = seconds(value).ok_or_else(wrong)?,
                "for" => lasts_s = Some(seconds(value).ok_or_else(wrong)?),
                _ => found = Some(how_of(key, value).ok_or_else(wrong)?),
            }
        }
        rule.how =
            found.ok_or_else(|| format!("`{text}` does not say what happens; a rule is made of {KNOWN}"))?;
        rule.from_unix_s = if after_s == 0 {
            i64::MIN
        } else {
            now_unix_s.saturating_add(after_s)
        };
        if let Some(lasts_s) = lasts_s {
            rule.until_unix_s = now_unix_s.saturating_add(after_s).saturating_add(lasts_s);
        }
        Ok(rule)
    }
}

fn how_of(key: &str, value: &str) -> Option<How> {
    Some(match (key, value) {
        ("status", _) => How::Status(value.parse().ok().filter(|status| (400..600).contains(status))?),
        ("throttle", _) => How::Throttle {
            retry_after_s: value.trim_end_matches('s').parse().ok()?,
        },
        ("silence", "") => How::Silence,
        ("cut", "") => How::Cut,
        ("answer", "html") => How::Answer(BadAnswer::Html),
        ("answer", "truncated") => How::Answer(BadAnswer::Truncated),
        ("answer", "error_in_200") => How::Answer(BadAnswer::ErrorInside200),
        ("answer", "nan") => How::Answer(BadAnswer::NotANumber),
        ("answer", "looping_token") => How::Answer(BadAnswer::LoopingToken),
        ("answer", "endless_pages") => How::Answer(BadAnswer::EndlessPages),
        ("part", "failed") => How::Part(PartFault::Failed),
        ("part", "forbidden") => How::Part(PartFault::Forbidden),
        ("part", "partial") => How::Part(PartFault::Partial),
        ("part", "null_list") => How::Part(PartFault::Odd(Odd::NullList)),
        ("part", "null_field") => How::Part(PartFault::Odd(Odd::NullField)),
        ("part", "null_element") => How::Part(PartFault::Odd(Odd::NullElement)),
        ("part", "nameless") => How::Part(PartFault::Odd(Odd::Nameless)),
        ("part", "number") => How::Part(PartFault::Odd(Odd::Number)),
        _ => return None,
    })
}

/// `30s`, `5m`, `1h`.
fn seconds(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u32 = number.parse().ok()?;
    let unit = Duration::from_secs(match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    });
    i64::try_from((unit * number).as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read() {
        let read = |text: &str| Rule::parse(text, 1000, None);
        let batch =
            read("azure, operation=metrics.getBatch, id=*vm-00003, status=500, after=1m, for=5m").unwrap();
        let wanted = Rule::new(How::Status(500))
            .cloud(Cloud::Azure)
            .operation("metrics.getBatch")
            .id("*vm-00003");
        assert_eq!(batch, wanted.between(1060, 1360));
        let named = read("metric=Percentage CPU,part=null_list").unwrap();
        let wanted = Rule::new(How::Part(PartFault::Odd(Odd::NullList))).metric("Percentage CPU");
        assert_eq!(named, wanted);
        let throttled = read("gcp,throttle=40s,share=30").unwrap();
        assert_eq!(throttled.how, How::Throttle { retry_after_s: 40 });
        let refused = Rule::parse("aws,type=AWS/SQS", 0, Some(How::Status(403))).unwrap();
        assert_eq!(
            refused,
            Rule::new(How::Status(403)).cloud(Cloud::Aws).kind("AWS/SQS")
        );
    }

    #[test]
    fn what_is_no_rule_is_named_with_what_there_is() {
        for wrong in ["aws", "status=200", "for=5", "azur,cut", "status=500,share=x"] {
            let message = Rule::parse(wrong, 0, None).unwrap_err();
            assert!(
                message.contains("silence") && message.contains("type="),
                "{message}"
            );
        }
    }
}
