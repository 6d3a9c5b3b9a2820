//! The real binary against the simulated clouds and a real OTLP receiver, over sockets: every point of a window is
//! compared with the simulators' truth, over gRPC and over HTTP, also while requests are throttled and refused.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test may panic, and nothing here is public"
)]

mod access;
mod account_files;
mod alike;
mod api;
mod authority;
mod backfill;
mod budget;
mod clock;
mod commands;
mod compare;
mod credentials;
mod edits;
mod entries;
mod exposition;
mod federate;
mod hostile;
mod light;
mod listener;
mod lives;
mod missing;
mod packaged;
mod part;
mod probes;
mod ready;
mod refusals;
mod reload;
mod repeats;
mod restart;
mod secrets;
mod setup;
mod start;
mod systemd;
mod telemetry;
mod week;

use cloudsim::Faults;
use compare::{same, same_gcp, wanted_aws, wanted_azure, wanted_gcp};
use setup::Setup;

async fn every_point_arrives(protocol: &str, faults: &Faults) {
    let setup = Setup::start(protocol, faults).await;
    let (aws, azure, gcp) = (wanted_aws(&setup), wanted_azure(&setup), wanted_gcp(&setup));
    let arrived = setup.arrived(aws.len() + azure.len() + gcp.len()).await;
    same("aws", aws, &arrived, "cloud.region");
    same("azure", azure, &arrived, "cloud.resource_id");
    same_gcp(&gcp, &arrived);
    setup.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_point_arrives_over_grpc() {
    every_point_arrives("grpc", &Faults::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_point_arrives_over_http() {
    every_point_arrives("http", &Faults::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_point_arrives_through_throttling_and_refusals() {
    let faults = Faults::new();
    faults.throttle_every(5);
    faults.unavailable_every(7);
    every_point_arrives("grpc", &faults).await;
}
