//! Access tokens: EdDSA JWTs with a key id; and the keys of refresh tokens, derived from the same
//! secret.

use super::Identity;
use crate::{problem::Problem, settings::AuthSettings};
use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ed25519_dalek::{
    SigningKey,
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _},
};
use hmac::{Hmac, Mac as _};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parlor_schemas::{DeviceId, MediaId, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq as _;

/// What an access token says. Times in it are seconds (RFC 7519).
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    did: DeviceId,
    #[serde(rename = "gen")]
    generation: u64,
    name: String,
    iat: i64,
    exp: i64,
}

/// The deployment's keys.
pub(crate) struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    header: Header,
    /// The public key, as JWKS shows it.
    public: String,
    /// Of refresh tokens.
    refresh: [u8; 32],
    /// Of URLs of media.
    urls: [u8; 32],
    issuer: String,
    audience: String,
    leeway_ms: i64,
}

/// Without the keys.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("public", &self.public).finish_non_exhaustive()
    }
}

impl Keys {
    /// Reads the signing key.
    pub fn new(settings: &AuthSettings) -> anyhow::Result<Self> {
        let key = SigningKey::from_pkcs8_pem(settings.signing_key.trim())
            .ok()
            .context("auth.signing_key is not an Ed25519 private key (PKCS#8 PEM)")?;
        let der = key.to_pkcs8_der().ok().context("auth.signing_key can't be encoded")?;
        let public = key.verifying_key().to_bytes();
        let mut header = Header::new(Algorithm::EdDSA);
        let kid = if settings.key_id.is_empty() {
            BASE64.encode(&Sha256::digest(public)[..12])
        } else {
            settings.key_id.clone()
        };
        header.kid = Some(kid);
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[&settings.issuer]);
        validation.set_audience(&[&settings.audience]);
        // The end is compared below, with the clock that is passed in.
        validation.validate_exp = false;
        Ok(Self {
            encoding: EncodingKey::from_ed_der(der.as_bytes()),
            decoding: DecodingKey::from_ed_der(&public),
            validation,
            header,
            public: BASE64.encode(public),
            refresh: mac(&key.to_bytes(), &[b"parlor refresh token"]),
            urls: mac(&key.to_bytes(), &[b"parlor media url"]),
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            leeway_ms: settings.leeway_ms as i64,
        })
    }

    /// Makes an access token.
    pub fn sign(&self, identity: &Identity, now: Timestamp) -> Result<String, Problem> {
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: identity.user_id,
            sid: identity.session_id,
            did: identity.device_id,
            generation: identity.generation,
            name: identity.username.clone(),
            iat: now.0 / 1000,
            exp: identity.expires_at.0.div_euclid(1000),
        };
        jsonwebtoken::encode(&self.header, &claims, &self.encoding).map_err(|error| {
            tracing::error!(%error, "an access token could not be signed");
            Problem::new(parlor_schemas::Code::Internal, "no token could be made")
        })
    }

    /// Who it is; `unauthenticated` for a token that is not ours or has ended.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, Problem> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|_| Problem::unauthenticated())?
            .claims;
        let expires_at = Timestamp(claims.exp.saturating_mul(1000));
        if expires_at.plus_millis(self.leeway_ms) <= now {
            return Err(Problem::unauthenticated());
        }
        Ok(Identity {
            user_id: claims.sub,
            username: claims.name,
            device_id: claims.did,
            session_id: claims.sid,
            generation: claims.generation,
            expires_at,
        })
    }

    /// The public keys (RFC 7517, RFC 8037).
    pub fn jwks(&self) -> serde_json::Value {
        serde_json::json!({ "keys": [{
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
            "kid": self.header.kid, "x": self.public,
        }] })
    }

    /// The proof inside the refresh token of one generation of a session.
    pub fn refresh_proof(&self, session: SessionId, generation: u64, secret: &[u8; 32]) -> [u8; 32] {
        mac(&self.refresh, &[session.as_bytes(), &generation.to_be_bytes(), secret])
    }

    /// What makes a URL good: `method` on an object, until then.
    pub fn url_proof(&self, method: &str, media: MediaId, until: Timestamp) -> String {
        let parts = [method.as_bytes(), b" ", media.as_bytes(), &until.0.to_be_bytes()];
        BASE64.encode(mac(&self.urls, &parts))
    }

    /// Whether it is ours.
    pub fn is_url_proof(&self, method: &str, media: MediaId, until: Timestamp, proof: &str) -> bool {
        self.url_proof(method, media, until).as_bytes().ct_eq(proof.as_bytes()).into()
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as hmac::Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// A key for tests.
#[cfg(test)]
pub(crate) fn test_settings() -> AuthSettings {
    let key = SigningKey::from_bytes(&[7; 32]);
    let pem = key.to_pkcs8_pem(ed25519_dalek::pkcs8::spki::der::pem::LineEnding::LF).unwrap();
    AuthSettings { signing_key: pem.to_string(), ..AuthSettings::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parlor_schemas::Code;
    use uuid::Uuid;

    fn identity() -> Identity {
        Identity {
            user_id: UserId(Uuid::from_u128(1)),
            username: "ada".into(),
            device_id: DeviceId(Uuid::from_u128(2)),
            session_id: SessionId(Uuid::from_u128(3)),
            generation: 4,
            expires_at: Timestamp(1_000_000),
        }
    }

    #[test]
    fn a_token_says_who_it_is_until_it_ends() {
        let keys = Keys::new(&test_settings()).unwrap();
        let token = keys.sign(&identity(), Timestamp(0)).unwrap();
        assert_eq!(keys.verify(&token, Timestamp(1_004_999)), Ok(identity()));
        assert_eq!(keys.verify(&token, Timestamp(1_005_000)).unwrap_err().code, Code::Unauthenticated);
    }

    #[test]
    fn a_url_is_good_for_one_thing_until_a_time() {
        let keys = Keys::new(&test_settings()).unwrap();
        let (media, until) = (MediaId(Uuid::from_u128(1)), Timestamp(9));
        let proof = keys.url_proof("GET", media, until);
        assert!(keys.is_url_proof("GET", media, until, &proof));
        assert!(!keys.is_url_proof("PUT", media, until, &proof));
        assert!(!keys.is_url_proof("GET", MediaId(Uuid::from_u128(2)), until, &proof));
        assert!(!keys.is_url_proof("GET", media, Timestamp(10), &proof));
    }

    #[test]
    fn tokens_of_others_are_refused() {
        let keys = Keys::new(&test_settings()).unwrap();
        let other = AuthSettings { audience: "elsewhere".into(), ..test_settings() };
        let token = Keys::new(&other).unwrap().sign(&identity(), Timestamp(0)).unwrap();
        assert!(keys.verify(&token, Timestamp(0)).is_err(), "another audience");
        let token = keys.sign(&identity(), Timestamp(0)).unwrap();
        let mut parts: Vec<&str> = token.split('.').collect();
        let none = BASE64.encode(r#"{"alg":"none","typ":"JWT"}"#);
        parts[0] = &none;
        assert!(keys.verify(&parts.join("."), Timestamp(0)).is_err(), "another algorithm");
        assert!(keys.verify("", Timestamp(0)).is_err());
    }
}
