//! TLS with certificates of our own making: what is trusted, what is not, and whether the error says what to do.

use crate::back_end::{config, taken};
use crate::points::one_of_each;
use export::receiver::{Receiver, ServerTls};
use export::{DestinationConfig, Kind, Limits, Protocol, Tls, Verdict, connect, encode};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `name` and its key, in PEM.
fn issue(authority: &Authority, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    (certificate.pem(), key.serialize_pem())
}

async fn server(authority: &Authority, name: &str, client_ca: Option<&Authority>) -> Receiver {
    let (cert_pem, key_pem) = issue(authority, name);
    let tls = ServerTls {
        cert_pem,
        key_pem,
        client_ca_pem: client_ca.map(Authority::pem),
    };
    let any = "127.0.0.1:0".parse().unwrap();
    Receiver::start_tls(any, any, &tls).await.unwrap()
}

fn destination(receiver: &Receiver, protocol: Protocol, tls: Tls) -> DestinationConfig {
    let mut config = config(receiver, protocol);
    let Kind::Otlp(otlp) = &mut config.kind else {
        panic!()
    };
    otlp.tls = Some(tls);
    config
}

async fn deliver(receiver: &Receiver, protocol: Protocol, tls: Tls) -> Verdict {
    let transport = connect(&destination(receiver, protocol, tls)).unwrap().transport;
    transport
        .deliver(&encode(&one_of_each(), Limits::default())[0])
        .await
}

/// The verdict is to hold, and its words contain what to do.
fn held(verdict: &Verdict, what_to_do: &str, protocol: Protocol) {
    let Verdict::Hold { why } = verdict else {
        panic!("{protocol:?}: {verdict:?}")
    };
    assert!(why.contains(what_to_do), "{protocol:?}: {why}");
}

fn trusting(authority: &Authority) -> Tls {
    Tls {
        ca_pem: Some(authority.pem()),
        ..Tls::default()
    }
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_named_and_only_then() {
    let (ours, other) = (authority(), authority());
    let receiver = server(&ours, "127.0.0.1", None).await;
    for protocol in [Protocol::Grpc, Protocol::Http] {
        assert_eq!(deliver(&receiver, protocol, trusting(&ours)).await, taken(0, ""));
        for wrong in [trusting(&other), Tls::default()] {
            held(
                &deliver(&receiver, protocol, wrong).await,
                "`tls.ca_file`",
                protocol,
            );
        }
    }
    assert_eq!(receiver.received().len(), 12);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let ours = authority();
    let receiver = server(&ours, "elsewhere.example", None).await;
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let verdict = deliver(&receiver, protocol, trusting(&ours)).await;
        held(
            &verdict,
            "a name that the server's certificate was made for",
            protocol,
        );
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_when_demanded() {
    let (ours, clients) = (authority(), authority());
    let receiver = server(&ours, "127.0.0.1", Some(&clients)).await;
    let with = |(cert, key): (String, String)| Tls {
        cert_pem: Some(cert),
        key_pem: Some(key.into()),
        ..trusting(&ours)
    };
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let good = with(issue(&clients, "poller"));
        assert_eq!(deliver(&receiver, protocol, good).await, taken(0, ""));
        let none = deliver(&receiver, protocol, trusting(&ours)).await;
        held(&none, "set `tls.cert_file` and `tls.key_file`", protocol);
        let stranger = with(issue(&ours, "poller"));
        let refused = deliver(&receiver, protocol, stranger).await;
        held(&refused, "`tls.cert_file` signed by", protocol);
    }
}

#[tokio::test]
async fn a_server_without_tls_is_named_as_such() {
    let plain = crate::back_end::receiver().await;
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let mut config = destination(&plain, protocol, Tls::default());
        let Kind::Otlp(otlp) = &mut config.kind else {
            panic!()
        };
        otlp.endpoint = otlp.endpoint.replace("http://", "https://");
        let transport = connect(&config).unwrap().transport;
        let verdict = transport
            .deliver(&encode(&one_of_each(), Limits::default())[0])
            .await;
        held(&verdict, "write `http://` in `endpoint`", protocol);
    }
}

#[tokio::test]
async fn a_file_without_a_certificate_is_refused_at_once() {
    let ours = authority();
    let receiver = server(&ours, "127.0.0.1", None).await;
    for protocol in [Protocol::Grpc, Protocol::Http] {
        let tls = Tls {
            ca_pem: Some("nothing of the kind".into()),
            ..Tls::default()
        };
        let error = connect(&destination(&receiver, protocol, tls)).unwrap_err();
        assert!(error.to_string().contains("tls.ca_file"), "{protocol:?}: {error}");
    }
}
