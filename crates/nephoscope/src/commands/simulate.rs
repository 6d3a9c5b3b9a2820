//! `simulate`: the three simulated clouds alone, with the configuration that points at them.

use super::config::print;
use crate::cli::SimulateArgs;
use crate::exit::Failure;
use cloudsim::aws::{self, AwsSim};
use cloudsim::azure::{self, AzureSim};
use cloudsim::gcp::GcpSim;
use cloudsim::{Faults, World};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The configuration of demo and simulator, with the addresses left open.
const TEMPLATE: &str = include_str!("../../../../config/demo.yaml");

/// The simulated clouds, running.
pub(crate) struct Clouds {
    pub(crate) aws: AwsSim,
    pub(crate) azure: AzureSim,
    pub(crate) gcp: GcpSim,
}

impl Clouds {
    /// Starts AWS at `listen` and the others at the two ports after it; port 0 finds free ones.
    pub(crate) async fn start(world: &World, faults: &Faults, listen: SocketAddr) -> Result<Self, Failure> {
        let at = |offset| next_port(listen, offset);
        let failed = |what: &str, error: io::Error| {
            Failure::unavailable(format!(
                "starting the simulated {what} near {listen}: {error}; choose another --listen"
            ))
        };
        Ok(Self {
            aws: AwsSim::start(world.clone(), faults.clone(), at(0))
                .await
                .map_err(|e| failed("AWS", e))?,
            gcp: GcpSim::start(world.clone(), faults.clone(), at(1))
                .await
                .map_err(|e| failed("Google Cloud", e))?,
            azure: AzureSim::start(world.clone(), faults.clone(), at(2))
                .await
                .map_err(|e| failed("Azure", e))?,
        })
    }

    /// Writes the CA, the service account and the configuration into `folder`; returns the configuration's path.
    pub(crate) fn write(&self, folder: &Path, otlp: &str, listen: &str) -> io::Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("ca.pem"), self.azure.ca_pem())?;
        std::fs::write(
            folder.join("service-account.json"),
            self.gcp.service_account_json(),
        )?;
        let path = folder.join("nephoscope.yaml");
        std::fs::write(&path, self.configuration(folder, otlp, listen))?;
        Ok(path)
    }

    /// The template with every `${env:…}` replaced.
    fn configuration(&self, folder: &Path, otlp: &str, listen: &str) -> String {
        let values = HashMap::from([
            ("LISTEN", listen.to_owned()),
            ("STATE", folder.join("state").display().to_string()),
            ("OTLP", otlp.to_owned()),
            ("AWS", self.aws.endpoint()),
            ("AWS_KEY", aws::ACCESS_KEY.to_owned()),
            ("AWS_SECRET", aws::SECRET_KEY.to_owned()),
            ("AZURE", self.azure.endpoint()),
            ("AZURE_CA", folder.join("ca.pem").display().to_string()),
            ("AZURE_TENANT", azure::TENANT_ID.to_owned()),
            ("AZURE_CLIENT", azure::CLIENT_ID.to_owned()),
            ("AZURE_SECRET", azure::CLIENT_SECRET.to_owned()),
            ("GCP", self.gcp.endpoint()),
            (
                "GCP_KEY",
                folder.join("service-account.json").display().to_string(),
            ),
        ]);
        values.iter().fold(TEMPLATE.to_owned(), |text, (name, value)| {
            text.replace(&format!("${{env:{name}}}"), value)
        })
    }

    /// Stops all three.
    pub(crate) async fn stop(self) {
        self.aws.stop().await;
        self.azure.stop().await;
        self.gcp.stop().await;
    }
}

pub(crate) async fn run(args: &SimulateArgs) -> Result<(), Failure> {
    let world = World {
        seed: args.seed,
        series: args.series,
        ..World::default()
    };
    let faults = Faults::new();
    faults.throttle_every(args.throttle.unwrap_or(0));
    faults.unavailable_every(args.unavailable.unwrap_or(0));
    faults.set_real_quotas(args.real_quotas);
    let clouds = Clouds::start(&world, &faults, args.listen).await?;
    let folder = args
        .write
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join("nephoscope-simulate"));
    let path = clouds
        .write(&folder, "http://127.0.0.1:4317", "127.0.0.1:9464")
        .map_err(|error| {
            Failure::unavailable(format!(
                "writing the configuration to {}: {error}; choose another --write",
                folder.display()
            ))
        })?;
    print(&format!(
        "aws    {}\nazure  {}  (CA in {})\ngcp    {}\n\nPoints to them: {}\nTry: nephoscope discover --config {}\nEnd with Ctrl-C.\n",
        clouds.aws.endpoint(),
        clouds.azure.endpoint(),
        folder.join("ca.pem").display(),
        clouds.gcp.endpoint(),
        path.display(),
        path.display()
    ))?;
    super::demo::until(args.run_for).await?;
    print(&bill(&clouds))?;
    clouds.stop().await;
    Ok(())
}

/// What the clouds counted.
fn bill(clouds: &Clouds) -> String {
    let all = [
        ("aws", clouds.aws.counts()),
        ("azure", clouds.azure.counts().snapshot()),
        ("gcp", clouds.gcp.counts().snapshot()),
    ];
    let mut text = String::new();
    for (cloud, counts) in all {
        for ((operation, outcome), requests) in &counts.requests {
            text.push_str(&format!(
                "{cloud:<6} {operation:<28} {outcome:<24} {requests:>10}\n"
            ));
        }
        for (unit, n) in &counts.billable {
            text.push_str(&format!("{cloud:<6} billable: {unit:<43} {n:>10}\n"));
        }
    }
    text
}

fn next_port(listen: SocketAddr, offset: u16) -> SocketAddr {
    let port = if listen.port() == 0 {
        0
    } else {
        listen.port().saturating_add(offset)
    };
    SocketAddr::new(listen.ip(), port)
}
