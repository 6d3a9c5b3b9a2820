//! Things that live for minutes: machines that come, live for 3 to 40 minutes and go. Who they are and when they live is a
//! pure function of (seed, time). How long a cloud's listing lags behind them, and what it still knows of those that are
//! gone, is each cloud's affair.

use crate::world::World;

/// Each place has one life in so many seconds.
const TURN_S: i64 = 43 * MINUTE_S;
/// The shortest and the longest life, in minutes.
const SHORTEST_MIN: u64 = 3;
const LONGEST_MIN: u64 = 40;
const MINUTE_S: i64 = 60;
/// Lives are known from so long before the start of the world, longer than a day that is fetched again, up to so long
/// after it: a week and a day.
const BEFORE_S: i64 = 26 * 3600;
const AFTER_S: i64 = 8 * 24 * 3600;

/// One life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// Names it, among all lives of its place's kind.
    pub(crate) number: u64,
    /// It has data of buckets that start from then on, a whole minute.
    pub(crate) born_s: i64,
    /// And of none that starts then or later, a whole minute.
    pub(crate) ended_s: i64,
    /// For what differs by chance from one life to the next.
    pub(crate) chance: u64,
}

impl Life {
    /// Whether a bucket that starts then has data.
    pub(crate) fn has(self, bucket_s: i64) -> bool {
        (self.born_s..self.ended_s).contains(&bucket_s)
    }

    /// A number below `limit_s` that is drawn for this life and this purpose.
    pub(crate) fn within_s(self, purpose: u64, limit_s: u64) -> i64 {
        let drawn = self
            .chance
            .rotate_left(u32::try_from(purpose % 64).unwrap_or(0) * 7)
            % limit_s.max(1);
        i64::try_from(drawn).unwrap_or(0)
    }
}

impl World {
    /// Every life in a place of this name (a region, a subscription), `churn` at a time at most.
    pub(crate) fn lives(&self, place: &str) -> Vec<Life> {
        let seed = self.series_seed(&format!("churn/{place}"));
        let first = (self.born_unix_s - BEFORE_S)
            .max(self.start_unix_s())
            .div_euclid(TURN_S);
        let last = (self.born_unix_s + AFTER_S).div_euclid(TURN_S);
        (0..self.churn)
            .flat_map(|slot| (first..=last).map(move |turn| life(seed, slot, turn)))
            .collect()
    }
}

fn life(seed: u64, slot: u32, turn: i64) -> Life {
    let number = (u64::from(slot) << 40) | turn.unsigned_abs();
    let chance = World::bucket_hash(seed ^ u64::from(slot), turn);
    let lasts_min = SHORTEST_MIN + chance % (LONGEST_MIN - SHORTEST_MIN + 1);
    // Wherever in its turn there is room, with a minute before the next one.
    let room_min = u64::try_from(TURN_S / MINUTE_S).unwrap_or(LONGEST_MIN) - lasts_min;
    let after_min = (chance >> 20) % room_min;
    let minutes = |count: u64| i64::try_from(count).unwrap_or(0) * MINUTE_S;
    let born_s = turn * TURN_S + minutes(after_min);
    Life {
        number,
        born_s,
        ended_s: born_s + minutes(lasts_min),
        chance,
    }
}

/// Whether something without end, or this life, has data of a bucket that starts then.
pub(crate) fn lives_at(life: Option<Life>, bucket_s: i64) -> bool {
    life.is_none_or(|life| life.has(bucket_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_last_3_to_40_minutes_and_never_two_at_once_in_a_place() {
        let world = World {
            churn: 3,
            ..World::default()
        };
        let lives = world.lives("eu-west-1");
        assert_eq!(lives, world.lives("eu-west-1"));
        assert_ne!(lives, world.lives("us-east-1"));
        let mut lasts: Vec<i64> = lives
            .iter()
            .map(|life| (life.ended_s - life.born_s) / 60)
            .collect();
        lasts.sort_unstable();
        assert_eq!((lasts.first(), lasts.last()), (Some(&3), Some(&40)));
        for slot in lives.chunk_by(|a, b| a.number >> 40 == b.number >> 40) {
            assert!(slot.windows(2).all(|pair| pair[0].ended_s < pair[1].born_s));
        }
        let now = world.born_unix_s;
        let soon = lives
            .iter()
            .filter(|life| (now..now + 3600).contains(&life.born_s));
        assert!((2..=6).contains(&soon.count()));
        assert!(World::default().lives("eu-west-1").is_empty());
    }
}
