//! The API document, made from the types that are answered and the table of routes: a route without an entry, an entry
//! without a route, or a member that the document does not know fails here. `UPDATE_EXPECT=1 cargo test -p nephoscope
//! openapi` writes `docs/openapi.json` anew.

mod answers;
mod entries;
mod parameters;

use super::accounts::AccountRow;
use super::destinations::DestinationRow;
use super::document::DOCUMENT;
use super::error::ErrorBody;
use super::events::EventRow;
use super::listing::Row;
use super::points::PointRow;
use super::series::SeriesRow;
use crate::admin::router::ROUTES;
use answers::{FAILURES, OF_EVERY_PATH, described_headers, failure, headers};
use entries::{Entry, ROWS, entries};
use parameters::parameter;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::Path;

fn generator() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings
        .with(|s| s.definitions_path = "/components/schemas".into())
        .with_transform(RecursiveTransform(without_default))
        .into_generator()
}

/// A default is for `status`, which reads answers of other versions; an answer has each of its members.
fn without_default(schema: &mut Schema) {
    schema.remove("default");
}

fn operation(entry: &Entry, public: bool) -> Value {
    let mut responses = Map::new();
    for (status, says, content) in &entry.answers {
        let answer = json!({ "description": says, "headers": headers(), "content": content });
        responses.insert((*status).to_owned(), answer);
    }
    if entry.failures == ROWS {
        responses.insert("304".to_owned(), json!({ "description": "The caller has this version already (`If-None-Match`).", "headers": headers() }));
    }
    let of_token: &[&str] = if public { &[] } else { &["401"] };
    for status in OF_EVERY_PATH.iter().chain(of_token).chain(entry.failures) {
        assert!(FAILURES.iter().any(|(known, _)| known == status), "{status}");
        let described = format!("#/components/responses/{status}");
        responses.insert((*status).to_owned(), json!({ "$ref": described }));
    }
    let parameters: Vec<Value> = entry.parameters.iter().map(|name| parameter(name)).collect();
    let mut operation = json!({ "summary": entry.summary, "parameters": parameters, "responses": responses });
    if let Some(body) = &entry.body {
        operation["requestBody"] =
            json!({ "required": false, "content": { "application/json": { "schema": body } } });
    }
    if public {
        operation["security"] = json!([]);
    }
    operation
}

fn document() -> Value {
    let mut schemas = generator();
    schemas.subschema_for::<ErrorBody>();
    let mut paths: Map<String, Value> = Map::new();
    for entry in entries(&mut schemas) {
        let route = ROUTES.iter().find(|route| route.path == entry.path);
        let public = route.is_some_and(|route| route.scope.is_none());
        paths.entry(entry.path).or_insert_with(|| json!({}))[entry.method] = operation(&entry, public);
    }
    let failures = FAILURES
        .iter()
        .map(|(status, says)| ((*status).to_owned(), failure(says)));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Nephoscope",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What a running daemon knows and does. See docs/api.md.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "http://127.0.0.1:9464" }],
        "security": [{ "bearer": [] }, { "key": [] }, { "password": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "headers": described_headers(),
            "responses": Value::Object(failures.collect()),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "A token of `api.tokens`; nothing is asked for when there is none." },
                "key": { "type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same token." },
                "password": { "type": "http", "scheme": "basic", "description": "The same token as the password of any user, for browsers." },
            },
        },
    })
}

#[test]
fn the_document_is_what_the_types_say() {
    let wanted = format!("{:#}\n", document());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
        std::fs::write(path, &wanted).unwrap();
        return;
    }
    assert!(
        DOCUMENT == wanted,
        "docs/openapi.json is out of date: UPDATE_EXPECT=1 cargo test -p nephoscope openapi"
    );
}

#[test]
fn every_route_has_an_entry_and_every_entry_a_route() {
    let entries = entries(&mut generator());
    let described: BTreeSet<_> = entries.iter().map(|entry| (entry.path, entry.method)).collect();
    let routed: BTreeSet<_> = ROUTES.iter().map(|route| (route.path, route.method)).collect();
    assert_eq!(described, routed);
    assert_eq!(entries.len(), ROUTES.len());
}

#[test]
fn tables_have_the_members_of_their_rows() {
    fn check<R: Row + JsonSchema>(only_in_json: &[&str]) {
        let schema = generator().into_root_schema_for::<R>().to_value();
        let members: BTreeSet<&str> = schema["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let columns: BTreeSet<&str> = R::COLUMNS.iter().chain(only_in_json).copied().collect();
        assert_eq!(columns, members, "{}", R::NAME);
    }
    check::<AccountRow>(&["groups"]);
    check::<DestinationRow>(&[]);
    check::<SeriesRow>(&[]);
    check::<PointRow>(&[]);
    check::<EventRow>(&[]);
}
