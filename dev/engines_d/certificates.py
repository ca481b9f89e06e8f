"""The authority and certificates of `--secure`: one of each per instance, for loopback, made with openssl."""

import os
import pathlib
import subprocess

from . import install
from .console import Failure


def authority(instance) -> pathlib.Path:
    """The certificate that clients trust."""
    return _directory(instance) / "ca.pem"


def pem(instance) -> tuple:
    """The servers' certificate and key."""
    return _directory(instance) / "server.pem", _directory(instance) / "server.key"


def keystore(instance) -> pathlib.Path:
    """The servers' certificate and key as Java likes them, under the instance's password."""
    return _directory(instance) / "server.p12"


def truststore(instance) -> pathlib.Path:
    """The authority as Java likes it, under the instance's password."""
    return _directory(instance) / "trust.p12"


def signing_key(instance) -> pathlib.Path:
    """The key that Parlor signs its access tokens with; made once."""
    path = instance.directory / "signing_key.pem"
    if not path.exists():
        instance.directory.mkdir(parents=True, exist_ok=True)
        _openssl("genpkey", "-algorithm", "ed25519", "-out", str(path.with_suffix(".new")))
        os.replace(path.with_suffix(".new"), path)
    return path


def make(instance) -> None:
    """Makes what `--secure` needs; once per instance."""
    place = _directory(instance)
    if truststore(instance).exists():
        return
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o700)
    secret = instance.secret("password")
    ca, ca_key, request = authority(instance), place / "ca.key", place / "server.csr"
    certificate, key = pem(instance)
    days, kind = ["-days", "3650"], ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = place / "names"
    names.write_text(
        "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:127.0.0.2,IP:127.0.0.3\nextendedKeyUsage=serverAuth,clientAuth\n"
    )
    subject = f"/O=Parlor development/CN={instance.name}"
    extensions = [
        "-addext",
        "basicConstraints=critical,CA:TRUE",
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
    ]
    _openssl(
        "req",
        "-x509",
        *kind,
        *days,
        "-subj",
        subject + " CA",
        *extensions,
        "-keyout",
        str(ca_key),
        "-out",
        str(ca),
    )
    _openssl("req", *kind, "-subj", subject, "-keyout", str(key), "-out", str(request))
    signing = ["-CA", str(ca), "-CAkey", str(ca_key), "-CAcreateserial", "-extfile", str(names)]
    _openssl("x509", "-req", "-in", str(request), *signing, *days, "-out", str(certificate))
    store = ["-in", str(certificate), "-inkey", str(key), "-certfile", str(ca), "-name", "server"]
    _openssl(
        "pkcs12", "-export", *store, "-passout", "env:SECRET", "-out", str(keystore(instance)), secret=secret
    )
    keytool = str(pathlib.Path(install.java()).parent / "keytool")
    tool = [keytool, "-importcert", "-noprompt", "-alias", "ca", "-file", str(ca), "-storetype", "PKCS12"]
    _run([*tool, "-keystore", str(truststore(instance)), "-storepass:env", "SECRET"], secret)


def _directory(instance) -> pathlib.Path:
    return instance.directory / "tls"


def _openssl(*arguments: str, secret: str = "") -> None:
    _run([install.need("openssl", "openssl", "makes keys and certificates"), *arguments], secret)


def _run(argv: list, secret: str) -> None:
    before = os.umask(0o077)
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            env={**os.environ, "SECRET": secret},
            stdin=subprocess.DEVNULL,
        )
    finally:
        os.umask(before)
    if done.returncode != 0:
        raise Failure(f"{argv[0]} {argv[1]} failed:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
