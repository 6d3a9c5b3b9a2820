//! The simulated clouds over the wire, in one binary.

mod aws;
mod azure;
mod gcp;
