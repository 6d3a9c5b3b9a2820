//! Certificates that are rotated: the same files with other contents, taken up by a reload.

use super::with_aws;
use crate::authority::Authority;
use crate::setup::{Setup, identity};
use export::receiver::{FlatPoint, Receiver, ServerTls};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// Who a receiver trusts and is trusted by.
struct Epoch {
    servers: Authority,
    clients: Authority,
}

impl Epoch {
    fn new(name: &str) -> Self {
        Self {
            servers: Authority::new(&format!("servers {name}")),
            clients: Authority::new(&format!("clients {name}")),
        }
    }

    /// A receiver that wants to see a certificate of this time.
    async fn receiver(&self, address: SocketAddr) -> Receiver {
        let (cert_pem, key_pem) = self.servers.signs(&["127.0.0.1"]);
        let tls = ServerTls {
            cert_pem,
            key_pem,
            client_ca_pem: Some(self.clients.pem.clone()),
        };
        Receiver::start_tls(address, crate::setup::local(), &tls)
            .await
            .unwrap()
    }

    /// Puts what the daemon needs at this time where the configuration looks for it.
    fn write(&self, setup: &Setup) {
        let (cert, key) = self.clients.signs(&["daemon"]);
        for (name, text) in [("ca", &self.servers.pem), ("cert", &cert), ("key", &key)] {
            std::fs::write(setup.folder.path().join(format!("{name}.pem")), text).unwrap();
        }
    }
}

/// Waits until the destination is as wanted.
async fn destination(setup: &Setup, state: &str) -> String {
    let limit = std::time::Instant::now() + crate::setup::PATIENCE;
    loop {
        let status = setup.status().await;
        let row = &status["destinations"][1];
        if row["state"] == state {
            return row["last_error"].as_str().unwrap_or_default().to_owned();
        }
        assert!(
            std::time::Instant::now() < limit,
            "not {state}: {row:#}\n{}",
            setup.daemon.log()
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// What has come to either receiver.
type Arrived = Arc<Mutex<Vec<FlatPoint>>>;

fn note(arrived: &Arrived, receiver: &Receiver) {
    let arrived = Arc::clone(arrived);
    receiver.on_points(Box::new(move |points| {
        arrived.lock().unwrap().extend(points.iter().cloned());
    }));
}

/// Waits until everything that the other destination has got, from the first point of each series on, is here as well;
/// each once.
async fn all_there(setup: &Setup, arrived: &Arrived) {
    let limit = std::time::Instant::now() + crate::setup::PATIENCE;
    loop {
        let here = arrived.lock().unwrap().clone();
        let distinct: HashSet<String> = here.iter().map(identity).collect();
        assert_eq!(distinct.len(), here.len(), "nothing comes twice");
        let mut first: HashMap<String, u64> = HashMap::new();
        for point in &here {
            let first = first.entry(series(point)).or_insert(u64::MAX);
            *first = point.time.min(*first);
        }
        let since = |p: &FlatPoint| first.get(&series(p)).is_some_and(|first| p.time >= *first);
        let there = setup.receiver.received();
        let missing = there
            .iter()
            .filter(|p| since(p) && !distinct.contains(&identity(p)));
        let missing = missing.count();
        if missing == 0 {
            return;
        }
        assert!(
            std::time::Instant::now() < limit,
            "{missing} points are missing:\n{}",
            setup.daemon.log()
        );
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

fn series(point: &FlatPoint) -> String {
    format!("{:?} {} {:?}", point.resource, point.metric, point.attributes)
}

#[tokio::test(flavor = "multi_thread")]
async fn new_certificates_of_a_destination_are_taken_up_and_nothing_is_lost_or_doubled() {
    let setup = with_aws().await;
    let (old, new) = (Epoch::new("old"), Epoch::new("new"));
    old.write(&setup);
    let before = old.receiver(crate::setup::local()).await;
    let endpoint = before.grpc_endpoint();
    let folder = setup.folder.path().display();
    let tls = format!(
        ", tls: {{ ca_file: {folder}/ca.pem, cert_file: {folder}/cert.pem, key_file: {folder}/key.pem }}"
    );
    let yaml = setup.general()
        + &format!("  - {{ name: guarded, otlp: {{ endpoint: \"{endpoint}\"{tls} }} }}\n")
        + &setup.clouds.aws_account();
    let arrived = Arrived::default();
    note(&arrived, &before);
    setup.daemon.reload(&yaml, "ok").await;
    assert!(
        before.wait_for(1, crate::setup::PATIENCE).await,
        "{}",
        setup.daemon.log()
    );

    // The back end has other certificates overnight: what comes now is held, and it is said why.
    let address = endpoint.trim_start_matches("https://").parse().unwrap();
    before.stop().await;
    let after = new.receiver(address).await;
    note(&arrived, &after);
    let why = destination(&setup, "action required").await;
    assert!(why.contains("`tls.ca_file`"), "{why}");

    // The same configuration, the same names of files.
    new.write(&setup);
    setup.daemon.reload(&yaml, "ok").await;
    assert!(
        setup.daemon.log().contains("changed=\"destination guarded\""),
        "{}",
        setup.daemon.log()
    );
    assert!(
        after.wait_for(1, crate::setup::PATIENCE).await,
        "{}",
        setup.daemon.log()
    );
    destination(&setup, "delivering").await;
    all_there(&setup, &arrived).await;
    setup.stop().await;
    after.stop().await;
}
