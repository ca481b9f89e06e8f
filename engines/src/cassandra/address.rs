//! `cassandra://[user:password@]host:port[,host:port…]/keyspace`.

use crate::open::{OpenError, without_secrets};
use std::fmt;

/// The native protocol's port.
const PORT: u16 = 9042;

/// Where the nodes are.
#[derive(Clone, PartialEq)]
pub(super) struct Address {
    /// Without secrets, for messages.
    pub(super) shown: String,
    /// `host:port`, at least one; the others of the cluster are found through them.
    pub(super) nodes: Vec<String>,
    /// `[a-z][a-z0-9_]{0,47}`, so that it never needs quotes.
    pub(super) keyspace: String,
    /// User and password.
    pub(super) login: Option<(String, String)>,
}

impl Address {
    pub(super) fn of(url: &str) -> Result<Self, OpenError> {
        parse(url).map_err(|reason| OpenError::Setting { name: "store", reason })
    }

    pub(super) fn unreachable(&self, reason: impl fmt::Display) -> OpenError {
        OpenError::Unreachable { port: "store", url: self.shown.clone(), reason: reason.to_string() }
    }

    pub(super) fn not_initialised(&self, reason: impl Into<String>) -> OpenError {
        OpenError::NotInitialised { port: "store", url: self.shown.clone(), reason: reason.into() }
    }
}

fn parse(url: &str) -> Result<Address, &'static str> {
    let rest = url.strip_prefix("cassandra://").ok_or("must begin with cassandra://")?;
    let (login, rest) = match rest.rsplit_once('@') {
        Some((login, rest)) => (Some(login), rest),
        None => (None, rest),
    };
    let (hosts, keyspace) = rest
        .split_once('/')
        .filter(|(_, keyspace)| !keyspace.is_empty())
        .ok_or("names no keyspace: cassandra://host:port,…/keyspace")?;
    let login =
        match login.map(|login| login.split_once(':').ok_or("a user needs a password: user:password@")) {
            Some(pair) => {
                let (user, password) = pair?;
                Some((decoded(user)?, decoded(password)?))
            }
            None => None,
        };
    let nodes = hosts.split(',').map(node).collect::<Result<Vec<_>, _>>()?;
    let is_plain = keyspace.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && keyspace.starts_with(|first: char| first.is_ascii_lowercase())
        && keyspace.len() <= 48;
    if !is_plain {
        return Err("the keyspace must be a-z, 0-9 and _, begin with a letter, and have at most 48 of them");
    }
    Ok(Address { shown: without_secrets(url), nodes, keyspace: keyspace.to_owned(), login })
}

fn node(text: &str) -> Result<String, &'static str> {
    let (host, port) = match text.rsplit_once(':') {
        // The last colon of a bare IPv6 address (`[::1]`) is inside its brackets.
        Some((host, port)) if !port.ends_with(']') => {
            (host, port.parse().map_err(|_| "a port is not a number of 1 to 65535")?)
        }
        _ => (text, PORT),
    };
    let is_bare_v6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
    match host {
        "" => Err("a host is empty: cassandra://host:port,…/keyspace"),
        _ if is_bare_v6 => Err("an IPv6 address needs brackets: [::1]:9042"),
        _ if port == 0 => Err("a port is not a number of 1 to 65535"),
        _ => Ok(format!("{host}:{port}")),
    }
}

/// Undoes percent encoding: a password may hold `@`, `/` and `:`.
fn decoded(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "the user or password has a % that is not followed by two hex digits of UTF-8";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let (code, after) = after.split_at_checked(2).ok_or(WRONG)?;
        let code = std::str::from_utf8(code).map_err(|_| WRONG)?;
        bytes.push(u8::from_str_radix(code, 16).map_err(|_| WRONG)?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_nodes_a_keyspace_and_perhaps_a_login() {
        let address = parse("cassandra://a:1,b,[::1]:3,[::2]/parlor_2").unwrap();
        assert_eq!(address.nodes, ["a:1", "b:9042", "[::1]:3", "[::2]:9042"]);
        assert_eq!((address.keyspace.as_str(), address.login), ("parlor_2", None));
        let address = parse("cassandra://me:p%40ss%2F%3a@a/k").unwrap();
        assert_eq!(address.login, Some(("me".into(), "p@ss/:".into())));
        assert_eq!(address.shown, "cassandra://a/k");
        let address = parse("cassandra://me:p@ss@a/k").unwrap();
        assert_eq!(address.login, Some(("me".into(), "p@ss".into())), "a plain @ is understood too");
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said() {
        for (url, part) in [
            ("kafka://a/k", "cassandra://"),
            ("cassandra://a", "keyspace"),
            ("cassandra://a/", "keyspace"),
            ("cassandra://a/K", "a-z"),
            ("cassandra://a/1k", "letter"),
            ("cassandra://a/k?x=1", "a-z"),
            ("cassandra:///k", "host is empty"),
            ("cassandra://a,,b/k", "host is empty"),
            ("cassandra://a:0/k", "port"),
            ("cassandra://a:99999/k", "port"),
            ("cassandra://a:x/k", "port"),
            ("cassandra://::1:9042/k", "brackets"),
            ("cassandra://me@a/k", "password"),
            ("cassandra://me:%zz@a/k", "hex"),
            ("cassandra://me:%e@a/k", "hex"),
        ] {
            let reason = parse(url).err().unwrap_or_default();
            assert!(reason.contains(part), "{url}: {reason}");
        }
        let text = Address::of("cassandra://me:secret@a/K").err().unwrap().to_string();
        assert!(!text.contains("secret"), "{text}");
    }
}
