"""Redis, three ways: one server; a primary and a replica watched by three sentinels; a cluster of six.

It keeps nothing on disk, as in production: whoever restarts it has lost what was live, and Parlor
repairs that.
"""

import subprocess

from . import certificates, install, redis_wire
from .console import Failure

PRIMARY = "parlor"  # the name that the sentinels know the primary by
SERVER, GUARDED, SENTINEL, CLUSTER, BUS = 16379, 16380, 16390, 16400, 16410


def plan(service: str) -> list:
    """The nodes of a topology, before the instance's offset."""
    if service == "redis":
        return [_node(1, "server", SERVER)]
    if service == "redis-sentinel":
        servers = [_node(1, "primary", GUARDED), _node(2, "replica", GUARDED + 1)]
        return servers + [_node(n, "sentinel", SENTINEL + n - 3) for n in (3, 4, 5)]
    nodes = [_node(n, "member", CLUSTER + n - 1) for n in range(1, 7)]
    for node in nodes:
        node["ports"]["bus"] = BUS + node["number"] - 1
    return nodes


def addresses(service: str, nodes: list) -> str:
    """What a client is given after the scheme."""
    wanted = [node for node in nodes if service != "redis-sentinel" or node["kind"] == "sentinel"]
    text = ",".join(f"{node['host']}:{node['ports']['client']}" for node in wanted)
    return f"{text}/{PRIMARY}" if service == "redis-sentinel" else text


def prepare(instance, service: str, nodes: list, node: dict) -> None:
    """Writes the node's configuration. Sentinels and members of a cluster rewrite theirs: it is made once."""
    directory = instance.node_directory(service, node["number"])
    (directory / "data").mkdir(parents=True, exist_ok=True)
    file = directory / "redis.conf"
    if file.exists() and node["kind"] != "server":
        return
    lines = [
        f"bind {node['host']}",
        f"dir {directory / 'data'}",
        'proc-title-template "{title} {config-file} {listen-addr}"',
        "daemonize no",
        "protected-mode no",
    ]
    lines += _door(instance, node) + _part(instance, nodes, node)
    file.write_text("\n".join(lines) + "\n")


def command(instance, service: str, node: dict) -> list:
    """The command line of the node."""
    argv = [install.redis_server(), str(instance.node_directory(service, node["number"]) / "redis.conf")]
    return argv + (["--sentinel"] if node["kind"] == "sentinel" else [])


def connect(instance, node: dict, timeout_s: float) -> redis_wire.Server:
    """A connection to the node, as clients make it."""
    given = {}
    if instance.state()["secure"]:
        given = {
            "ca": certificates.authority(instance),
            "user": "parlor",
            "password": instance.secret("password"),
        }
    return redis_wire.Server(node["host"], node["ports"]["client"], timeout_s, **given)


def ready(instance, service: str, nodes: list, node: dict, timeout_s: float) -> str | None:
    """None if the node answers and has its place in the topology; else what is missing."""
    with connect(instance, node, timeout_s) as server:
        if server.ask("PING") != "PONG":
            return "does not answer PING"
        if node["kind"] == "sentinel":
            facts = dict(_pairs(server.ask("SENTINEL", "MASTER", PRIMARY)))
            others = int(facts["num-other-sentinels"]), int(facts["num-slaves"])
            return None if others == (2, 1) else f"sees {others[0]} other sentinels and {others[1]} replicas"
        facts = server.facts("replication")
    if facts["role"] == "slave" and facts["master_link_status"] != "up":
        return "is not yet a replica of the primary"
    if service == "redis-sentinel":
        chosen = primary(instance, nodes)
        if chosen and (facts["role"] == "master") != (chosen == node["number"]):
            return f"the sentinels' primary is {chosen}"
    return None


def primary(instance, nodes: list) -> int | None:
    """The number of the node that a sentinel calls the primary; None if no sentinel is there to ask."""
    for sentinel in nodes:
        if sentinel["kind"] == "sentinel" and instance.moving("redis-sentinel", sentinel):
            with connect(instance, sentinel, 2) as server:
                _, port = server.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", PRIMARY)
            return next((node["number"] for node in nodes if node["ports"]["client"] == int(port)), None)
    return None


def settled(instance, nodes: list, timeout_s: float) -> str | None:
    """None if every slot is served as each running member sees it, and every replica follows; else what is missing."""
    moving = [node for node in nodes if instance.moving("redis-cluster", node)]
    replicas = 0
    for node in moving:
        with connect(instance, node, timeout_s) as server:
            state = dict(
                line.split(":", 1) for line in server.ask("CLUSTER", "INFO").splitlines() if ":" in line
            )
            facts = server.facts("replication")
        if state["cluster_state"] != "ok" or state["cluster_known_nodes"] != str(len(nodes)):
            return f"node {node['number']}: {state['cluster_state']}, knows {state['cluster_known_nodes']}"
        if facts["role"] == "slave" and facts["master_link_status"] != "up":
            return f"node {node['number']} does not yet follow its primary"
        replicas += facts["role"] == "slave"
    return None if replicas == 3 or len(moving) < len(nodes) else f"{replicas} of 3 replicas"


def found(instance, nodes: list) -> None:
    """Makes a cluster of fresh members: three primaries with a replica each, all slots assigned."""
    with connect(instance, nodes[0], 2) as server:
        if "cluster_slots_assigned:16384" in server.ask("CLUSTER", "INFO"):
            return
    argv = [
        "redis-cli",
        "--cluster",
        "create",
        *(f"{node['host']}:{node['ports']['client']}" for node in nodes),
    ]
    argv += ["--cluster-replicas", "1", "--cluster-yes"]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    if instance.state()["secure"]:
        argv += ["--tls", "--cacert", str(certificates.authority(instance)), "--user", "parlor"]
        environment["REDISCLI_AUTH"] = instance.secret("password")
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Failure(
            f"redis-cluster: redis-cli could not make the cluster:\n{(done.stdout + done.stderr)[-2000:]}"
        )


def _node(number: int, kind: str, port: int) -> dict:
    return {"number": number, "host": "127.0.0.1", "kind": kind, "ports": {"client": port}}


def _door(instance, node: dict) -> list:
    port = node["ports"]["client"]
    if not instance.state()["secure"]:
        return [f"port {port}"]
    secret, certificate = instance.secret("password"), certificates.pem(instance)
    user = f"user parlor on >{secret} ~* &* +@all"
    return [
        "port 0",
        f"tls-port {port}",
        f"tls-cert-file {certificate[0]}",
        f"tls-key-file {certificate[1]}",
        f"tls-ca-cert-file {certificates.authority(instance)}",
        "tls-auth-clients optional",
        "tls-replication yes",
        *(["tls-cluster yes"] if node["kind"] == "member" else []),
        user,
        "user default off",
        *([] if node["kind"] == "sentinel" else ["masteruser parlor", f"masterauth {secret}"]),
    ]


def _part(instance, nodes: list, node: dict) -> list:
    """What the node is in its topology."""
    if node["kind"] == "sentinel":
        primary = nodes[0]
        lines = [f"sentinel monitor {PRIMARY} {primary['host']} {primary['ports']['client']} 2"]
        lines += [
            f"sentinel down-after-milliseconds {PRIMARY} 2000",
            f"sentinel failover-timeout {PRIMARY} 10000",
        ]
        if instance.state()["secure"]:
            secret = instance.secret("password")
            lines += [f"sentinel auth-user {PRIMARY} parlor", f"sentinel auth-pass {PRIMARY} {secret}"]
            lines += ["sentinel sentinel-user parlor", f"sentinel sentinel-pass {secret}"]
        return lines
    lines = [
        'save ""',
        "appendonly no",
        "maxmemory 256mb",
        "maxmemory-policy noeviction",
        "enable-debug-command local",
    ]
    if node["kind"] == "replica":
        lines.append(f"replicaof {nodes[0]['host']} {nodes[0]['ports']['client']}")
    if node["kind"] in ("primary", "replica"):
        lines.append("repl-diskless-sync-delay 0")
    if node["kind"] == "member":
        lines += ["cluster-enabled yes", f"cluster-port {node['ports']['bus']}", "cluster-node-timeout 2000"]
    return lines


def _pairs(flat: list):
    return zip(flat[::2], flat[1::2])
