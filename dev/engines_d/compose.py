"""The same through docker-compose.yml, where a container engine answers: one node each of the default services.

Faults have the same names: `kill` is SIGKILL to the container, `freeze` pauses it.
"""

import os
import shutil
import subprocess

from . import certificates, services
from .console import Failure, say
from .instance import ROOT, Instance

FAULTS = {"stop": ["stop"], "kill": ["kill", "--signal", "KILL"], "freeze": ["pause"], "thaw": ["unpause"]}


def answers() -> bool:
    """Whether a container engine with compose is here and running."""
    if not shutil.which("docker"):
        return False
    return all(_quiet("docker", *words) for words in (("compose", "version"), ("info",)))


def suits(wanted: list, shape: dict) -> bool:
    """Whether docker-compose.yml has what is wanted."""
    return set(wanted) <= set(services.DEFAULT) and shape["nodes"] in (None, 1) and not shape["secure"]


def up(instance: Instance, wanted: list, timeout_s: float) -> None:
    """Brings containers up and waits until they are healthy."""
    say(
        "engines",
        f"a container engine answers: {', '.join(wanted)} by docker-compose.yml (--native: as processes)",
    )
    certificates.signing_key(instance)
    _compose(instance, "up", "--detach", "--wait", "--wait-timeout", str(int(timeout_s)), *wanted)
    say("engines", "ready")


def down(instance: Instance, wanted: list, wipe: bool) -> None:
    """Stops containers; with `wipe` their volumes go too."""
    if not wanted:
        _compose(instance, "down", *(["--volumes"] if wipe else []))
    elif wipe:
        raise Failure("volumes of containers are wiped together: `dev/engines down --wipe` without a service")
    else:
        _compose(instance, "stop", *wanted)


def fault(instance: Instance, what: str, service: str, timeout_s: float) -> None:
    """One of `stop`, `kill`, `freeze`, `thaw`, `start`."""
    if what == "start":
        _compose(
            instance,
            "up",
            "--detach",
            "--wait",
            "--wait-timeout",
            str(int(timeout_s)),
            "--no-recreate",
            service,
        )
    else:
        _compose(instance, *FAULTS[what], service)


def status(instance: Instance) -> list:
    """The containers as compose tells them."""
    done = _run(instance, ["ps", "--all", "--format", "{{.Service}} {{.State}} {{.Health}}"], capture=True)
    found = []
    for line in done.stdout.splitlines():
        service, state, *health = line.split()
        condition = {"paused": "frozen", "running": "ready" if health == ["healthy"] else "not ready"}.get(
            state, "down"
        )
        nodes = instance.nodes(service)
        address = services.addresses(service, nodes) if nodes else ""
        found.append(
            {"service": service, "node": 1, "address": address, "state": condition, "pid": None, "mb": None}
        )
    return found


def logs(instance: Instance, service: str, follow: bool) -> None:
    """Shows the end of a container's log; becomes `docker`."""
    arguments = ["logs", "--tail", "100", *(["--follow"] if follow else []), service]
    os.execvpe("docker", _argv(instance, arguments), _environment(instance))


def _compose(instance: Instance, *arguments: str) -> None:
    if _run(instance, list(arguments)).returncode != 0:
        raise Failure(f"docker compose {arguments[0]} failed (see above); --native does without containers")


def _run(instance: Instance, arguments: list, capture: bool = False):
    return subprocess.run(
        _argv(instance, arguments),
        env=_environment(instance),
        stdout=subprocess.PIPE if capture else 2,
        text=True,
    )


def _argv(instance: Instance, arguments: list) -> list:
    project = ["--project-name", f"parlor-{instance.name}", "--file", str(ROOT / "docker-compose.yml")]
    return ["docker", "compose", *project, "--profile", "engines", *arguments]


def _environment(instance: Instance) -> dict:
    ports = {
        f"{service.upper()}_PORT": node
        for service in services.DEFAULT
        for node in _published(instance, service)
    }
    return {**os.environ, **ports}


def _published(instance: Instance, service: str) -> list:
    return [str(next(iter(node["ports"].values()))) for node in instance.nodes(service)]


def _quiet(*argv: str) -> bool:
    try:
        return (
            subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
