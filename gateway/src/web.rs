//! The web page, out of the binary (in debug builds from the folder): compressed once, with an
//! `ETag` and a strict content policy.

use crate::{edge::Edge, problem::Problem};
use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use parking_lot::Mutex;
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};
use std::{collections::HashMap, fmt::Write as _, io::Write as _, sync::Arc};

/// What the browser may do with the page.
const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; \
    style-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";
/// Brotli's quality: files are compressed once for the life of the process.
const BROTLI_QUALITY: u32 = 9;
/// Smaller files are not worth it.
const COMPRESS_MIN: usize = 512;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../web"]
#[allow_missing = true]
#[include = "index.html"]
#[include = "*.css"]
#[include = "*.svg"]
#[include = "*.webmanifest"]
#[include = "manifest.json"]
#[include = "sw.js"]
#[include = "app/**"]
#[include = "docs/**"]
#[include = "sdk/**"]
#[include = "vendor/**"]
#[include = "icons/**"]
#[exclude = "node_modules/**"]
#[exclude = "**/test/**"]
#[exclude = "**/tests/**"]
#[exclude = "**/*.md"]
#[exclude = "**/package*.json"]
#[exclude = "**/tsconfig.json"]
#[exclude = "**/*.d.ts"]
#[exclude = "**/LICENSE"]
#[exclude = "sdk/examples/**"]
#[exclude = "sdk/types/**"]
struct Page;

/// How a file travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Coding {
    Plain,
    Gzip,
    Brotli,
}

/// Files compressed so far, by hash of their content; as many as the page has.
#[derive(Debug, Default)]
pub(crate) struct Compressed(Mutex<HashMap<([u8; 32], Coding), Bytes>>);

/// Whatever is no call of the API: a file of the page.
pub(crate) async fn serve(
    State(edge): State<Arc<Edge>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("v1/") || path == "v1" {
        return Problem::not_found("path").into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return Problem { status: Some(405), ..Problem::invalid("files are read by GET") }.into_response();
    }
    if path == "shell.json" {
        return shell();
    }
    let name = match path {
        "" => "index.html",
        "docs" | "docs/" => "docs/index.html",
        path => path,
    };
    let Some(file) = Page::get(name) else {
        return Problem::not_found("path").into_response();
    };
    let hash = file.metadata.sha256_hash();
    let kind = file.metadata.mimetype().to_owned();
    let coding = coding_of(&headers, &kind, file.data.len());
    let etag = format!("\"{}-{coding:?}\"", hex(&hash[..12]));
    let is_known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|known| known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(edge.compressed.get(hash, coding, file.data.into_owned())))
    };
    describe(&mut response, &kind, coding, &etag);
    response
}

/// What the page consists of, for its service worker: `{version, files}`. The version is a hash over
/// all files, so that another page has another one.
fn shell() -> Response {
    let mut names: Vec<_> =
        Page::iter().filter(|name| name != "sw.js" && !name.starts_with("docs/")).collect();
    names.sort_unstable();
    let mut all = Sha256::new();
    for name in &names {
        all.update(name.as_bytes());
        all.update(Page::get(name).map_or([0; 32], |file| file.metadata.sha256_hash()));
    }
    let files: Vec<String> = names.iter().map(|name| format!("/{name}")).collect();
    let version = hex(&all.finalize()[..12]);
    let mut response = Json(serde_json::json!({ "version": version, "files": files })).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn describe(response: &mut Response, kind: &str, coding: Coding, etag: &str) {
    let headers = response.headers_mut();
    let text = kind.starts_with("text/") && !kind.contains("charset");
    let kind = if text { format!("{kind}; charset=utf-8") } else { kind.to_owned() };
    let mut put = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put(header::CONTENT_TYPE, &kind);
    put(header::ETAG, etag);
    // Asked for each time, answered by 304: a new version shows at once.
    put(header::CACHE_CONTROL, "no-cache");
    put(header::VARY, "accept-encoding");
    put(header::CONTENT_SECURITY_POLICY, POLICY);
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(header::REFERRER_POLICY, "no-referrer");
    match coding {
        Coding::Plain => {}
        Coding::Gzip => put(header::CONTENT_ENCODING, "gzip"),
        Coding::Brotli => put(header::CONTENT_ENCODING, "br"),
    }
}

fn coding_of(headers: &HeaderMap, kind: &str, len: usize) -> Coding {
    let is_text =
        ["text/", "application/json", "application/javascript", "image/svg", "application/manifest"]
            .iter()
            .any(|prefix| kind.starts_with(prefix));
    if len < COMPRESS_MIN || !is_text {
        return Coding::Plain;
    }
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let accepts = |name: &str| {
        accepted.is_some_and(|list| {
            list.split(',').any(|coding| coding.split(';').next().map(str::trim) == Some(name))
        })
    };
    if accepts("br") {
        Coding::Brotli
    } else if accepts("gzip") {
        Coding::Gzip
    } else {
        Coding::Plain
    }
}

impl Compressed {
    fn get(&self, hash: [u8; 32], coding: Coding, plain: Vec<u8>) -> Bytes {
        if coding == Coding::Plain {
            return plain.into();
        }
        if let Some(known) = self.0.lock().get(&(hash, coding)) {
            return known.clone();
        }
        let bytes = Bytes::from(compress(coding, &plain));
        self.0.lock().insert((hash, coding), bytes.clone());
        bytes
    }
}

fn compress(coding: Coding, plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() / 2);
    let done = if coding == Coding::Gzip {
        let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::best());
        encoder.write_all(plain).and_then(|()| encoder.finish().map(drop))
    } else {
        let mut encoder = brotli::CompressorWriter::new(&mut out, 4096, BROTLI_QUALITY, 22);
        encoder.write_all(plain).and_then(|()| encoder.flush())
    };
    debug_assert!(done.is_ok(), "writing to a Vec succeeds");
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
