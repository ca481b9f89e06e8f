//! TLS to the nodes, by OpenSSL: hosts are verified against the given authorities, or the system's.

use super::CassandraSettings;
use crate::open::OpenError;
use scylla::client::session_builder::SessionBuilder;

#[cfg(not(feature = "engine-tls"))]
pub(super) fn with_tls(
    builder: SessionBuilder,
    settings: &CassandraSettings,
) -> Result<SessionBuilder, OpenError> {
    if settings.tls {
        let reason = "this program was built without TLS to Cassandra: build it with --features engine-tls";
        return Err(OpenError::Setting { name: "cassandra.tls", reason });
    }
    Ok(builder)
}

#[cfg(feature = "engine-tls")]
pub(super) fn with_tls(
    builder: SessionBuilder,
    settings: &CassandraSettings,
) -> Result<SessionBuilder, OpenError> {
    use openssl::{
        pkey::PKey,
        ssl::{SslConnector, SslMethod},
        x509::{X509, store::X509StoreBuilder},
    };
    use scylla::client::session::OpenSsl010Config;

    let refuse = |name, reason| move |_: openssl::error::ErrorStack| OpenError::Setting { name, reason };
    if !settings.tls {
        return Ok(builder);
    }
    let general = refuse("cassandra.tls", "OpenSSL refuses to set TLS up");
    let mut connector = SslConnector::builder(SslMethod::tls_client()).map_err(general)?;
    if let Some(ca) = &settings.tls_ca {
        let wrong = refuse("cassandra.tls_ca", "is not PEM of certificates");
        let mut store = X509StoreBuilder::new().map_err(wrong)?;
        let certificates = X509::stack_from_pem(ca.as_bytes()).map_err(wrong)?;
        if certificates.is_empty() {
            return Err(OpenError::Setting { name: "cassandra.tls_ca", reason: "holds no certificate" });
        }
        for certificate in certificates {
            store.add_cert(certificate).map_err(wrong)?;
        }
        connector.set_cert_store(store.build());
    }
    if let (Some(chain), Some(key)) = (&settings.tls_cert, &settings.tls_key) {
        let wrong = refuse("cassandra.tls_cert", "is not PEM of a certificate and its chain");
        let mut chain = X509::stack_from_pem(chain.as_bytes()).map_err(wrong)?.into_iter();
        let own = chain
            .next()
            .ok_or(OpenError::Setting { name: "cassandra.tls_cert", reason: "holds no certificate" })?;
        connector.set_certificate(&own).map_err(wrong)?;
        for above in chain {
            connector.add_extra_chain_cert(above).map_err(wrong)?;
        }
        let wrong = refuse("cassandra.tls_key", "is not PEM of the certificate's private key");
        let key = PKey::private_key_from_pem(key.as_bytes()).map_err(wrong)?;
        connector.set_private_key(&key).map_err(wrong)?;
        connector.check_private_key().map_err(wrong)?;
    }
    Ok(builder.tls_context(Some(OpenSsl010Config::new(connector))))
}
