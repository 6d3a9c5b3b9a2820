//! How often one address may ask: a bucket for each, and one for all together that come when there are too many.

use config_file::RateLimit;
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Most addresses that have a bucket of their own; about 100 bytes each.
const ADDRESSES_MAX: usize = 10_000;

/// How often full buckets, which say nothing, are looked for when there are too many.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// A network of IPv6 is one caller: it has more addresses than we have bytes.
const V6_NETWORK: u128 = u128::MAX << 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Client {
    Address(IpAddr),
    Others,
}

type Buckets = RateLimiter<Client, DashMapStateStore<Client>, DefaultClock, StateInformationMiddleware>;

/// Buckets of all callers.
#[derive(Debug)]
pub(super) struct Limiter {
    buckets: Buckets,
    limit: RateLimit,
    swept: Mutex<Option<Instant>>,
}

/// What a caller is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Requests at once after a pause.
    pub(super) burst: u32,
    /// Requests that are left of them.
    pub(super) remaining: u32,
    /// Seconds until all of them are there again.
    pub(super) full_in_s: u32,
    /// Seconds to wait, if this request is one too many; at least one.
    pub(super) wait_s: Option<u64>,
}

impl Limiter {
    /// As configured.
    pub(super) fn new(limit: RateLimit) -> Self {
        let quota = Quota::per_second(limit.per_second).allow_burst(limit.burst);
        Self {
            buckets: RateLimiter::dashmap(quota).with_middleware(),
            limit,
            swept: Mutex::new(None),
        }
    }

    /// Takes one request from the caller's bucket.
    pub(super) fn take(&self, address: IpAddr) -> Verdict {
        let taken = self.buckets.check_key(&self.client(address));
        let (remaining, wait_s) = match taken {
            Ok(left) => (left.remaining_burst_capacity(), None),
            Err(too_many) => {
                let wait = too_many.wait_time_from(DefaultClock::default().now());
                (0, Some(wait.as_secs() + 1))
            }
        };
        let missing = self.limit.burst.get().saturating_sub(remaining);
        Verdict {
            burst: self.limit.burst.get(),
            remaining,
            full_in_s: missing.div_ceil(self.limit.per_second.get()),
            wait_s,
        }
    }

    fn client(&self, address: IpAddr) -> Client {
        if self.buckets.len() < ADDRESSES_MAX {
            return Client::Address(network(address));
        }
        self.sweep(Instant::now());
        if self.buckets.len() < ADDRESSES_MAX {
            Client::Address(network(address))
        } else {
            Client::Others
        }
    }

    fn sweep(&self, now: Instant) {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.is_none_or(|last| now.duration_since(last) >= SWEEP_EVERY) {
            *swept = Some(now);
            self.buckets.retain_recent();
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & V6_NETWORK)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::num::NonZeroU32;

    fn limiter(burst: u32) -> Limiter {
        Limiter::new(RateLimit {
            per_second: NonZeroU32::MIN,
            burst: NonZeroU32::new(burst).unwrap(),
        })
    }

    #[test]
    fn a_burst_passes_and_the_next_one_waits() {
        let limiter = limiter(3);
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let left: Vec<u32> = (0..3).map(|_| limiter.take(address).remaining).collect();
        assert_eq!(left, [2, 1, 0]);
        let refused = limiter.take(address);
        assert!(
            refused.wait_s.is_some_and(|s| (1..=2).contains(&s)),
            "{refused:?}"
        );
        assert_eq!((refused.burst, refused.full_in_s), (3, 3));
        assert_eq!(limiter.take("192.0.2.1".parse().unwrap()).wait_s, None);
    }

    #[test]
    fn an_ipv6_network_has_one_bucket() {
        let limiter = limiter(1);
        assert_eq!(limiter.take("2001:db8::1".parse().unwrap()).wait_s, None);
        assert!(limiter.take("2001:db8::2".parse().unwrap()).wait_s.is_some());
        assert_eq!(limiter.take("2001:db8:0:1::2".parse().unwrap()).wait_s, None);
    }

    #[test]
    fn memory_for_addresses_is_bounded() {
        let limiter = limiter(5);
        for i in 0..20_000_u32 {
            limiter.take(IpAddr::V4(Ipv4Addr::from_bits(i)));
        }
        assert!(
            limiter.buckets.len() <= ADDRESSES_MAX + 1,
            "{}",
            limiter.buckets.len()
        );
    }
}
