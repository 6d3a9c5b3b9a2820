//! What `check` proves: per project the right to list metric types, and the right to read series, by one header of one
//! series of a type that the configuration asks for ($0.0000005).

use crate::connection::Connection;
use crate::convert::timestamp;
use crate::decode;
use crate::discover;
use crate::http::Get;
use crate::plan;
use futures::future::join_all;
use gate::Request;
use provider_api::{Check, CheckReport, ErrorKind, ProviderError, Scope, UnixNanos};
use std::time::Duration;

/// Asked for where no type is listed: Google says who may not read before it says that there is no such metric.
const ANY_TYPE: &str = "compute.googleapis.com/instance/cpu/utilization";

/// How much is asked for.
const SPAN: Duration = Duration::from_mins(5);

/// One line per permission and project; projects are asked side by side.
pub(crate) async fn report(connection: &Connection) -> CheckReport {
    let projects = connection.config().projects.iter();
    let checks = join_all(projects.map(|project| of_project(connection, project))).await;
    CheckReport {
        checks: checks.concat(),
    }
}

async fn of_project(connection: &Connection, project: &str) -> Vec<Check> {
    let listed = discover::probe(connection, project).await;
    let mut checks = vec![Check::of(project, discover::OPERATION, &listed)];
    if !listed.as_ref().is_err_and(shuts_all) {
        let first = listed.ok().flatten();
        let read = try_reading(connection, project, first.as_deref().unwrap_or(ANY_TYPE)).await;
        checks.push(Check::of(project, plan::OPERATION, &read));
    }
    checks
}

/// Whether reading would fail the same, or wait as long.
fn shuts_all(error: &ProviderError) -> bool {
    *error.kind() == ErrorKind::Unauthenticated || error.unanswered()
}

/// Whether there is a series does not matter.
async fn try_reading(connection: &Connection, project: &str, metric_type: &str) -> Result<(), ProviderError> {
    let now = connection.clock().unwrap_or_default();
    let end = now.max(UnixNanos::default().plus(SPAN));
    let request = Request {
        domain: connection.domain(),
        ..Request::new(Scope::new(project), plan::OPERATION, plan::price(1))
    };
    let get = Get {
        project,
        list: "timeSeries",
        parameters: vec![
            (
                "filter",
                format!("metric.type = {}", discover::quoted(metric_type)),
            ),
            ("interval.startTime", timestamp(end.minus(SPAN)).into()),
            ("interval.endTime", timestamp(end).into()),
            ("view", "HEADERS".to_owned()),
            ("pageSize", "1".to_owned()),
        ],
    };
    match connection.ask(&request, &get, decode::series).await {
        Err(error) if *error.kind() == ErrorKind::NotFound => Ok(()),
        answer => answer.map(drop),
    }
}
