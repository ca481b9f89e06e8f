//! Bad requests over HTTP: the cases of `routes.md`.

use super::{
    faults::{self, Fault, Place, Put, Sort},
    json,
    scene::{Scene, Stage},
    table::{Row, none, rows},
};
use crate::world::{client, new_id};
use futures_util::{StreamExt, stream};
use reqwest::{
    Method, Response,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use serde_json::Value;
use std::fmt::Write as _;

const PAGE: &str = include_str!("routes.md");
/// Routes played at the same time.
const AT_ONCE: usize = 8;
const KEY: &str = "Idempotency-Key";

/// A method on a path.
#[derive(Clone)]
pub struct Route {
    /// As it stands in the page: `GET /v1/me`.
    pub name: &'static str,
    row: Row,
}

impl Route {
    pub fn all() -> Vec<Self> {
        rows(PAGE, "Routes").into_iter().map(|row| Self { name: row.of("route"), row }).collect()
    }

    fn method_and_path(&self) -> (Method, &'static str) {
        let (method, path) = self.name.split_once(' ').expect("a method and a path");
        (method.parse().expect("a method"), path)
    }

    /// The names of the path's parameters.
    pub fn parameters(&self) -> Vec<&'static str> {
        let parts = self.method_and_path().1.split('/');
        parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect()
    }

    fn is(&self, trait_of_it: &str) -> bool {
        match trait_of_it {
            "every" => true,
            "token" => self.row.of("token") != "no",
            "admin" => self.row.of("token") == "admin",
            "body" => !self.row.of("body").is_empty(),
            other => self.row.of(other) == "yes",
        }
    }
}

/// What is done to a good request.
#[derive(Clone)]
enum Change {
    Nothing,
    /// A row of "Every route".
    Whole(Row),
    Path(&'static str, Put),
    Query(&'static str, Put),
    Body(&'static str, Put),
    /// Another path and body: a row that makes no sense.
    Instead(Row),
}

/// One request and its verdict.
#[derive(Clone)]
struct Case {
    name: String,
    change: Change,
    verdict: &'static str,
}

/// A fault of one parameter or field as a case.
fn case_of(fault: Fault, change: impl Fn(Put) -> Change) -> Case {
    Case { name: fault.name, change: change(fault.put), verdict: fault.verdict }
}

/// The rows of a table that concern a route: its own, and those for any that it has none for.
fn rows_for(route: &Route, heading: &str, column: &str, has: impl Fn(&str) -> bool) -> Vec<Row> {
    let all = rows(PAGE, heading);
    let own: Vec<&Row> = all.iter().filter(|row| row.of("route") == route.name).collect();
    let is_own = |name: &str| own.iter().any(|row| row.of(column) == name);
    let any = all.iter().filter(|row| row.of("route") == "any");
    let any = any.filter(|row| has(row.of(column)) && !is_own(row.of(column)));
    any.chain(own.iter().copied()).cloned().collect()
}

/// All cases of a route.
fn cases(route: &Route) -> Vec<Case> {
    let mut cases = vec![Case { name: "good".into(), change: Change::Nothing, verdict: "ok" }];
    for row in rows(PAGE, "Every route") {
        if route.is(row.of("befalls")) {
            let (name, verdict) = (row.of("fault").to_owned(), row.of("verdict"));
            cases.push(Case { name, verdict, change: Change::Whole(row) });
        }
    }
    let parameters = route.parameters();
    for row in rows_for(route, "Paths", "parameter", |name| parameters.contains(&name)) {
        let name = row.of("parameter");
        let faults = faults::of(name, Sort::of(row.of("sort")), Place::Url, row.from("type"));
        cases.extend(faults.into_iter().map(|fault| case_of(fault, |put| Change::Path(name, put))));
    }
    for row in rows_for(route, "Queries", "parameter", |_| false) {
        let name = row.of("parameter");
        let faults = faults::of(name, Sort::of(row.of("sort")), Place::Url, row.from("missing"));
        cases.extend(faults.into_iter().map(|fault| case_of(fault, |put| Change::Query(name, put))));
    }
    for row in rows_for(route, "Bodies", "field", |_| route.is("body")) {
        let name = row.of("field");
        let faults = faults::of(name, Sort::of(row.of("sort")), Place::Json, row.from("missing"));
        cases.extend(faults.into_iter().map(|fault| case_of(fault, |put| Change::Body(name, put))));
    }
    for row in rows(PAGE, "Requests that make no sense") {
        if row.of("route") == route.name {
            let name = format!("{} {}", row.of("path"), row.of("body"));
            cases.push(Case { name, verdict: row.of("verdict"), change: Change::Instead(row) });
        }
    }
    cases
}

/// How many cases the page comes to.
pub fn count() -> usize {
    Route::all().iter().map(|route| cases(route).len()).sum()
}

/// The names that have a row under a heading, for a route.
pub fn known(route: &Route, heading: &str, column: &str) -> Vec<&'static str> {
    rows_for(route, heading, column, |_| true).iter().map(|row| row.of(column)).collect()
}

/// A request, before it is sent.
struct Ask {
    method: Method,
    path: Vec<(&'static str, String)>,
    query: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    bearer: Option<String>,
    keys: Vec<String>,
}

/// The bytes of a text as JSON writes it, without its quotes where it is one; percent-encoded.
fn encoded(raw: &str, good: &str) -> String {
    let is_quoted = raw.len() > 1 && raw.starts_with('"') && raw.ends_with('"');
    let text = if is_quoted { raw[1..raw.len() - 1].to_owned() } else { raw.to_owned() };
    let text = text.replace("$good", good);
    let mut bytes = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("\\u") {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let unit = u16::from_str_radix(&rest[at + 2..at + 6], 16).expect("four digits");
        // Surrogates too get the three bytes that UTF-8 would have for them.
        match unit {
            0..0x80 => bytes.push(unit as u8),
            _ => bytes.extend([
                0xe0 | (unit >> 12) as u8,
                0x80 | (unit >> 6 & 63) as u8,
                0x80 | (unit & 63) as u8,
            ]),
        }
        rest = &rest[at + 6..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes.iter().fold(String::new(), |mut out, byte| {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
        let _ = if is_plain { write!(out, "{}", *byte as char) } else { write!(out, "%{byte:02X}") };
        out
    })
}

impl Ask {
    fn good(scene: &Scene<'_>, route: &Route) -> Self {
        let filled = |column: &str| scene.fill(route.row.of(column));
        let path = filled("path");
        let query = filled("query");
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        Self {
            method: route.method_and_path().0,
            path: route.parameters().into_iter().zip(path.split(' ').map(str::to_owned)).collect(),
            query: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: Some(filled("body").into_bytes()).filter(|body| !body.is_empty()),
            bearer: route.is("token").then(|| format!("Bearer {}", scene.token(route.is("admin")))),
            keys: route.is("key").then(new_id).into_iter().collect(),
        }
    }

    fn json(&self) -> Value {
        self.body.as_deref().map_or(Value::Null, |body| serde_json::from_slice(body).expect("a good body"))
    }

    fn change(&mut self, scene: &Scene<'_>, route: &Route, change: &Change) {
        match change {
            Change::Nothing => {}
            Change::Whole(row) => self.change_whole(scene, route, row),
            Change::Path(name, put) => {
                let Put::Raw(raw) = put else { panic!("{put:?} can't be done to a path") };
                let (_, value) = self.path.iter_mut().find(|(known, _)| known == name).expect("a parameter");
                *value = encoded(&scene.fill(raw), value);
            }
            Change::Query(name, put) => {
                let at = self.query.iter().position(|(known, _)| known == name);
                let at = at.unwrap_or_else(|| {
                    self.query.push(((*name).to_owned(), String::new()));
                    self.query.len() - 1
                });
                match put {
                    Put::Nothing => drop(self.query.remove(at)),
                    Put::Twice => self.query.push(self.query[at].clone()),
                    Put::Raw(raw) => self.query[at].1 = encoded(&scene.fill(raw), &self.query[at].1),
                    Put::Beside => panic!("nothing stands in a parameter"),
                }
            }
            Change::Body(path, put) => {
                self.body = Some(scene.fill(&json::broken(&self.json(), path, put)).into_bytes());
            }
            Change::Instead(row) => {
                let path = scene.fill(row.of("path"));
                self.path = route.parameters().into_iter().zip(path.split(' ').map(str::to_owned)).collect();
                self.body = Some(scene.fill(row.of("body")).into_bytes()).filter(|body| !body.is_empty());
            }
        }
    }

    fn change_whole(&mut self, scene: &Scene<'_>, route: &Route, row: &Row) {
        let told = row.of("header or body");
        match (row.of("befalls"), row.of("fault")) {
            (_, "another method") => {
                let known: Vec<_> = Route::all().iter().map(Route::method_and_path).collect();
                let methods = [Method::DELETE, Method::PATCH, Method::PUT, Method::POST, Method::GET];
                let path = route.method_and_path().1;
                let free = methods.into_iter().find(|method| !known.contains(&(method.clone(), path)));
                self.method = free.expect("no path knows all methods");
            }
            ("every", _) => self.query.extend(told.split_once('=').map(|(a, b)| (a.into(), b.into()))),
            ("token" | "admin", _) => {
                let told = told.replace("$token", scene.token(route.is("admin")));
                self.bearer = Some(scene.fill(&told)).filter(|told| !told.is_empty());
            }
            ("key", "two keys") => self.keys = vec![new_id(), new_id()],
            ("key", _) => {
                self.keys = Some(scene.fill(told)).filter(|told| !told.is_empty()).into_iter().collect();
            }
            _ => {
                let good = self.json();
                self.body = Some(match told {
                    "$deep" => "[".repeat(60_000).into_bytes(),
                    "$invalid_utf8" => b"{\"\xff\":1}".to_vec(),
                    "$oversize" => format!(r#"{{"x":"{}"}}"#, "x".repeat(128 * 1024 - 7)).into_bytes(),
                    text => json::filled(&text.replace("$good", &good.to_string()), &good).into_bytes(),
                });
            }
        }
    }

    async fn send(self, address: &str, route: &Route) -> Response {
        let mut url = format!("http://{address}{}", route.method_and_path().1);
        for (name, value) in &self.path {
            url = url.replace(&format!("{{{name}}}"), value);
        }
        let pairs: Vec<_> = self.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !pairs.is_empty() {
            url = format!("{url}?{}", pairs.join("&"));
        }
        let mut request = client().request(self.method, url);
        if let Some(bearer) = self.bearer {
            request = request.header(AUTHORIZATION, bearer);
        }
        for key in self.keys {
            request = request.header(KEY, HeaderValue::from_str(&key).expect("a header"));
        }
        if let Some(body) = self.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        request.send().await.expect("the gateway answers")
    }
}

/// The status and code of a verdict.
fn refusal_of(verdict: &str) -> (u16, &str) {
    match verdict {
        "bad" => (400, "invalid_request"),
        "who" => (401, "unauthenticated"),
        "forbidden" => (403, "forbidden"),
        "gone" => (404, "not_found"),
        "method" => (405, "invalid_request"),
        "conflict" => (409, "conflict"),
        "taken" => (409, "username_taken"),
        "large" => (413, "too_large"),
        other => panic!("no verdict: {other:?}"),
    }
}

async fn check(response: Response, route: &Route, verdict: &str) -> Result<(), String> {
    let status = response.status().as_u16();
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let text = response.text().await.map_err(|error| error.to_string())?;
    if verdict == "ok" {
        let wanted: u16 = route.row.of("ok").parse().expect("a status");
        return if status == wanted { Ok(()) } else { Err(format!("{status} {text}, not {wanted}")) };
    }
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    let (wanted, code) = refusal_of(verdict);
    let is_problem = kind.as_deref() == Some("application/problem+json") && problem["status"] == wanted;
    if (status, is_problem) == (wanted, true) && problem["code"] == code {
        return Ok(());
    }
    Err(format!("{status} {} {text}, not {wanted} {code}", kind.unwrap_or_default()))
}

async fn play(scene: &mut Scene<'_>, address: &str, route: &Route, case: &Case) -> Result<(), String> {
    let mut ask = Ask::good(scene, route);
    ask.change(scene, route, &case.change);
    check(ask.send(address, route).await, route, case.verdict).await?;
    if case.verdict == "ok" {
        return Ok(());
    }
    if route.name == "PUT /v1/me/password" {
        scene.has_password().await?;
    }
    scene.is_untouched().await
}

async fn all_of(stage: &Stage, route: Route) -> Vec<String> {
    let (mut failures, address) = (Vec::new(), stage.address());
    let needs_media = route.row.of("path").contains("$media");
    let mut scene = Scene::with_media(stage, needs_media).await;
    for case in cases(&route) {
        let done = play(&mut scene, &address, &route, &case).await;
        if done.is_err() || case.verdict == "ok" {
            scene = Scene::with_media(stage, needs_media).await;
        }
        failures.extend(done.err().map(|why| format!("{}: {}: {why}", route.name, case.name)));
    }
    failures
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_in_a_request_is_answered_as_its_row_says() {
    let stage = Box::pin(Stage::new()).await;
    let before = stage.elsewhere_head().await;
    let routes = Route::all().into_iter().map(|route| all_of(&stage, route));
    let failures: Vec<Vec<String>> = stream::iter(routes).buffer_unordered(AT_ONCE).collect().await;
    none(&failures.concat());
    assert_eq!(stage.elsewhere_head().await, before, "nobody wrote to the strangers' conversation");
}
