//! What became of a batch: one contract for every destination. How an answer is read is `verdict`'s.

use crate::encode::Encoded;
use crate::refusal::Refusal;
use async_trait::async_trait;
use std::time::Duration;

/// Longest piece of a back end's own words that we keep.
const MAX_WORDS: usize = 300;

/// Carries one batch to one back end.
///
/// # Contract
/// One attempt for each call, with its own time limit; no retry, no queue. Dropping the future abandons the attempt and
/// leaves the transport usable. Texts in a verdict hold no secret. A batch without points is carried like any other.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Delivers `batch` and says what became of it.
    async fn deliver(&self, batch: &Encoded) -> Verdict;
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Taken; `rejected` of its points were not, and must not be sent again.
    Delivered {
        /// Points that the back end rejected.
        rejected: i64,
        /// Its reason, or a warning.
        message: String,
    },
    /// Not taken; the same batch may be taken later.
    Retry {
        /// Not before this has passed, when the back end said so.
        after: Option<Duration>,
        /// What happened.
        why: String,
        /// Whether the back end answered: a request that was not answered says nothing of its points.
        answered: bool,
    },
    /// Not taken until a setting or the back end is changed, whatever the points are.
    Hold {
        /// What happened, and what to do.
        why: String,
    },
    /// Refused as a whole, for its points or for something else: only another request can tell.
    Refused {
        /// What is refused, as far as the words tell.
        refusal: Refusal,
        /// What happened, and what to do if it is not the points.
        why: String,
    },
    /// It cannot be sent at all: what the store holds is damaged.
    Drop {
        /// What happened.
        why: String,
    },
}

impl Verdict {
    /// The same, its reason preceded by what was asked.
    pub(crate) fn about(mut self, url: &str) -> Self {
        match &mut self {
            Self::Delivered { .. } => {}
            Self::Retry { why, .. } | Self::Hold { why } | Self::Refused { why, .. } | Self::Drop { why } => {
                *why = format!("POST {url}: {why}");
            }
        }
        self
    }

    /// For traces.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Retry { .. } => "retry",
            Self::Hold { .. } => "hold",
            Self::Refused { .. } => "refused",
            Self::Drop { .. } => "drop",
        }
    }
}

/// The beginning of a back end's words, on one line.
pub(crate) fn words(text: &str) -> String {
    text.chars()
        .take(MAX_WORDS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// An error with its causes: a transport's top line alone ("transport error") helps nobody.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    words(&text)
}
