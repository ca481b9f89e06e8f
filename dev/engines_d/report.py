"""`status` and `logs`."""

import json
import os
import pathlib

from . import compose, services
from .console import Failure
from .instance import Instance


def nodes(instance: Instance) -> list:
    """Every node of the instance and how it is."""
    if instance.in_containers:
        return compose.status(instance)
    found = []
    for service, entry in instance.state()["services"].items():
        for node in entry["nodes"]:
            addresses = ", ".join(f"{node['host']}:{port}" for port in list(node["ports"].values())[:1])
            line = {
                "service": service,
                "node": node["number"],
                "address": addresses,
                "state": "down",
                "pid": None,
                "mb": None,
            }
            if instance.running(service, node):
                line["state"] = _condition(instance, service, entry["nodes"], node)
                line["pid"], line["mb"] = node["pid"], _memory_mb(node["pid"])
            found.append(line)
    return found


def text(instance: Instance) -> str:
    """The instance for people."""
    state = instance.state()
    facts = ["containers"] if instance.in_containers else []
    facts += ["TLS and passwords"] if state["secure"] else []
    facts += [f"ports +{state['offset']}"] if state["offset"] else []
    lines = [
        f"instance {instance.name}{' (' + ', '.join(facts) + ')' if facts else ''}: {instance.directory}"
    ]
    for line in nodes(instance):
        size = f"pid {line['pid']}  {line['mb']} MB" if line["pid"] else ""
        lines.append(
            f"  {line['service']:14} {line['node']}  {line['address']:16} {line['state']:10} {size}".rstrip()
        )
    return "\n".join(lines)


def as_json(instances: list) -> str:
    """The same for programs."""
    return json.dumps({instance.name: nodes(instance) for instance in instances}, indent=1)


def logs(instance: Instance, service: str, number: int | None, follow: bool) -> None:
    """Shows the end of a service's logs; becomes `tail`."""
    known = [node["number"] for node in instance.nodes(service)]
    files = [instance.node_directory(service, n) / "engine.log" for n in known if number in (None, n)]
    there = [str(file) for file in files if file.exists()]
    if not there:
        raise Failure(f"instance {instance.name} has no log of {service}{f' {number}' if number else ''}")
    os.execvp("tail", ["tail", "-n", "100", *(["-F"] if follow else []), *there])


def _condition(instance: Instance, service: str, siblings: list, node: dict) -> str:
    if instance.frozen(service, node):
        return "frozen"
    try:
        missing = services.ready(instance, service, siblings, node, 1)
    except Exception as error:  # whatever a half-started engine says
        missing = str(error) or type(error).__name__
    return "ready" if missing is None else f"not ready ({missing})"


def _memory_mb(pid: int) -> int:
    try:
        pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 1048576
