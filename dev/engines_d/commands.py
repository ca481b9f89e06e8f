"""The command line of `dev/engines`."""

import argparse

from . import cassandra, compose, faults, install, report, runner, services, shell, versions
from .console import Failure, say
from .instance import Instance, names

ABOUT = """Real engines on this machine: Kafka, Cassandra and Redis on loopback, with ports and data of their own.

  dev/engines up                       one node each of kafka, cassandra and redis; they serve when it returns
  eval "$(dev/engines env)"            from now on a plain `parlor ROLE` uses them
  dev/engines down                     stops them; data stays (--wipe: it goes too)
  dev/engines up --nodes 3 --instance three     three Kafka brokers and three Cassandra nodes beside them
  dev/engines up --secure --instance tls        with TLS and passwords
  dev/engines kill kafka 2             a fault: SIGKILL for broker 2; `start kafka 2` brings it back

What is missing is installed: Java, Maven and Redis from Debian, Kafka and Cassandra from the Java package
registry, checked against committed checksums and kept in $PARLOR_ENGINES_CACHE (~/.cache/parlor/engines).
An instance lives in $PARLOR_ENGINES_DIR/NAME (target/engines/NAME) and outlives the shell that started it.
"""


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="dev/engines", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument(
        "--instance", default="default", metavar="NAME", help="which set of engines [default: default]"
    )
    some = argparse.ArgumentParser(add_help=False, parents=[named])
    some.add_argument("services", nargs="*", metavar="SERVICE", help=f"of {', '.join(services.ALL)}")
    patient = argparse.ArgumentParser(add_help=False)
    patient.add_argument(
        "--timeout", type=float, default=300, metavar="S", help="for each node to be ready [300]"
    )

    up = commands.add_parser(
        "up",
        parents=[some, patient],
        help="start services [kafka cassandra redis]; they serve when it returns",
    )
    up.add_argument("--nodes", type=int, choices=(1, 3), help="of kafka and cassandra [1]")
    up.add_argument(
        "--topology",
        choices=("single", "sentinel", "cluster"),
        help="which redis, when no service is named [single]",
    )
    up.add_argument("--secure", action="store_true", help="TLS and passwords everywhere")
    up.add_argument(
        "--port-offset", type=int, metavar="N", help="added to every port [chosen once, so that all are free]"
    )
    up.add_argument("--native", action="store_true", help="processes, also where a container engine answers")
    down = commands.add_parser("down", parents=[some], help="stop services [all]; data stays")
    down.add_argument("--wipe", action="store_true", help="data goes too")
    down.add_argument("--all", action="store_true", help="every instance")
    status = commands.add_parser("status", help="what runs where")
    status.add_argument("--instance", metavar="NAME", help="only this one [every instance]")
    status.add_argument("--json", action="store_true")
    logs = commands.add_parser("logs", parents=[named], help="the end of a service's log")
    logs.add_argument("service", choices=services.ALL)
    logs.add_argument("node", nargs="?", type=int)
    logs.add_argument("-f", "--follow", action="store_true")
    commands.add_parser("env", parents=[some], help="shell exports for `parlor`")
    cql = commands.add_parser("cql", parents=[named], help="one statement for Cassandra, as its owner")
    cql.add_argument("statement")
    _fault_parsers(commands, named, patient)
    renew = commands.add_parser(
        "checksums", help="after a change of version: write an engine's checksums anew"
    )
    renew.add_argument("engine", choices=("kafka", "cassandra"))
    return top


def _fault_parsers(commands, named, patient) -> None:
    for name, text in (
        ("stop", "SIGTERM: ends in good order"),
        ("start", "start again, on the data that is there"),
        ("kill", "SIGKILL"),
        ("freeze", "SIGSTOP"),
        ("thaw", "SIGCONT"),
    ):
        fault = commands.add_parser(name, parents=[named, patient] if name == "start" else [named], help=text)
        fault.add_argument("service", choices=services.ALL)
        fault.add_argument("node", nargs="?", help="its number, or `primary` for redis-sentinel [all nodes]")
        if name == "start":
            fault.add_argument("--no-wait", action="store_true", help="return before the node is ready")


def run(given: argparse.Namespace) -> None:
    """Does what was asked for."""
    if given.command == "checksums":
        install.write_checksums(
            given.engine, {"kafka": versions.KAFKA, "cassandra": versions.CASSANDRA}[given.engine]
        )
    elif given.command == "status":
        _status(given)
    elif given.command == "up":
        _up(given)
    elif given.command == "down":
        _known(given.services)
        for name in names() if given.all else [given.instance]:
            _down(Instance(name), given.services, given.wipe)
    elif given.command == "env":
        _known(given.services)
        print(shell.exports(shell.variables(Instance(given.instance), given.services)), end="")
    elif given.command == "cql":
        cassandra.say(Instance(given.instance), given.statement)
    elif given.command == "logs":
        instance = Instance(given.instance)
        if instance.in_containers:
            compose.logs(instance, given.service, given.follow)
        report.logs(instance, given.service, given.node, given.follow)
    else:
        _fault(given)


def _up(given: argparse.Namespace) -> None:
    _known(given.services)
    if given.services and given.topology:
        raise Failure(
            "--topology chooses the redis of a plain `up`; otherwise name the service (redis-sentinel, redis-cluster)"
        )
    live = {"sentinel": "redis-sentinel", "cluster": "redis-cluster"}.get(given.topology or "", "redis")
    wanted = list(dict.fromkeys(given.services)) or ["kafka", "cassandra", live]
    shape = {"nodes": given.nodes, "secure": given.secure, "offset": given.port_offset}
    instance = Instance(given.instance)
    state = instance.state()
    made = state.get("containers")
    if made is None and not state["services"]:
        made = not given.native and compose.suits(wanted, shape) and compose.answers()
    elif made and not compose.suits(wanted, shape):
        raise Failure(
            f"instance {instance.name} runs in containers, which have no such shape: use another --instance"
        )
    if not made:
        runner.up(instance, wanted, shape, given.timeout)
        return
    runner.write_down(instance, wanted, shape, in_containers=True)
    compose.up(instance, wanted, given.timeout)


def _down(instance: Instance, wanted: list, wipe: bool) -> None:
    if instance.in_containers:
        compose.down(instance, wanted, wipe)
        if not wipe:
            return
    runner.down(instance, wanted, wipe)


def _status(given: argparse.Namespace) -> None:
    instances = [Instance(name) for name in names() if given.instance in (None, name)]
    if given.json:
        print(report.as_json(instances))
    elif not instances:
        say("engines", "nothing there: `dev/engines up` starts Kafka, Cassandra and Redis")
    else:
        print("\n".join(report.text(instance) for instance in instances))


def _fault(given: argparse.Namespace) -> None:
    instance = Instance(given.instance)
    if instance.in_containers:
        compose.fault(instance, given.command, given.service, getattr(given, "timeout", 0))
        return
    chosen = faults.numbers(instance, given.service, given.node)
    if given.command == "start":
        runner.start(instance, given.service, chosen if given.node else [], not given.no_wait, given.timeout)
    else:
        getattr(faults, given.command)(instance, given.service, chosen)


def _known(wanted: list) -> None:
    for service in wanted:
        if service not in services.ALL:
            raise Failure(f"there is no service {service!r}; known are {', '.join(services.ALL)}")
