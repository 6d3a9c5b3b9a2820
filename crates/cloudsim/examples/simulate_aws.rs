//! Serves the simulated AWS on the address in the first argument (default `127.0.0.1:4566`) until it is killed.
//! The judge `tests/judges/judge_aws.py` can be pointed at it.
#![expect(clippy::print_stdout, reason = "an example for the command line")]

use std::net::SocketAddr;

use cloudsim::aws::AwsSim;
use cloudsim::{Faults, World};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listen: SocketAddr = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:4566".to_owned())
        .parse()
        .map_err(std::io::Error::other)?;
    let world = World {
        series: 1200,
        ..World::default()
    };
    let sim = AwsSim::start(world, Faults::new(), listen).await?;
    println!("{}", sim.endpoint());
    std::future::pending().await
}
