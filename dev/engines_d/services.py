"""The services by name, behind one face: where a node's engine differs from another's is decided here only."""

from . import cassandra, install, kafka, redis, versions
from .console import Failure

DEFAULT = ("kafka", "cassandra", "redis")
ALL = (*DEFAULT, "redis-sentinel", "redis-cluster")
SIZED = {"kafka": kafka, "cassandra": cassandra}


def plan(service: str, size: int) -> list:
    """The service's nodes, before the instance's offset."""
    if service not in SIZED:
        return redis.plan(service)
    if size not in SIZED[service].SIZES:
        raise Failure(f"{service} runs with 1 or 3 nodes here, not {size}")
    return SIZED[service].plan(size)


def provide(service: str) -> str:
    """Makes sure that the engine's program is here; gives its version."""
    if service not in SIZED:
        return install.redis_version(install.redis_server())
    version = {"kafka": versions.KAFKA, "cassandra": versions.CASSANDRA}[service]
    install.java()
    install.jars(service, version)
    return version


def prepare(instance, service: str, nodes: list, node: dict) -> None:
    """Writes the node's configuration; formats its storage the first time."""
    if service in SIZED:
        SIZED[service].prepare(instance, nodes, node)
    else:
        redis.prepare(instance, service, nodes, node)


def command(instance, service: str, nodes: list, node: dict) -> list:
    """The node's command line."""
    if service in SIZED:
        return SIZED[service].command(instance, nodes, node)
    return redis.command(instance, service, node)


def ready(instance, service: str, nodes: list, node: dict, timeout_s: float) -> str | None:
    """None if the node serves clients and has found the others; else what is missing."""
    if service in SIZED:
        return SIZED[service].ready(instance, nodes, node, timeout_s)
    return redis.ready(instance, service, nodes, node, timeout_s)


def settled(instance, service: str, nodes: list, timeout_s: float) -> str | None:
    """None if the service as a whole serves clients; asked when each node is ready."""
    if service == "redis-cluster":
        return redis.settled(instance, nodes, timeout_s)
    return cassandra.settled(instance, nodes, timeout_s) if service == "cassandra" else None


def found(instance, service: str, nodes: list) -> None:
    """What is done once, when all nodes of a new service are ready."""
    if service == "redis-cluster":
        redis.found(instance, nodes)


def one_by_one(service: str) -> bool:
    """Whether a node starts only when the one before it is ready."""
    return service == "cassandra"


def addresses(service: str, nodes: list) -> str:
    """What a client is given after the scheme."""
    return SIZED[service].addresses(nodes) if service in SIZED else redis.addresses(service, nodes)


def ports(nodes: list) -> list:
    """Every (host, port) that the nodes listen on."""
    return [(node["host"], port) for node in nodes for port in node["ports"].values()]


def wipe(instance, service: str) -> None:
    """Forgets what the service keeps outside its nodes' directories."""
    if service == "cassandra":
        cassandra.wipe(instance)
