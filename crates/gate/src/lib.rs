//! Quota, retry, timeouts and accounting: the one door to every API.
