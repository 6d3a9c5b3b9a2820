//! Google's times and ours.

use google_cloud_wkt::Timestamp;
use provider_api::UnixNanos;

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// `None` outside the years 1677 to 2262.
pub(crate) fn time(given: &Timestamp) -> Option<UnixNanos> {
    let whole = given.seconds().checked_mul(NANOS_PER_SECOND)?;
    whole.checked_add(i64::from(given.nanos())).map(UnixNanos)
}

/// The way back, for the window of a request.
pub(crate) fn timestamp(time: UnixNanos) -> Timestamp {
    let nanos = time.0.rem_euclid(NANOS_PER_SECOND);
    Timestamp::clamp(time.seconds(), i32::try_from(nanos).unwrap_or(0))
}
