//! `demo`: simulated clouds, the daemon as a user would run it, and a receiver, in one process; shows what arrives.

use super::config::print;
use super::simulate::Clouds;
use crate::cli::DemoArgs;
use crate::daemon::{Daemon, StopSignals};
use crate::exit::Failure;
use crate::wiring;
use cloudsim::{Faults, World};
use export::receiver::{FlatPoint, FlatValue, Receiver};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const CLOUDS: [&str; 3] = ["aws", "azure", "gcp"];

/// How often what arrived is shown.
const SHOW_EVERY: Duration = Duration::from_secs(5);

/// How soon the first figures are shown.
const FIRST_SHOWN: Duration = Duration::from_secs(3);

/// What has arrived of one cloud.
#[derive(Clone, Default)]
struct Arrived {
    points: u64,
    example: Option<FlatPoint>,
}

type Board = Arc<Mutex<BTreeMap<String, Arrived>>>;

pub(crate) async fn run(args: &DemoArgs) -> Result<(), Failure> {
    let folder = std::env::temp_dir().join(format!("nephoscope-demo-{}", std::process::id()));
    let result = show(args, &folder).await;
    if let Err(error) = std::fs::remove_dir_all(&folder) {
        tracing::debug!(%error, folder = %folder.display(), "leaving the demo's folder behind");
    }
    result
}

async fn show(args: &DemoArgs, folder: &Path) -> Result<(), Failure> {
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let receiver = Receiver::start(local, local)
        .await
        .map_err(|e| Failure::software("starting the receiver", &e))?;
    receiver.keep(0);
    let board = Board::default();
    let seen = Arc::clone(&board);
    receiver.on_points(Box::new(move |points| record(&seen, points)));
    let clouds = Clouds::start(&World::default(), &Faults::new(), local).await?;
    let path = clouds
        .write(folder, &receiver.grpc_endpoint(), "127.0.0.1:0")
        .map_err(|error| Failure::unavailable(format!("writing to {}: {error}", folder.display())))?;
    let config = wiring::load(&path, &config_file::System)?;
    let mut daemon = Daemon::start(&config).await?;
    print(&format!(
        "Simulated AWS, Azure and Google Cloud are polled; their points arrive at an OTLP receiver.\nStatus page: {}\n\n",
        daemon.url()
    ))?;
    tokio::select! {
        shown = keep_showing(&board) => shown?,
        ended = until(args.run_for) => ended?,
        failure = daemon.work(&path) => return Err(failure),
    }
    daemon.stop().await;
    clouds.stop().await;
    receiver.stop().await;
    conclude(&board)
}

async fn keep_showing(board: &Board) -> Result<(), Failure> {
    sleep(FIRST_SHOWN).await;
    loop {
        print(&table(board))?;
        sleep(SHOW_EVERY).await;
    }
}

/// Ends after `limit`, or at SIGINT or SIGTERM.
pub(crate) async fn until(limit: Option<Duration>) -> Result<(), Failure> {
    let mut signals = StopSignals::listen()?;
    let deadline = limit.map(|limit| Instant::now() + limit);
    tokio::select! {
        () = async { match deadline { Some(at) => tokio::time::sleep_until(at).await, None => std::future::pending().await } } => Ok(()),
        _signal = signals.next() => Ok(()),
    }
}

fn record(board: &Board, points: &[FlatPoint]) {
    let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
    for point in points {
        let cloud = point.resource.get("cloud.provider").cloned().unwrap_or_default();
        let arrived = board.entry(cloud).or_default();
        arrived.points += 1;
        if arrived.example.is_none() || matches!(point.value, FlatValue::Histogram { .. }) {
            arrived.example = Some(point.clone());
        }
    }
}

fn table(board: &Board) -> String {
    let board = board.lock().unwrap_or_else(PoisonError::into_inner);
    let mut text = String::new();
    for cloud in CLOUDS {
        let arrived = board.get(cloud).cloned().unwrap_or_default();
        let example = arrived
            .example
            .as_ref()
            .map_or_else(|| "nothing yet".to_owned(), describe);
        // Writing to a String cannot fail.
        writeln!(text, "{cloud:<6} {:>8} points   {example}", arrived.points).ok();
    }
    text.push('\n');
    text
}

fn describe(point: &FlatPoint) -> String {
    let value = match &point.value {
        FlatValue::Double(v) => format!("{v:.3}"),
        FlatValue::Int(v) => v.to_string(),
        FlatValue::Histogram { count, .. } => format!("{count} values"),
    };
    let time = jiff::Timestamp::from_nanosecond(i128::from(point.time))
        .map_or_else(|_| String::new(), |t| t.to_string());
    let labels: Vec<String> = point.attributes.iter().map(|(k, v)| format!("{k}={v}")).collect();
    format!(
        "{} = {value} {} at {time} {{{}}}",
        point.metric,
        point.unit,
        labels.join(", ")
    )
}

/// Succeeds only if all three clouds delivered.
fn conclude(board: &Board) -> Result<(), Failure> {
    print(&table(board))?;
    let board = board.lock().unwrap_or_else(PoisonError::into_inner);
    let silent: Vec<&str> = CLOUDS
        .into_iter()
        .filter(|cloud| !board.contains_key(*cloud))
        .collect();
    if silent.is_empty() {
        return print(
            "To point it at a real account: `nephoscope config example > nephoscope.yaml`, keep the accounts you have,\n\
             `nephoscope check --config nephoscope.yaml`, then `nephoscope run --config nephoscope.yaml`.\n",
        );
    }
    Err(Failure::unavailable(format!(
        "no points arrived of: {}",
        silent.join(", ")
    )))
}
