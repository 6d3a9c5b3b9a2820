//! Our encoder and transports against an OTLP server that knows nothing of them.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod back_end;
mod faults;
mod formats;
mod health;
mod kinds;
mod limits;
mod points;
mod proof;
mod queue;
mod read;
mod seeds;
mod tls;
mod verdicts;
