//! What a target is: one resource, a metric namespace, a grain and what is split by. Which metrics are asked for, and
//! with what limits, are its members.

use crate::question::Question;
use provider_api::{Detail, Resource, TargetId};
use std::any::Any;
use std::sync::Arc;

/// A resource and what to ask it.
#[derive(Debug)]
pub(crate) struct TargetDetail {
    /// The ARM id in its own spelling.
    pub(crate) id: Arc<str>,
    pub(crate) resource: Arc<Resource>,
    pub(crate) question: Arc<Question>,
}

impl Detail for TargetDetail {
    fn describe(&self) -> String {
        let one = |m: &crate::question::AskedMetric| format!("{} [{}]", m.name, m.aggregations.words());
        let names: Vec<String> = self.question.metrics.iter().map(one).collect();
        format!("{} {}", self.id, names.join(", "))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The identity of what `question` asks of the resource `id`. Azure compares ids, types and dimensions without case.
///
/// `rank` tells the questions of several entries apart that share all of that, each with metrics of its own: their place
/// by the smallest name. The first has none, so that an entry beside it leaves it as it is.
pub(crate) fn identity(id: &str, question: &Question, rank: usize) -> TargetId {
    let grain = question.grain.as_secs().to_string();
    let mut split: Vec<String> = question.dimensions.iter().map(|d| d.to_lowercase()).collect();
    split.sort();
    let (id, namespace) = (id.to_lowercase(), question.namespace.to_lowercase());
    let rank = (rank > 0).then(|| rank.to_string());
    let mut pieces: Vec<&str> = vec!["azure", &id, &namespace, &grain];
    pieces.extend(split.iter().map(String::as_str));
    if let Some(rank) = &rank {
        pieces.extend(["\u{1f}", rank]);
    }
    TargetId::of(pieces)
}

/// The identities that files of format 3 have for it: there a resource had one for each twenty metrics of equal
/// aggregations.
pub(crate) fn formerly(detail: &TargetDetail) -> Vec<TargetId> {
    let id = detail.id.to_ascii_lowercase();
    let of = |key: &str| TargetId::of_text(&format!("{id}|{key}"));
    detail.question.former.iter().map(|key| of(key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::Aggregation;
    use crate::testing::question;

    /// Watermarks in users' files hang on these numbers.
    #[test]
    fn identities_are_pinned() {
        let mut q = (*question("r", &["B", "A"], &[Aggregation::Average])).clone();
        let plain = identity("/Sub/x", &q, 0);
        q.dimensions = vec!["LUN".into(), "ApiName".into()];
        let split = identity("/sub/x", &q, 0);
        let second = identity("/sub/x", &q, 1);
        assert_eq!(
            [plain, split, second].map(|id| id.0),
            [
                6_315_291_403_670_446_932,
                9_129_517_041_777_030_597,
                17_498_033_790_851_285_934
            ]
        );
    }

    #[test]
    fn what_is_asked_of_it_and_case_are_no_part_of_it() {
        let id = |q: &Question| identity("/sub/X", q, 0);
        let a = question("r", &["A"], &[Aggregation::Average]);
        let b = question(
            "elsewhere",
            &["A", "B"],
            &[Aggregation::Total, Aggregation::Average],
        );
        let mut cased = (*a).clone();
        cased.namespace = cased.namespace.to_uppercase().into();
        cased.top = 7;
        assert_eq!((id(&a), id(&a)), (id(&b), id(&cased)));
        assert_eq!(identity("/SUB/x", &a, 0), id(&a));
        assert_ne!(a.members, b.members);
    }
}
