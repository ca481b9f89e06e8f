//! Media: announced, put, got (PROTOCOL §4). URLs are signed and good for a while: whoever has one
//! needs no token.

use super::body::{Asking, Caller, In, Json};
use crate::{clock, commands, edge::Edge, media, problem::Problem, settings::millis};
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::StreamExt as _;
use http_range_header::parse_range_header;
use parlor_engines::{media::Announced, store::MediaRow};
use parlor_schemas::{Code, MediaId, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt::Write as _, ops::RangeInclusive, sync::Arc};

/// Bytes of an object's name and type.
const NAME_MAX: usize = 255;

/// An object that is to be uploaded.
#[derive(Deserialize, utoipa::ToSchema)]
pub(crate) struct Announcement {
    name: String,
    content_type: String,
    /// Bytes.
    size: u64,
    /// 64 hexadecimal digits.
    sha256: String,
}

/// How to upload it.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Upload {
    /// Absolute if `edge.public_url` is set, else relative to the gateway.
    url: String,
    method: &'static str,
    /// To be sent as they are.
    headers: BTreeMap<&'static str, String>,
}

/// Where an object is to go.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Place {
    media_id: MediaId,
    upload: Upload,
    expires_at: Timestamp,
}

/// Where an object is.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Found {
    media_id: MediaId,
    url: String,
    expires_at: Timestamp,
    name: String,
    content_type: String,
    size: u64,
}

/// What makes a URL good.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Signed {
    /// Milliseconds since 1970.
    until: i64,
    sign: String,
}

fn url_of(edge: &Edge, method: &str, id: MediaId, until: Timestamp) -> String {
    let sign = edge.auth.keys.url_proof(method, id, until);
    format!("{}/v1/media/{id}/content?until={}&sign={sign}", edge.settings.public_url, until.0)
}

fn check(edge: &Edge, method: &str, id: MediaId, signed: &Signed) -> Result<(), Problem> {
    let until = Timestamp(signed.until);
    let fits = edge.auth.keys.is_url_proof(method, id, until, &signed.sign);
    if fits && until > edge.engines.clock.now() {
        Ok(())
    } else {
        Err(Problem::new(Code::Forbidden, "this URL is not good (any more); ask for another one"))
    }
}

/// Announces an object.
#[utoipa::path(post, path = "/v1/media", tag = "media", request_body = Announcement,
    responses((status = 201, body = Place)))]
pub(crate) async fn announce(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    Json(body): Json<Announcement>,
) -> Result<(StatusCode, axum::Json<Place>), Problem> {
    edge.buckets.user(who.user_id)?;
    let max = edge.settings.media_bytes_max;
    commands::check_text("name", &body.name, NAME_MAX)?;
    commands::check_text("content_type", &body.content_type, NAME_MAX)?;
    if HeaderValue::from_str(&body.content_type).is_err() || !body.content_type.contains('/') {
        return Err(Problem::invalid("content_type: like image/png"));
    }
    if body.size > max {
        return Err(Problem::new(Code::TooLarge, format!("size: at most {max}")));
    }
    let sha256 = digest_of(&body.sha256);
    let sha256 = sha256.ok_or_else(|| Problem::invalid("sha256: 64 hexadecimal digits"))?;
    let now = edge.engines.clock.now();
    let media_id = MediaId(clock::v7(now));
    let row = MediaRow {
        media_id,
        owner_id: who.user_id,
        name: body.name,
        content_type: body.content_type,
        size: body.size,
        sha256,
        created_at: now,
    };
    edge.engines.store.put_media(&row).await?;
    let expires_at = now.plus_millis(edge.settings.media_url_ms as i64);
    let headers = BTreeMap::from([("content-type", row.content_type)]);
    let upload = Upload { url: url_of(&edge, "PUT", media_id, expires_at), method: "PUT", headers };
    Ok((StatusCode::CREATED, axum::Json(Place { media_id, upload, expires_at })))
}

fn digest_of(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (i, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(digest)
}

/// Where an object is that one may read.
#[utoipa::path(get, path = "/v1/media/{media_id}", tag = "media", params(("media_id" = String, Path)),
    responses((status = 200, body = Found)))]
pub(crate) async fn find(
    State(edge): State<Arc<Edge>>,
    Caller(who): Caller,
    In(id): In<MediaId>,
) -> Result<axum::Json<Found>, Problem> {
    edge.buckets.user(who.user_id)?;
    let row = media::readable(&edge, who.user_id, id).await?.ok_or_else(|| Problem::not_found("media"))?;
    let expires_at = edge.engines.clock.now().plus_millis(edge.settings.media_url_ms as i64);
    Ok(axum::Json(Found {
        media_id: id,
        url: url_of(&edge, "GET", id, expires_at),
        expires_at,
        name: row.name,
        content_type: row.content_type,
        size: row.size,
    }))
}

/// Takes an object in pieces and keeps it if it is what was announced.
#[utoipa::path(put, path = "/v1/media/{media_id}/content", tag = "media",
    params(("media_id" = String, Path), Signed), responses((status = 204)), security(()))]
pub(crate) async fn put(
    State(edge): State<Arc<Edge>>,
    In(id): In<MediaId>,
    Asking(signed): Asking<Signed>,
    body: Body,
) -> Result<StatusCode, Problem> {
    check(&edge, "PUT", id, &signed)?;
    let row = edge.engines.store.media(&[id]).await?.pop().flatten();
    let row = row.ok_or_else(|| Problem::not_found("media"))?;
    if edge.engines.media.has(id).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let busy = |_| Problem::rate_limited(edge.settings.slow_retry_ms);
    let _permit = edge.uploads.try_acquire().map_err(busy)?;
    let idle = millis(edge.settings.body_timeout_ms);
    let late = || std::io::Error::new(std::io::ErrorKind::TimedOut, "nothing came for too long");
    let pieces = futures_util::stream::unfold(body.into_data_stream(), move |mut stream| async move {
        let piece: Result<Bytes, std::io::Error> = match tokio::time::timeout(idle, stream.next()).await {
            Ok(None) => return None,
            Ok(Some(piece)) => piece.map_err(std::io::Error::other),
            Err(_) => Err(late()),
        };
        Some((piece, stream))
    });
    let announced = Announced { size: row.size, sha256: row.sha256 };
    if edge.engines.media.put(id, announced, pieces.boxed()).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::invalid("size or sha256 is not what was announced"))
    }
}

/// Gives an object in pieces, or one range of it (RFC 9110 §14): a player seeks in a film. Types that a
/// browser shows without running anything are shown, all others are saved.
#[utoipa::path(get, path = "/v1/media/{media_id}/content", tag = "media",
    params(("media_id" = String, Path), Signed),
    responses((status = 200), (status = 206), (status = 416)), security(()))]
pub(crate) async fn get(
    State(edge): State<Arc<Edge>>,
    In(id): In<MediaId>,
    Asking(signed): Asking<Signed>,
    asked: HeaderMap,
) -> Result<Response, Problem> {
    check(&edge, "GET", id, &signed)?;
    let row = edge.engines.store.media(&[id]).await?.pop().flatten();
    let row = row.ok_or_else(|| Problem::not_found("media"))?;
    let Ok(range) = range_of(&asked, row.size) else {
        let all = [(header::CONTENT_RANGE, format!("bytes */{}", row.size))];
        return Ok((StatusCode::RANGE_NOT_SATISFIABLE, all).into_response());
    };
    let (from, until) = range.map_or((0, row.size), |range| (*range.start(), range.end() + 1));
    let pieces = edge.engines.media.get(id, from..until).await?;
    let pieces = pieces.ok_or_else(|| Problem::not_found("media"))?;
    let (kind, disposition) = shown_as(&row.content_type, &row.name);
    let mut response = Response::new(Body::from_stream(pieces));
    let part = format!("bytes {from}-{}/{}", until.saturating_sub(1), row.size);
    let is_part = until - from < row.size;
    if is_part {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(until - from));
    let part = is_part.then_some((header::CONTENT_RANGE, part.as_str()));
    let plain = [
        (header::ACCEPT_RANGES, "bytes"),
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, &disposition),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (header::CACHE_CONTROL, "private, max-age=31536000, immutable"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in plain.into_iter().chain(part) {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

/// The one range that is asked for; `None`: all, also for several ranges or what is none (RFC 9110 §14.2
/// lets a server pass over them). `Err`: outside of what there is.
fn range_of(asked: &HeaderMap, size: u64) -> Result<Option<RangeInclusive<u64>>, ()> {
    let Some(text) = asked.get(header::RANGE).and_then(|text| text.to_str().ok()) else { return Ok(None) };
    let Ok(ranges) = parse_range_header(text) else { return Ok(None) };
    if ranges.ranges.len() > 1 {
        return Ok(None);
    }
    let valid = ranges.validate(size).map_err(drop)?;
    Ok(valid.into_iter().next())
}

/// Types that are no programs: a browser may show them on the page's own origin.
const SHOWN: [&str; 13] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "audio/mpeg",
    "audio/ogg",
    "audio/mp4",
    "audio/wav",
    "audio/webm",
    "video/mp4",
    "video/webm",
    "video/ogg",
];

/// Type and disposition as they are told; the name in UTF-8 (RFC 8187).
fn shown_as(content_type: &str, name: &str) -> (&'static str, String) {
    let bare = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let shown = SHOWN.into_iter().find(|kind| *kind == bare);
    let mut disposition = String::from(if shown.is_some() { "inline" } else { "attachment" });
    disposition.push_str("; filename*=UTF-8''");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            disposition.push(char::from(byte));
        } else {
            let _ = write!(disposition, "%{byte:02X}");
        }
    }
    (shown.unwrap_or("application/octet-stream"), disposition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_run_is_saved_and_never_shown() {
        assert_eq!(shown_as("image/PNG; x=y", "a.png").0, "image/png");
        for kind in
            ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "image/png, text/html"]
        {
            let (told, disposition) = shown_as(kind, "a");
            assert_eq!(told, "application/octet-stream", "{kind}");
            assert!(disposition.starts_with("attachment"), "{disposition}");
        }
    }

    #[test]
    fn a_name_can_say_nothing_else() {
        let (_, disposition) = shown_as("image/png", "ü\"\r\n;x=.png");
        assert_eq!(disposition, "inline; filename*=UTF-8''%C3%BC%22%0D%0A%3Bx%3D.png");
    }

    #[test]
    fn one_range_is_served_and_what_is_none_is_passed_over() {
        let of = |text: &str| {
            let header = (header::RANGE, HeaderValue::from_str(text).unwrap());
            range_of(&HeaderMap::from_iter([header]), 100)
        };
        assert_eq!(range_of(&HeaderMap::new(), 100), Ok(None));
        for (text, range) in
            [("bytes=0-9", 0..=9), ("bytes=90-", 90..=99), ("bytes=-5", 95..=99), ("bytes=0-999", 0..=99)]
        {
            assert_eq!(of(text), Ok(Some(range)), "{text}");
        }
        for none in ["bytes=0-1,5-6", "lines=1-2", "bytes=x", ""] {
            assert_eq!(of(none), Ok(None), "{none}");
        }
        for outside in ["bytes=100-", "bytes=9-0"] {
            assert_eq!(of(outside), Err(()), "{outside}");
        }
    }

    #[test]
    fn a_digest_is_64_digits() {
        assert_eq!(digest_of(&"0f".repeat(32)), Some([15; 32]));
        for bad in ["", "0f", &"0g".repeat(32), &"é".repeat(32)] {
            assert_eq!(digest_of(bad), None, "{bad}");
        }
    }
}
