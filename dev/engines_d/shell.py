"""`env`: the shell exports that make a plain `parlor ROLE` use an instance."""

import shlex

from . import certificates, services
from .console import Failure
from .instance import Instance

LIVE = {"redis": "redis", "redis-sentinel": "redis+sentinel", "redis-cluster": "redis+cluster"}


def variables(instance: Instance, only: list) -> dict:
    """The settings for these services (all, if none is named), as environment variables."""
    state = instance.state()
    missing = [service for service in only if service not in state["services"]]
    if not state["services"] or missing:
        what = missing[0] if missing else "services"
        raise Failure(
            f"instance {instance.name} has no {what}: {instance.command(' '.join(['up', *missing]))} makes them"
        )
    chosen = {
        service: entry["nodes"] for service, entry in state["services"].items() if not only or service in only
    }
    who = f"parlor:{instance.secret('password')}@" if state["secure"] else ""
    found = {}
    if "kafka" in chosen:
        found["PARLOR__LOG"] = f"kafka://{who}{services.addresses('kafka', chosen['kafka'])}"
        found |= _engine(instance, "KAFKA", len(chosen["kafka"]))
    if "cassandra" in chosen:
        found["PARLOR__STORE"] = (
            f"cassandra://{who}{services.addresses('cassandra', chosen['cassandra'])}/parlor"
        )
        found |= _engine(instance, "CASSANDRA", len(chosen["cassandra"]))
    live = next((service for service in LIVE if service in chosen), None)
    if live:
        scheme = LIVE[live].replace("redis", "rediss", 1) if state["secure"] else LIVE[live]
        found["PARLOR__LIVE"] = f"{scheme}://{who}{services.addresses(live, chosen[live])}"
        if state["secure"]:
            found["PARLOR__ENGINES__REDIS__TLS_CA_FILE"] = str(certificates.authority(instance))
            if live == "redis-sentinel":  # the URL's credentials are the servers'
                found["PARLOR__ENGINES__REDIS__SENTINEL_USERNAME"] = "parlor"
                found["PARLOR__ENGINES__REDIS__SENTINEL_PASSWORD_FILE"] = str(instance.directory / "password")
    return found | {"PARLOR__AUTH__SIGNING_KEY_FILE": str(certificates.signing_key(instance))}


def _engine(instance: Instance, section: str, nodes: int) -> dict:
    """What a section of `engines` needs to know about the cluster."""
    found = {}
    if nodes > 1:
        found[f"PARLOR__ENGINES__{section}__REPLICATION"] = str(nodes)
    if instance.state()["secure"]:
        found[f"PARLOR__ENGINES__{section}__TLS"] = "true"
        found[f"PARLOR__ENGINES__{section}__TLS_CA_FILE"] = str(certificates.authority(instance))
    return found


def exports(found: dict) -> str:
    """Lines for `eval "$(dev/engines env)"`."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in found.items())
