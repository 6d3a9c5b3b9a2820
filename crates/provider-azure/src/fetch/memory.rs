//! What is remembered between calls. It decides how something is asked, never what.

use crate::question::Question;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// After a refusal getBatch is left alone for so many requests and then tried again, because roles get granted.
const ARM_TURNS: u32 = 500;

/// The memory of one account.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// (type, region) → how many more requests go to ARM.
    arm: Mutex<HashMap<(String, String), u32>>,
    /// Metrics of which it was said that `top` cuts them.
    told: Mutex<HashSet<String>>,
}

impl Memory {
    /// Whether this request goes to ARM.
    pub(super) fn arm_turn(&self, question: &Question) -> bool {
        let mut arm = self.arm.lock().unwrap_or_else(PoisonError::into_inner);
        let key = place(question);
        match arm.get_mut(&key) {
            Some(0) => {
                arm.remove(&key);
                false
            }
            Some(left) => {
                *left -= 1;
                true
            }
            None => false,
        }
    }

    /// Sends the next requests to ARM; whether that is news.
    pub(super) fn prefer_arm(&self, question: &Question) -> bool {
        let mut arm = self.arm.lock().unwrap_or_else(PoisonError::into_inner);
        arm.insert(place(question), ARM_TURNS).is_none()
    }

    /// Whether it was said before that `top` cuts this metric; from now on it was.
    pub(super) fn told(&self, question: &Question, metric: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        !told.insert(format!("{}/{metric}", question.namespace))
    }
}

fn place(question: &Question) -> (String, String) {
    (
        question.namespace.to_ascii_lowercase(),
        question.region.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::Aggregation;
    use crate::testing::question;

    #[test]
    fn a_refused_place_is_tried_again_some_time() {
        let memory = Memory::default();
        let q = question("r", &["A"], &[Aggregation::Total]);
        assert!(!memory.arm_turn(&q) && memory.prefer_arm(&q) && !memory.prefer_arm(&q));
        let turns = (0..2 * ARM_TURNS).take_while(|_| memory.arm_turn(&q)).count();
        assert_eq!(u32::try_from(turns), Ok(ARM_TURNS));
        assert!(!memory.told(&q, "A") && memory.told(&q, "A"));
    }
}
