"""What happens to nodes in the field: they end, they are killed, they freeze, they come back."""

import signal
import time

from . import process, redis
from .console import Failure, say
from .instance import Instance
from .starter import PATIENCE_S


def numbers(instance: Instance, service: str, which: str | None) -> list:
    """The numbers of the nodes meant: one, all of them, or `primary` as the sentinels see it."""
    nodes = instance.nodes(service)
    if not nodes:
        raise Failure(
            f"instance {instance.name} has no {service}: {instance.command(f'up {service}')} makes one"
        )
    known = [node["number"] for node in nodes]
    if which is None:
        return known
    if which == "primary" and service == "redis-sentinel":
        chosen = redis.primary(instance, nodes)
        if chosen is None:
            raise Failure("no sentinel is there to say which node is the primary")
        return [chosen]
    if not which.isdigit() or int(which) not in known:
        raise Failure(f"{service} has the nodes {', '.join(map(str, known))}, not {which}")
    return [int(which)]


def stop(instance: Instance, service: str, chosen: list) -> None:
    """SIGTERM, and the process is gone."""
    if process.stop(_there(instance, service, chosen), PATIENCE_S):
        say(service, f"did not end within {PATIENCE_S} s: killed")


def kill(instance: Instance, service: str, chosen: list) -> None:
    """SIGKILL, and the process is gone."""
    process.stop(_there(instance, service, chosen), 0)


def freeze(instance: Instance, service: str, chosen: list) -> None:
    """SIGSTOP, and nothing moves any more."""
    for handle in _there(instance, service, chosen):
        process.send(*handle, signal.SIGSTOP)
        until = time.monotonic() + 5
        while not process.frozen(handle[0]) and time.monotonic() < until:
            time.sleep(0.001)


def thaw(instance: Instance, service: str, chosen: list) -> None:
    """SIGCONT."""
    for handle in _there(instance, service, chosen):
        process.send(*handle, signal.SIGCONT)


def _there(instance: Instance, service: str, chosen: list) -> list:
    """Handles of the nodes; one that is asked for but not running is an error."""
    nodes = [node for node in instance.nodes(service) if node["number"] in chosen]
    running = [node for node in nodes if instance.running(service, node)]
    if not running or (len(chosen) == 1 and len(running) != 1):
        which = f"{service} {chosen[0]}" if len(chosen) == 1 else service
        raise Failure(f"{which} is not running: {instance.command(f'start {which}')} starts it")
    return [instance.handle(service, node) for node in running]
