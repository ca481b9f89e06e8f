"""Starts nodes, waits until they serve clients, and knows which ones to take away again."""

import threading
import time

from . import process, services
from .console import Failure, say, tail
from .cql_wire import Refused
from .instance import Instance, in_use

PATIENCE_S = 20  # between SIGTERM and SIGKILL
PROBE_S = 2  # a probe that takes longer has failed; the next one follows
WORKER = "starts one service"


class Stopped(Exception):
    """Somebody pressed Ctrl-C, or another service failed."""


class Starter:
    """One `up` or `start`; services may be started from a thread each."""

    def __init__(self, instance: Instance, timeout_s: float):
        self.instance = instance
        self.timeout_s = timeout_s
        self.stopping = threading.Event()
        self.started: list = []
        self.failures: list = []

    def all(self, wanted: list, only: list | None = None, wait: bool = True) -> None:
        """Brings services up side by side, each by a thread: an interrupt hits none of them half-way."""
        # Cassandra takes longest: it goes first.
        order = sorted(wanted, key=lambda service: service != "cassandra")
        for service in order:
            work = (service, only, wait)
            threading.Thread(target=self._guarded, args=work, name=WORKER, daemon=True).start()
        self._wait_for_threads()
        if self.failures:
            raise self.failures[0]

    def undo(self) -> None:
        """Ends what was started."""
        self.stopping.set()
        self._wait_for_threads()
        if self.started:
            say("engines", "stopping what was started")
            process.stop(self.started, 3)

    def service(self, service: str, only: list | None = None, wait: bool = True) -> None:
        """Brings one service up: all its nodes, or those with these numbers."""
        begun = time.monotonic()
        with self.instance.lock(service):
            nodes = self.instance.nodes(service)
            chosen = [node for node in nodes if not only or node["number"] in only]
            self._refuse_frozen(service, chosen)
            missing = [node for node in chosen if not self.instance.running(service, node)]
            if missing:
                where = ", ".join(f"{node['host']}:{next(iter(node['ports'].values()))}" for node in missing)
                say(service, f"starting {services.provide(service)} on {where}")
            for node in missing:
                self.spawn(service, node)
                if wait and services.one_by_one(service):
                    self.wait(service, node)
            if wait:
                self._wait_for_all(service, chosen, whole=not only)
        if missing:
            say(service, f"ready ({time.monotonic() - begun:.1f} s)" if wait else "started")
        else:
            say(service, "already up")

    def spawn(self, service: str, node: dict) -> None:
        """Starts one node's process and writes it down."""
        nodes, number = self.instance.nodes(service), node["number"]
        directory = self.instance.node_directory(service, number)
        stray = process.find(directory)
        if stray:  # an `up` was killed between starting it and writing it down
            process.stop([(pid, process.started_at(pid), where) for pid, where in stray.items()], PATIENCE_S)
        taken = in_use(services.ports([node]))
        if taken:
            where = ", ".join(f"{host}:{port}" for host, port in taken)
            raise Failure(
                f"{service}: another program listens on {where}: stop it, or use another --instance"
            )
        services.prepare(self.instance, service, nodes, node)
        argv = services.command(self.instance, service, nodes, node)
        if self.stopping.is_set():
            raise Stopped
        pid, start = process.spawn(argv, directory)
        self.started.append((pid, start, directory))
        self.instance.record(service, number, pid, start)

    def wait(self, service: str, node: dict) -> None:
        """Waits until one node is ready."""
        nodes = self.instance.nodes(service)
        self._until(
            service, node["number"], lambda: services.ready(self.instance, service, nodes, node, PROBE_S)
        )

    def _wait_for_all(self, service: str, chosen: list, whole: bool) -> None:
        for node in chosen:
            self.wait(service, node)
        nodes = self.instance.nodes(service)
        if whole:
            services.found(self.instance, service, nodes)
        self._until(service, None, lambda: services.settled(self.instance, service, nodes, PROBE_S))

    def _guarded(self, service: str, only: list | None, wait: bool) -> None:
        try:
            self.service(service, only, wait)
        except Stopped:
            pass
        except Exception as error:  # reported by `all`
            self.failures.append(error)
            self.stopping.set()

    def _wait_for_threads(self) -> None:
        # Not Thread.join: after an interrupted join Python takes a running thread for an ended one.
        while any(thread.name == WORKER for thread in threading.enumerate()):
            time.sleep(0.02)

    def _refuse_frozen(self, service: str, nodes: list) -> None:
        for node in nodes:
            if self.instance.frozen(service, node):
                thaw = self.instance.command(f"thaw {service} {node['number']}")
                raise Failure(f"{service} {node['number']} is frozen: {thaw} lets it go on")

    def _until(self, service: str, number, question) -> None:
        until, told = time.monotonic() + self.timeout_s, time.monotonic()
        while True:
            if self.stopping.is_set():
                raise Stopped
            try:
                missing = question()
            except (OSError, RuntimeError, LookupError, ValueError, Refused) as error:
                missing = str(error) or type(error).__name__
            if missing is None:
                return
            self._still_there(service, number)
            if time.monotonic() > until:
                raise Failure(
                    self._last_words(service, number, f"not ready after {self.timeout_s:.0f} s ({missing})")
                )
            if time.monotonic() - told > 10:
                told = time.monotonic()
                say(service, f"still waiting ({missing})")
            time.sleep(0.05)

    def _still_there(self, service: str, number) -> None:
        for node in self.instance.nodes(service):
            if number == node["number"] and not self.instance.running(service, node):
                raise Failure(self._last_words(service, number, "ended while it was starting"))

    def _last_words(self, service: str, number, what: str) -> str:
        log = self.instance.node_directory(service, number or 1) / "engine.log"
        return f"{service} {number or ''}: {what}; the end of {log}:\n{tail(log)}"
