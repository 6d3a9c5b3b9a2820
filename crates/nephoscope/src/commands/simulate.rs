//! `simulate`: the three simulated clouds alone, with the configuration and the variables that point at them.

use super::config::print;
use crate::cli::SimulateArgs;
use crate::exit::Failure;
use cloudsim::aws::{self, AwsSim};
use cloudsim::azure::{self, AzureSim};
use cloudsim::gcp::GcpSim;
use cloudsim::{Clock, Faults, How, Rule, World};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The configuration of demo and simulator, with the addresses left open.
const TEMPLATE: &str = include_str!("../../../../config/demo.yaml");

/// The variables that the template names, for shells, scripts and other clients.
const VARIABLES_FILE: &str = "simulate.env";

/// What `--refuse` answers.
const FORBIDDEN: u16 = 403;

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
        let key = folder.join("service-account.json");
        write_private(&key, &self.gcp.service_account_json())?;
        let path = folder.join("nephoscope.yaml");
        write_private(&path, &configuration(&self.variables(folder, otlp, listen)))?;
        Ok(path)
    }

    /// Every `${env:…}` of the template and what stands for it.
    fn variables(&self, folder: &Path, otlp: &str, listen: &str) -> Vec<(&'static str, String)> {
        let file = |name| folder.join(name).display().to_string();
        vec![
            ("LISTEN", listen.to_owned()),
            ("STATE", file("state")),
            ("OTLP", otlp.to_owned()),
            ("AWS", self.aws.endpoint()),
            ("AWS_KEY", aws::ACCESS_KEY.to_owned()),
            ("AWS_SECRET", aws::SECRET_KEY.to_owned()),
            ("AZURE", self.azure.endpoint()),
            ("AZURE_CA", file("ca.pem")),
            ("AZURE_TENANT", azure::TENANT_ID.to_owned()),
            ("AZURE_CLIENT", azure::CLIENT_ID.to_owned()),
            ("AZURE_SECRET", azure::CLIENT_SECRET.to_owned()),
            ("GCP", self.gcp.endpoint()),
            ("GCP_KEY", file("service-account.json")),
        ]
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
        clock: args.clock.map_or_else(Clock::default, Clock::paced),
        series: args.series,
        churn: args.churn,
        unlike: args.unlike,
        late_per_thousand: args.late,
        late_by: args.late_by,
        revised_per_thousand: args.revised,
        revised_after: args.revised_after,
        ..World::default()
    };
    let faults = Faults::new();
    faults.throttle_every(args.throttle.unwrap_or(0));
    faults.unavailable_every(args.unavailable.unwrap_or(0));
    faults.set_real_quotas(args.real_quotas);
    add_rules(&faults, args, world.born_unix_s)?;
    let clouds = Clouds::start(&world, &faults, args.listen).await?;
    let folder = write_for_others(&clouds, args)?;
    print(&format!(
        "aws    {}\nazure  {}  (CA in {})\ngcp    {}\n\nPoints to them: {}\nIts variables: {}\nTry: nephoscope discover --config {}\nEnd with Ctrl-C.\n",
        clouds.aws.endpoint(),
        clouds.azure.endpoint(),
        folder.join("ca.pem").display(),
        clouds.gcp.endpoint(),
        folder.join("nephoscope.yaml").display(),
        folder.join(VARIABLES_FILE).display(),
        folder.join("nephoscope.yaml").display()
    ))?;
    super::demo::until(args.run_for).await?;
    print(&bill(&clouds))?;
    if !(args.fault.is_empty() && args.refuse.is_empty()) {
        print(&format!(
            "requests before the wait that they were told was over: {}\n",
            faults.too_early()
        ))?;
    }
    clouds.stop().await;
    Ok(())
}

fn add_rules(faults: &Faults, args: &SimulateArgs, now_unix_s: i64) -> Result<(), Failure> {
    faults.set_seed(args.seed);
    let told = args.fault.iter().map(|text| (text, None));
    let refused = args
        .refuse
        .iter()
        .map(|text| (text, Some(How::Status(FORBIDDEN))));
    for (text, how) in told.chain(refused) {
        faults.add(Rule::parse(text, now_unix_s, how).map_err(Failure::usage)?);
    }
    Ok(())
}

/// Writes everything that a client of the clouds needs; returns the folder.
fn write_for_others(clouds: &Clouds, args: &SimulateArgs) -> Result<PathBuf, Failure> {
    let wanted = args
        .write
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join("nephoscope-simulate"));
    // The files name each other, and their reader may stand in another folder.
    let written = std::path::absolute(&wanted).and_then(|folder| {
        let (otlp, listen) = ("http://127.0.0.1:4317", "127.0.0.1:9464");
        clouds.write(&folder, otlp, listen)?;
        write_variables(&folder, &clouds.variables(&folder, otlp, listen))?;
        Ok(folder)
    });
    written.map_err(|error| {
        Failure::unavailable(format!(
            "writing the configuration to {}: {error}; choose another --write",
            wanted.display()
        ))
    })
}

/// Puts the variables into `folder`, whole or not at all: who finds the file finds the clouds ready.
fn write_variables(folder: &Path, variables: &[(&'static str, String)]) -> io::Result<()> {
    let lines: Vec<String> = variables
        .iter()
        .map(|(name, value)| format!("{name}={}\n", shell_quoted(value)))
        .collect();
    let unfinished = folder.join(format!("{VARIABLES_FILE}.new"));
    write_private(&unfinished, &lines.concat())?;
    std::fs::rename(&unfinished, folder.join(VARIABLES_FILE))
}

/// Secrets, though of no use elsewhere: as one should write them.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new();
    let file = file.write(true).create(true).truncate(true).mode(0o600);
    file.open(path)?.write_all(text.as_bytes())
}

fn shell_quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// The template with every `${env:…}` replaced.
fn configuration(variables: &[(&'static str, String)]) -> String {
    variables.iter().fold(TEMPLATE.to_owned(), |text, (name, value)| {
        text.replace(&format!("${{env:{name}}}"), value)
    })
}

/// What the clouds counted.
fn bill(clouds: &Clouds) -> String {
    let all = [
        ("aws", clouds.aws.counts()),
        ("azure", clouds.azure.counts()),
        ("gcp", clouds.gcp.counts()),
    ];
    let mut lines = Vec::new();
    for (cloud, counts) in all {
        for ((operation, outcome), requests) in &counts.requests {
            lines.push(format!(
                "{cloud:<6} {operation:<28} {outcome:<24} {requests:>10}\n"
            ));
        }
        for (unit, n) in &counts.billable {
            lines.push(format!("{cloud:<6} billable: {unit:<43} {n:>10}\n"));
        }
    }
    lines.concat()
}

fn next_port(listen: SocketAddr, offset: u16) -> SocketAddr {
    let port = if listen.port() == 0 {
        0
    } else {
        listen.port().saturating_add(offset)
    };
    SocketAddr::new(listen.ip(), port)
}

#[cfg(test)]
mod tests {
    use super::{Clouds, configuration, shell_quoted, write_variables};
    use cloudsim::{Faults, World};
    use std::net::{Ipv4Addr, SocketAddr};
    use std::path::Path;

    #[tokio::test]
    async fn every_variable_of_the_template_has_a_value() {
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let clouds = Clouds::start(&World::default(), &Faults::new(), local)
            .await
            .unwrap();
        let variables = clouds.variables(Path::new("/folder"), "http://127.0.0.1:4317", "127.0.0.1:9464");
        // The template's own comment speaks of `${env:…}`.
        let text = configuration(&variables).replacen("${env:…}", "", 1);
        assert!(!text.contains("${env:"), "{text}");
        clouds.stop().await;
    }

    #[test]
    fn variables_survive_a_shell() {
        let folder = tempfile::tempdir().unwrap();
        write_variables(folder.path(), &[("ODD", "it's ~ $HOME".to_owned())]).unwrap();
        let text = std::fs::read_to_string(folder.path().join("simulate.env")).unwrap();
        assert_eq!(text, "ODD='it'\\''s ~ $HOME'\n");
        assert_eq!(shell_quoted("plain"), "'plain'");
    }
}
