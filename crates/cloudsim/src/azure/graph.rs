//! Resource Graph: `POST /providers/Microsoft.ResourceGraph/resources` (facts §9): scopes, paging and the shape of answers.
//! The query language is `kql.rs`; tokens, quotas and faults are settled before a request arrives here.

use super::State;
use super::catalog::{SUBSCRIPTIONS, TENANT_ID, subscription};
use super::kql;
use super::reply::Reply;
use crate::faults::BadAnswer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Rows of a page when `$top` is absent.
const DEFAULT_PAGE: u64 = 100;
/// Most rows of a page.
const MAX_PAGE: u64 = 1_000;

/// Answers one query; the subscriptions with the `hidden` numbers are left out, as those are that may not be read.
pub(super) fn query(state: &State, body: &[u8], hidden: &[usize]) -> Reply {
    answer(state, body, hidden).unwrap_or_else(|message| refused(&message))
}

fn answer(state: &State, body: &[u8], hidden: &[usize]) -> Result<Reply, String> {
    let body: Value = serde_json::from_slice(body).map_err(|_| "The request body is not valid JSON.")?;
    let numbered = scopes(&body)?.into_iter().enumerate();
    let seen = numbered.filter(|(number, _)| !hidden.contains(number));
    let scopes: Vec<&'static str> = seen.map(|(_, scope)| scope).collect();
    let text = body["query"].as_str().ok_or("The query is missing.")?;
    let found = kql::run(text, |table| rows(state, table, &scopes))?;
    let options = &body["options"];
    let (skip, page) = page(options)?;
    let total = found.rows.len();
    let rows: Vec<Value> = found.rows.into_iter().skip(skip).take(page).collect();
    let next = skip + rows.len();
    let token = match state.faults.bad_answer() {
        Some(BadAnswer::LoopingToken) => Some(token(0, page)),
        Some(BadAnswer::EndlessPages) => Some(token(total + next + 1, page)),
        Some(_) | None => (next < total && !found.limited).then(|| token(next, page)),
    };
    let count = rows.len();
    let data = if options["resultFormat"] == "table" {
        table(&rows)
    } else {
        rows.into()
    };
    let mut reply = json!({"totalRecords": total, "count": count, "data": data, "facets": [], "resultTruncated": "false"});
    if let Some(token) = token {
        reply["$skipToken"] = json!(token);
    }
    Ok(Reply::ok(reply))
}

fn scopes(body: &Value) -> Result<Vec<&'static str>, String> {
    let Some(asked) = body["subscriptions"].as_array().filter(|asked| !asked.is_empty()) else {
        return Ok(SUBSCRIPTIONS.to_vec());
    };
    let known: Vec<_> = asked
        .iter()
        .filter_map(Value::as_str)
        .filter_map(subscription)
        .collect();
    if known.is_empty() {
        Err("None of the subscriptions can be read.".to_owned())
    } else {
        Ok(known)
    }
}

fn rows(state: &State, table: &str, scopes: &[&'static str]) -> Option<Vec<Value>> {
    match table {
        "resources" => Some(
            scopes
                .iter()
                .flat_map(|scope| state.catalogue.listed(scope, state.world.clock.now_unix_s()))
                .map(super::catalog::Resource::graph_row)
                .collect(),
        ),
        "resourcecontainers" => Some(scopes.iter().map(|scope| container(scope)).collect()),
        _ => None,
    }
}

fn container(id: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{id}"), "name": id, "type": "microsoft.resources/subscriptions", "subscriptionId": id,
        "tenantId": TENANT_ID, "location": "", "tags": {}, "properties": {"state": "Enabled"},
    })
}

fn page(options: &Value) -> Result<(usize, usize), String> {
    if let Some(token) = options["$skipToken"].as_str().filter(|token| !token.is_empty()) {
        return read_token(token).ok_or_else(|| "The skip token is invalid.".to_owned());
    }
    let top = options["$top"].as_u64().unwrap_or(DEFAULT_PAGE);
    if !(1..=MAX_PAGE).contains(&top) {
        return Err(format!(
            "The value of $top, {top}, is not between 1 and {MAX_PAGE}."
        ));
    }
    let skip = options["$skip"].as_u64().unwrap_or(0);
    Ok((
        usize::try_from(skip).unwrap_or(usize::MAX),
        usize::try_from(top).unwrap_or(usize::MAX),
    ))
}

/// The token carries offset and page size.
fn token(offset: usize, page: usize) -> String {
    STANDARD.encode(format!("{offset},{page}"))
}

fn read_token(token: &str) -> Option<(usize, usize)> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let (offset, page) = text.split_once(',')?;
    Some((offset.parse().ok()?, page.parse().ok()?))
}

fn table(rows: &[Value]) -> Value {
    let names: Vec<String> = rows
        .first()
        .and_then(Value::as_object)
        .map(|row| row.keys().cloned().collect())
        .unwrap_or_default();
    let columns: Vec<Value> = names
        .iter()
        .map(|name| json!({"name": name, "type": if name == "tags" { "object" } else { "string" }}))
        .collect();
    let cells: Vec<Vec<Value>> = rows
        .iter()
        .map(|row| names.iter().map(|name| row[name.as_str()].clone()).collect())
        .collect();
    json!({"columns": columns, "rows": cells})
}

fn refused(message: &str) -> Reply {
    let details = json!([
        {"code": "InvalidQuery", "message": "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying."},
        {"code": "ParserFailure", "message": message},
    ]);
    let mut reply = Reply::error(
        400,
        "BadRequest",
        "Please provide below info when asking for support: correlationId = 0.",
    );
    reply.body["error"]["details"] = details;
    reply
}
