//! Google Cloud: a role of two permissions, and what acting as somebody else or on another project's quota needs besides.

use config_file::GcpAccount;
use std::fmt::Write as _;

/// What reading needs; `roles/monitoring.viewer` holds both and much more.
const PERMISSIONS: &str = "monitoring.metricDescriptors.list,monitoring.timeSeries.list";

/// The name of the role; Google's allow letters, digits, underscores and dots.
const ROLE: &str = "nephoscope";

/// What one account needs.
pub(super) fn needed(account: &GcpAccount) -> String {
    let reader = match &account.credentials.impersonate {
        Some(email) => format!("serviceAccount:{email}"),
        None => "serviceAccount:EMAIL".to_owned(),
    };
    let mut text = format!(
        "# Google Cloud account `{}`: on each project, with the API monitoring.googleapis.com on\n",
        account.name
    );
    for project in &account.projects {
        // Writing to a String cannot fail.
        writeln!(
            text,
            "gcloud iam roles create {ROLE} --project {project} --stage GA --permissions {PERMISSIONS}"
        )
        .ok();
        text.push_str(&bind(
            project,
            &reader,
            &format!("projects/{project}/roles/{ROLE}"),
        ));
    }
    text.push_str("# The built-in role roles/monitoring.viewer holds these permissions as well, and more\n");
    if let Some(email) = &account.credentials.impersonate {
        text.push_str("# Whoever acts as that service account\n");
        writeln!(
            text,
            "gcloud iam service-accounts add-iam-policy-binding {email} --member serviceAccount:EMAIL \
             --role roles/iam.serviceAccountTokenCreator"
        )
        .ok();
    }
    if let Some(project) = &account.quota_project {
        text.push_str("# The project whose quota is used\n");
        text.push_str(&bind(project, &reader, "roles/serviceusage.serviceUsageConsumer"));
    }
    text
}

fn bind(project: &str, member: &str, role: &str) -> String {
    format!("gcloud projects add-iam-policy-binding {project} --member {member} --role {role}\n")
}
