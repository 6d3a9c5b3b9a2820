//! What is in the files that the configuration only names: keys, certificates, shared credentials. A digest tells
//! whether one has changed; it never leaves the process.

use crate::wiring::Configured;
use config_file::{
    Api, AwsBase, AzureCloud, AzureCredentials, Destination, DestinationKind, GcpBase, Lookup, Otlp,
};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

/// Of all files that one account or destination uses, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest(u64);

/// Of the files that an account uses.
pub(super) fn of_account(account: &Configured, lookup: &dyn Lookup) -> Digest {
    let files = match account {
        Configured::Aws(account) => {
            let mut files = aws_files(&account.credentials.base, lookup);
            files.extend(account.ca_file.clone());
            files
        }
        Configured::Azure(account) => azure_files(&account.credentials, &account.cloud),
        Configured::Gcp(account) => gcp_files(&account.credentials.base, lookup),
    };
    of(&files, lookup)
}

/// Of the files that a destination uses.
pub(super) fn of_destination(destination: &Destination, lookup: &dyn Lookup) -> Digest {
    let files = match &destination.kind {
        DestinationKind::Otlp(Otlp { tls: Some(tls), .. }) => {
            let identity = tls.identity.iter().flat_map(|(cert, key)| [cert, key]);
            tls.ca_file.iter().chain(identity).cloned().collect()
        }
        DestinationKind::Otlp(Otlp { tls: None, .. })
        | DestinationKind::File { .. }
        | DestinationKind::Prometheus
        | DestinationKind::Stdout { .. } => Vec::new(),
    };
    of(&files, lookup)
}

/// Of the files that the API's own section names.
pub(super) fn of_api(api: &Api, lookup: &dyn Lookup) -> Digest {
    let files = api.tls.iter().flat_map(|tls| {
        let clients = tls.clients.iter().map(|clients| clients.ca_file.clone());
        clients.chain([tls.cert_file.clone(), tls.key_file.clone()])
    });
    of(&files.collect::<Vec<_>>(), lookup)
}

fn of(files: &[PathBuf], lookup: &dyn Lookup) -> Digest {
    let mut hasher = DefaultHasher::new();
    for file in files {
        // A file that cannot be read is one that may come.
        let text = lookup.read(file).ok();
        text.as_deref().hash(&mut hasher);
    }
    Digest(hasher.finish())
}

/// Where the SDK looks when the keys are not in the configuration.
fn aws_files(base: &AwsBase, lookup: &dyn Lookup) -> Vec<PathBuf> {
    match base {
        AwsBase::Static(_) => Vec::new(),
        AwsBase::Chain | AwsBase::Profile(_) => [
            ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
            ("AWS_CONFIG_FILE", ".aws/config"),
        ]
        .into_iter()
        .filter_map(|(variable, usual)| named_or_at_home(variable, usual, lookup))
        .collect(),
    }
}

fn azure_files(credentials: &AzureCredentials, cloud: &AzureCloud) -> Vec<PathBuf> {
    let mut files = match credentials {
        AzureCredentials::ClientCertificate(certificate) => {
            vec![certificate.cert_file.clone(), certificate.key_file.clone()]
        }
        AzureCredentials::Default
        | AzureCredentials::ClientSecret { .. }
        | AzureCredentials::ManagedIdentity(_)
        | AzureCredentials::WorkloadIdentity
        | AzureCredentials::AzureCli => Vec::new(),
    };
    match cloud {
        AzureCloud::Custom(custom) => files.extend(custom.ca_file.clone()),
        AzureCloud::Public | AzureCloud::UsGov | AzureCloud::China => {}
    }
    files
}

/// Where Google's library looks for application default credentials.
fn gcp_files(base: &GcpBase, lookup: &dyn Lookup) -> Vec<PathBuf> {
    match base {
        GcpBase::ServiceAccountFile(file) => vec![file.clone()],
        GcpBase::Anonymous => Vec::new(),
        GcpBase::Default => named_or_at_home(
            "GOOGLE_APPLICATION_CREDENTIALS",
            ".config/gcloud/application_default_credentials.json",
            lookup,
        )
        .into_iter()
        .collect(),
    }
}

fn named_or_at_home(variable: &str, usual: &str, lookup: &dyn Lookup) -> Option<PathBuf> {
    let named = lookup.env(variable).map(PathBuf::from);
    named.or_else(|| Some(Path::new(&lookup.env("HOME")?).join(usual)))
}
