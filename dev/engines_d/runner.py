"""Up and down. What an interrupted `up` has started is stopped again; `down` also ends what nobody wrote down."""

import contextlib
import pathlib
import resource
import shutil
import signal

from . import certificates, process, services
from .console import Failure, say
from .instance import Instance, choose_offset
from .starter import PATIENCE_S, Starter


def up(instance: Instance, wanted: list, shape: dict, timeout_s: float) -> None:
    """Brings services up; does nothing where they are. On Ctrl-C or a failure what it started is stopped again."""
    with instance.lock("up"), tidy(instance, timeout_s) as starter:
        _end_strays(instance)
        for service in wanted:
            services.provide(service)
        write_down(instance, wanted, shape)
        certificates.signing_key(instance)
        if instance.state()["secure"]:
            certificates.make(instance)
        starter.all(wanted)


def start(instance: Instance, service: str, numbers: list, wait: bool, timeout_s: float) -> None:
    """Starts nodes that are down again, on the data that they have."""
    with tidy(instance, timeout_s) as starter:
        starter.all([service], numbers, wait)


@contextlib.contextmanager
def tidy(instance: Instance, timeout_s: float):
    """A starter whose work is undone if the block does not end well."""
    if not pathlib.Path("/proc/self/stat").exists():
        raise Failure(
            "processes of its own need Linux; elsewhere start a container engine, then this uses docker-compose.yml"
        )
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    starter = Starter(instance, timeout_s)
    with interruptible():
        try:
            yield starter
        except BaseException:
            with deaf():
                starter.undo()
            raise


def write_down(instance: Instance, wanted: list, shape: dict, in_containers: bool = False) -> None:
    """Writes the instance's shape (nodes, secure, offset) down, or checks that it is the one that was asked for."""
    again = f"{instance.command('down --wipe')} first, or use another --instance"
    with instance.change() as state:
        if state["services"] and shape["secure"] and not state["secure"]:
            raise Failure(f"instance {instance.name} was made without --secure: {again}")
        if shape["offset"] is not None and state["offset"] not in (None, shape["offset"]):
            raise Failure(f"instance {instance.name} has its ports at offset {state['offset']}: {again}")
        state["secure"], state["containers"] = state["secure"] or shape["secure"], in_containers
        if state["offset"] is None:
            state["offset"] = _offset(instance) if shape["offset"] is None else shape["offset"]
        for service in wanted:
            known = state["services"].get(service, {}).get("nodes")
            size = shape["nodes"] if service in services.SIZED else None
            if known and size and len(known) != size:
                raise Failure(
                    f"{service} of instance {instance.name} was made with {len(known)} node(s): {again}"
                )
            if not known:
                state["services"][service] = {
                    "nodes": _moved(services.plan(service, size or 1), state["offset"])
                }


def down(instance: Instance, wanted: list, wipe: bool) -> None:
    """Stops services, written down or not; with `wipe` their data goes too."""
    with contextlib.ExitStack() as locks:
        locks.enter_context(instance.lock("up"))
        known = [service for service in instance.state()["services"] if not wanted or service in wanted]
        for service in known:
            locks.enter_context(instance.lock(service))
        alive = _everything(instance, known)
        killed = process.stop(alive, 0 if wipe else PATIENCE_S)
        if killed and not wipe:
            say(
                "engines",
                f"did not end within {PATIENCE_S} s, killed: {', '.join(where.name for _, _, where in killed)}",
            )
        with instance.change() as state:
            for service in known:
                nodes = state["services"][service]["nodes"]
                if wipe:
                    del state["services"][service]
                for node in nodes:
                    node["pid"] = node["start"] = None
                    if wipe:
                        shutil.rmtree(instance.node_directory(service, node["number"]), ignore_errors=True)
                if wipe:
                    services.wipe(instance, service)
            empty = not state["services"]
    if empty:
        shutil.rmtree(instance.directory, ignore_errors=True)
    what = "stopped, data wiped" if wipe else "stopped"
    say("engines", f"{what}: {', '.join(known) or 'nothing there'} ({len(alive)} processes)")


def _everything(instance: Instance, known: list) -> list:
    """Handles of the services' live processes: those written down, and those an interrupted start left."""
    handles = [instance.handle(service, node) for service in known for node in instance.nodes(service)]
    places = {directory for _, _, directory in handles}
    alive = [handle for handle in handles if process.alive(*handle)]
    pids = {pid for pid, _, _ in alive}
    forgotten = not instance.state()["services"]  # somebody removed the directory under their feet
    for pid, directory in process.find(instance.directory).items():
        if pid not in pids and (forgotten or directory in places):
            alive.append((pid, process.started_at(pid), directory))
    return alive


def _end_strays(instance: Instance) -> None:
    """Ends processes of an instance that has no state any more (`cargo clean` takes it away)."""
    if not instance.state()["services"]:
        strays = _everything(instance, [])
        if strays:
            say("engines", f"ending {len(strays)} processes whose directory was removed")
            process.stop(strays, 0)


def _offset(instance: Instance) -> int:
    """An offset at which every port that this instance may ever need is free."""
    every = [
        node
        for service in services.ALL
        for node in services.plan(service, 3 if service in services.SIZED else 1)
    ]
    return choose_offset(services.ports(every), instance)


def _moved(nodes: list, offset: int) -> list:
    for node in nodes:
        node["ports"] = {name: port + offset for name, port in node["ports"].items()}
    return nodes


@contextlib.contextmanager
def interruptible():
    """SIGTERM and SIGHUP mean the same as Ctrl-C, unless the caller ignores them."""

    def interrupt(*_):
        raise KeyboardInterrupt

    heard = [what for what in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(what) != signal.SIG_IGN]
    before = {what: signal.signal(what, interrupt) for what in heard}
    try:
        yield
    finally:
        for what, handler in before.items():
            signal.signal(what, handler)


@contextlib.contextmanager
def deaf():
    """Nothing interrupts the tidying up."""
    before = {
        what: signal.signal(what, signal.SIG_IGN) for what in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for what, handler in before.items():
            signal.signal(what, handler)
