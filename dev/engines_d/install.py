"""Debian packages and jars: what is missing is fetched, verified and kept.

Jars come from the Java package registry with Maven and must match the committed checksums; they are
kept outside the tree, so every worktree shares them and a clean checkout starts in seconds.
"""

import functools
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from . import versions
from .console import Failure, say

HERE = pathlib.Path(__file__).resolve().parent


def cache() -> pathlib.Path:
    """Where jars are kept."""
    given = os.environ.get("PARLOR_ENGINES_CACHE")
    if given:
        return pathlib.Path(given).absolute()
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(home) / "parlor" / "engines"


@functools.cache
def java() -> str:
    """The path of the Java that both engines run on (Cassandra knows no later one); installed if missing."""
    found = _java_here()
    if not found:
        apt(f"openjdk-{versions.JAVA}-jre-headless", f"Kafka and Cassandra run on Java {versions.JAVA}")
        found = _java_here()
    if not found:
        raise Failure(f"no Java {versions.JAVA} found: set JAVA_HOME to one")
    return found


def _java_here() -> str | None:
    homes = [pathlib.Path(home) for home in (os.environ.get("JAVA_HOME"),) if home]
    if on_path := shutil.which("java"):
        homes.append(pathlib.Path(on_path).resolve().parent.parent)
    homes += sorted(pathlib.Path("/usr/lib/jvm").glob("*"))
    for home in homes:
        release = home / "release"
        if (home / "bin" / "java").exists() and release.exists():
            if f'JAVA_VERSION="{versions.JAVA}.' in release.read_text(errors="replace"):
                return str(home / "bin" / "java")
    return None


def redis_server() -> str:
    """The path of redis-server; installed if there is none, without the distribution's service running."""
    found = shutil.which("redis-server")
    if found:
        return found
    apt("redis-server", "the live engine", keep_stopped=True)
    return shutil.which("redis-server") or "redis-server"


def redis_version(path: str) -> str:
    """The version of this redis-server."""
    told = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
    return next((word[2:] for word in told.split() if word.startswith("v=")), "of unknown version")


def need(program: str, package: str, why: str) -> str:
    """The path of `program`; its Debian package is installed if there is none."""
    found = shutil.which(program)
    if not found:
        apt(package, why)
        found = shutil.which(program)
    return found or program


def apt(package: str, why: str, keep_stopped: bool = False) -> None:
    """Installs a Debian package, as root or with sudo."""
    if not shutil.which("apt-get"):
        raise Failure(
            f"{package} is missing ({why}) and there is no apt-get here: please install it yourself"
        )
    root = [] if os.geteuid() == 0 else ["sudo"]
    if root and not shutil.which("sudo"):
        raise Failure(f"{package} is missing ({why}): please run `apt-get install {package}` as root")
    say("install", f"Debian's {package} ({why})")
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    policy = pathlib.Path("/usr/sbin/policy-rc.d")
    made = keep_stopped and not policy.exists()
    if made:  # Debian asks this script before it starts a service of a new package
        subprocess.run(
            [*root, "sh", "-c", f"printf '#!/bin/sh\\nexit 101\\n' > {policy} && chmod 755 {policy}"],
            check=True,
        )
    try:
        for step in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", package]):
            done = subprocess.run([*root, *environment, "apt-get", *step], capture_output=True, text=True)
            if done.returncode != 0:
                raise Failure(f"apt-get {' '.join(step)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    finally:
        if made:
            subprocess.run([*root, "rm", "-f", str(policy)], check=True)
    if keep_stopped and pathlib.Path("/run/systemd/system").exists():  # nor at the next boot
        subprocess.run([*root, "systemctl", "disable", "--quiet", "--now", package], check=False)


def jars(engine: str, version: str) -> pathlib.Path:
    """The directory with the engine's jars, all of them as the committed checksums say."""
    wanted = checksums(engine)
    place = cache() / f"{engine}-{version}-{_digest(wanted)}"
    if (place / ".verified").exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{engine}-", dir=place.parent) as temporary:
        fetched = fetch(engine, version, pathlib.Path(temporary) / "jars")
        verify(engine, fetched, wanted)
        (fetched / ".verified").touch()
        if place.exists():  # half of something: only a verified directory is ever renamed to here
            shutil.rmtree(place)
        try:
            os.rename(fetched, place)
        except OSError:  # another process was faster
            if not (place / ".verified").exists():
                raise
    say(engine, f"{len(wanted)} jars verified, kept in {place}")
    return place


def fetch(engine: str, version: str, to: pathlib.Path) -> pathlib.Path:
    """Copies the engine's jars to `to` with Maven."""
    java()
    mvn = need("mvn", "maven", "fetches Kafka's and Cassandra's jars")
    say(engine, f"fetching {version} from the Java package registry (once)")
    command = [mvn, "-q", "-B", "-f", str(HERE / f"{engine}.pom.xml"), f"-Dengine.version={version}"]
    command += [
        f"{versions.DEPENDENCY_PLUGIN}:copy-dependencies",
        "-DincludeScope=runtime",
        f"-DoutputDirectory={to}",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"Maven could not fetch {engine} {version}:\n{(done.stdout + done.stderr)[-3000:]}")
    return to


def checksums(engine: str) -> dict:
    """The committed checksums: jar name → sha256."""
    pairs = (line.split() for line in (HERE / f"{engine}.sha256").read_text().splitlines() if line.strip())
    return {name: digest for digest, name in pairs}


def verify(engine: str, directory: pathlib.Path, wanted: dict) -> None:
    """Refuses anything but exactly the wanted jars."""
    have = {path.name: _sha256(path) for path in sorted(directory.glob("*.jar"))}
    wrong = [name for name in have if name in wanted and have[name] != wanted[name]]
    missing = [name for name in wanted if name not in have]
    unknown = [name for name in have if name not in wanted]
    if wrong or missing or unknown:
        raise Failure(
            f"{engine}: the jars are not what dev/engines_d/{engine}.sha256 says "
            f"(changed: {wrong or '-'}, missing: {missing or '-'}, unknown: {unknown or '-'}). "
            f"After a change of version: dev/engines checksums {engine}"
        )


def write_checksums(engine: str, version: str) -> None:
    """Fetches the jars and writes their checksums anew: after a deliberate change of version."""
    with tempfile.TemporaryDirectory() as temporary:
        fetched = fetch(engine, version, pathlib.Path(temporary) / "jars")
        lines = [f"{_sha256(path)}  {path.name}\n" for path in sorted(fetched.glob("*.jar"))]
    (HERE / f"{engine}.sha256").write_text("".join(lines))
    say(engine, f"{len(lines)} checksums written to dev/engines_d/{engine}.sha256: look at the difference")


def _digest(wanted: dict) -> str:
    return hashlib.sha256(repr(sorted(wanted.items())).encode()).hexdigest()[:8]


def _sha256(path: pathlib.Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
