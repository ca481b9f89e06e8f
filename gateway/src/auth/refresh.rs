//! Refresh tokens: opaque, rotating, with reuse detection (PROTOCOL §4, `/auth/refresh`). A token
//! is derived from the session's secret and its generation, so that a successor whose answer was
//! lost can be given again without being kept.

use super::{Identity, token::Keys};
use crate::{edge::Edge, problem::Problem, settings::AuthSettings};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use parlor_engines::store::Session;
use parlor_schemas::{SessionId, Timestamp};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

/// session id, generation, proof.
const LEN: usize = 16 + 8 + 32;
/// Two refreshes may race; each round one of them wins.
const ROUNDS: usize = 8;

/// The refresh token of the session's present generation.
pub(crate) fn token_of(keys: &Keys, session: &Session) -> String {
    let proof = keys.refresh_proof(session.session_id, session.generation, &session.secret);
    let mut bytes = Vec::with_capacity(LEN);
    bytes.extend_from_slice(session.session_id.as_bytes());
    bytes.extend_from_slice(&session.generation.to_be_bytes());
    bytes.extend_from_slice(&proof);
    BASE64.encode(bytes)
}

/// What a refresh token claims; nothing is proven yet.
#[derive(Debug, PartialEq)]
struct Claimed {
    session_id: SessionId,
    generation: u64,
    proof: [u8; 32],
}

fn read(token: &str) -> Option<Claimed> {
    let bytes: [u8; LEN] = BASE64.decode(token).ok()?.try_into().ok()?;
    Some(Claimed {
        session_id: SessionId(Uuid::from_slice(&bytes[..16]).ok()?),
        generation: u64::from_be_bytes(bytes[16..24].try_into().ok()?),
        proof: bytes[24..].try_into().ok()?,
    })
}

/// What is to be done with a proven token.
#[derive(Debug, PartialEq)]
enum Decision {
    /// It is the present one: the row that follows.
    Rotate(Box<Session>),
    /// Its answer was lost: the same successor again.
    Repeat,
    /// Somebody else has it: the family ends.
    EndFamily,
    /// The session has ended, or was not refreshed for too long.
    Refuse,
}

fn decide(session: &Session, generation: u64, now: Timestamp, settings: &AuthSettings) -> Decision {
    let age_ms = now.0 - session.rotated_at.0;
    if session.ended_at.is_some() || age_ms > settings.refresh_ttl_ms as i64 {
        return Decision::Refuse;
    }
    if generation == session.generation {
        return Decision::Rotate(Box::new(Session {
            generation: generation + 1,
            rotated_at: now,
            generation_used: false,
            ..session.clone()
        }));
    }
    let is_last = generation + 1 == session.generation;
    if is_last && !session.generation_used && age_ms <= settings.refresh_repeat_ms as i64 {
        return Decision::Repeat;
    }
    if generation < session.generation { Decision::EndFamily } else { Decision::Refuse }
}

/// Takes a refresh token; the session with the generation whose tokens are to be given.
pub(crate) async fn rotate(edge: &Edge, token: &str) -> Result<Session, Problem> {
    let claimed = read(token).ok_or_else(Problem::unauthenticated)?;
    for _ in 0..ROUNDS {
        let now = edge.engines.clock.now();
        let session = edge.engines.store.sessions(&[claimed.session_id]).await?.pop().flatten();
        let session = session.ok_or_else(Problem::unauthenticated)?;
        let proof = edge.auth.keys.refresh_proof(claimed.session_id, claimed.generation, &session.secret);
        if !bool::from(proof.ct_eq(&claimed.proof)) {
            return Err(Problem::unauthenticated());
        }
        match decide(&session, claimed.generation, now, &edge.auth.settings) {
            Decision::Repeat => return Ok(session),
            Decision::Refuse => return Err(Problem::unauthenticated()),
            Decision::EndFamily => {
                tracing::warn!(session_id = %session.session_id, "a refresh token was used twice");
                super::sessions::end(edge, session).await?;
                return Err(Problem::unauthenticated());
            }
            Decision::Rotate(next) => {
                if edge.engines.store.swap_session(&session, &next).await? {
                    edge.auth.sessions.forget(next.session_id);
                    return Ok(*next);
                }
            }
        }
    }
    Err(Problem::unavailable("too many refreshes at once; try again"))
}

/// The identity that a session's access token is to say.
pub(crate) fn identity_of(session: &Session, username: &str, expires_at: Timestamp) -> Identity {
    Identity {
        user_id: session.user_id,
        username: username.to_owned(),
        device_id: session.device_id,
        session_id: session.session_id,
        generation: session.generation,
        expires_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::token::test_settings;
    use parlor_schemas::{DeviceId, UserId};

    fn session(generation: u64, generation_used: bool) -> Session {
        Session {
            session_id: SessionId(Uuid::from_u128(1)),
            user_id: UserId(Uuid::from_u128(2)),
            device_id: DeviceId(Uuid::from_u128(3)),
            created_at: Timestamp(0),
            ended_at: None,
            generation,
            rotated_at: Timestamp(1_000_000),
            generation_used,
            secret: [4; 32],
        }
    }

    #[test]
    fn the_table_of_decisions() {
        let settings = test_settings();
        let decide = |row: &Session, generation, after_ms| {
            decide(row, generation, Timestamp(1_000_000 + after_ms), &settings)
        };
        let row = session(5, false);
        let Decision::Rotate(next) = decide(&row, 5, 10) else { panic!("the present one rotates") };
        assert_eq!((next.generation, next.rotated_at.0, next.generation_used), (6, 1_000_010, false));
        assert_eq!(decide(&row, 4, 30_000), Decision::Repeat, "a lost answer");
        assert_eq!(decide(&row, 4, 30_001), Decision::EndFamily, "too late");
        assert_eq!(decide(&session(5, true), 4, 10), Decision::EndFamily, "the successor was used");
        assert_eq!(decide(&row, 3, 10), Decision::EndFamily, "an older one");
        assert_eq!(decide(&row, 6, 10), Decision::Refuse, "one that was never given");
        assert_eq!(decide(&row, 5, settings.refresh_ttl_ms as i64 + 1), Decision::Refuse);
        let ended = Session { ended_at: Some(Timestamp(1)), ..row };
        assert_eq!(decide(&ended, 5, 10), Decision::Refuse);
    }

    #[test]
    fn a_token_reads_back_and_the_successor_is_the_same_again() {
        let keys = Keys::new(&test_settings()).unwrap();
        let row = session(5, false);
        let token = token_of(&keys, &row);
        assert_eq!(token, token_of(&keys, &row));
        let claimed = read(&token).unwrap();
        assert_eq!((claimed.session_id, claimed.generation), (row.session_id, 5));
        assert_eq!(claimed.proof, keys.refresh_proof(row.session_id, 5, &row.secret));
        assert_ne!(token, token_of(&keys, &session(6, false)));
        assert_eq!(read("nonsense"), None);
    }
}
