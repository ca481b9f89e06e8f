"""Apache Cassandra: one node, or three that join one after another."""

import pathlib

from . import certificates, cql_wire, install, process, versions
from .console import Failure

NATIVE, STORAGE = 19042, 19043
DATACENTER = "datacenter1"
SIZES = (1, 3)


def plan(size: int) -> list:
    """The nodes of a cluster, before the instance's offset. Nodes differ by address: drivers expect one port."""
    return [
        {"number": n, "host": f"127.0.0.{n}", "ports": {"native": NATIVE, "storage": STORAGE}}
        for n in range(1, size + 1)
    ]


def addresses(nodes: list) -> str:
    """What a client is given."""
    return ",".join(f"{node['host']}:{node['ports']['native']}" for node in nodes)


def prepare(instance, nodes: list, node: dict) -> None:
    """Writes the node's configuration."""
    directory = instance.node_directory("cassandra", node["number"])
    directory.mkdir(parents=True, exist_ok=True)
    secure = instance.state()["secure"]
    text = SETTINGS.format(
        name=f"parlor-{instance.name}",
        directory=directory,
        host=node["host"],
        native=node["ports"]["native"],
        storage=node["ports"]["storage"],
        seed=f"{nodes[0]['host']}:{nodes[0]['ports']['storage']}",
        authenticator="PasswordAuthenticator" if secure else "AllowAllAuthenticator",
        authorizer="CassandraAuthorizer" if secure else "AllowAllAuthorizer",
    )
    if secure:
        text += SECURED.format(
            store=certificates.keystore(instance),
            trust=certificates.truststore(instance),
            secret=instance.secret("password"),
        )
    (directory / "cassandra.yaml").write_text(text)
    (directory / "cassandra-rackdc.properties").write_text(f"dc={DATACENTER}\nrack=rack{node['number']}\n")
    (directory / "logback.xml").write_text(LOGGING)


def command(instance, nodes: list, node: dict) -> list:
    """The command line of the node."""
    directory = instance.node_directory("cassandra", node["number"])
    jars = install.jars("cassandra", versions.CASSANDRA)
    alone = len(nodes) == 1
    heap = "1g" if alone else "768m"
    settings = {
        "cassandra.config": f"file://{directory}/cassandra.yaml",
        "cassandra-rackdc.properties": f"file://{directory}/cassandra-rackdc.properties",
        "logback.configurationFile": f"file://{directory}/logback.xml",
        "cassandra.storagedir": directory / "data",
        "cassandra.logdir": directory,
        "cassandra-foreground": "yes",
        # What a cluster of strangers waits for, and this one need not.
        "cassandra.skip_wait_for_gossip_to_settle": 0,
        "cassandra.ring_delay_ms": 100 if alone else 2000,
        "cassandra.superuser_setup_delay_ms": 0,
        # Roles are on every node from the start: whoever is left can let people in.
        "cassandra.system_auth.default_rf": len(nodes),
        "jdk.attach.allowAttachSelf": "true",
        "io.netty.tryReflectionSetAccessible": "true",
        "java.awt.headless": "true",
    }
    return [
        install.java(),
        f"-Xms{heap}",
        f"-Xmx{heap}",
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=200",
        "-XX:MaxDirectMemorySize=256m",
        "-XX:+ExitOnOutOfMemoryError",
        f"-javaagent:{next(jars.glob('jamm-*.jar'))}",
        *(f"-D{key}={value}" for key, value in settings.items()),
        *(f"--add-exports={name}=ALL-UNNAMED" for name in EXPORTS),
        *(f"--add-opens={name}=ALL-UNNAMED" for name in OPENS),
        "-cp",
        f"{directory}:{jars}/*",
        f"{process.MARK}{directory}",
        "org.apache.cassandra.service.CassandraDaemon",
    ]


def ready(instance, nodes: list, node: dict, timeout_s: float) -> str | None:
    """None if the node answers, knows its neighbours and reaches them; else what is missing."""
    with _connect(instance, node, timeout_s) as connection:
        connection.options()
    if instance.state()["secure"] and not _role_made(instance).exists():
        return None  # nobody can ask more of it until the cluster is whole: `settled` does
    up = [other for other in nodes if instance.moving("cassandra", other)]
    with _connect(instance, node, timeout_s) as connection:
        peers = len(connection.query("SELECT peer FROM system.peers_v2"))
        if peers + 1 < len(up):
            return f"knows {peers + 1} of {len(up)} nodes"
        if len(up) == len(nodes) > 1:  # every replica of a table with three of them, seen from here
            connection.query("SELECT * FROM system_distributed.view_build_status LIMIT 1", cql_wire.ALL)
    return None


def settled(instance, nodes: list, timeout_s: float) -> str | None:
    """None if the role `parlor` is there, and every running node is ready for it; else what is missing."""
    if not instance.state()["secure"] or _role_made(instance).exists():
        return None
    _make_role(instance, nodes[0], timeout_s)
    problems = (
        ready(instance, nodes, node, timeout_s) for node in nodes if instance.moving("cassandra", node)
    )
    return next((problem for problem in problems if problem), None)


def wipe(instance) -> None:
    """Forgets what outlives a node's directory."""
    _role_made(instance).unlink(missing_ok=True)


def say(instance, statement: str, timeout_s: float = 60) -> None:
    """Does one statement at the first node that answers."""
    problem = f"instance {instance.name} has no cassandra"
    for node in instance.nodes("cassandra"):
        try:
            with _connect(instance, node, timeout_s) as connection:
                connection.query(statement)
                return
        except cql_wire.Refused as refused:
            raise Failure(f"cassandra: {refused}") from None
        except OSError as error:
            problem = f"cassandra {node['number']}: {error}"
    raise Failure(problem)


def _connect(instance, node: dict, timeout_s: float, **who) -> cql_wire.Node:
    given = {}
    if instance.state()["secure"]:
        given = {"user": "parlor", "password": instance.secret("password")} | who
        given["ca"] = certificates.authority(instance)
    return cql_wire.Node(node["host"], node["ports"]["native"], timeout_s, **given)


def _make_role(instance, node: dict, timeout_s: float) -> None:
    """The role `parlor`; then nobody logs in as the default superuser any more. May be begun again anywhere."""
    strip = "ALTER ROLE cassandra WITH LOGIN = false AND SUPERUSER = false"
    try:
        with _connect(instance, node, timeout_s) as connection:
            connection.query(strip)
    except cql_wire.Refused:
        with _connect(instance, node, timeout_s, user="cassandra", password="cassandra") as connection:
            secret = instance.secret("password")
            rights = f"PASSWORD = '{secret}' AND LOGIN = true AND SUPERUSER = true"
            connection.query(f"CREATE ROLE IF NOT EXISTS parlor WITH {rights}")
        with _connect(instance, node, timeout_s) as connection:
            connection.query(strip)
    _role_made(instance).touch()


def _role_made(instance) -> pathlib.Path:
    return instance.directory / "cassandra-role-made"


SETTINGS = """cluster_name: '{name}'
num_tokens: 4
auto_bootstrap: false
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: GossipingPropertyFileSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: '{seed}'
listen_address: {host}
rpc_address: {host}
native_transport_port: {native}
storage_port: {storage}
data_file_directories:
  - {directory}/data/data
commitlog_directory: {directory}/data/commitlog
saved_caches_directory: {directory}/data/saved_caches
hints_directory: {directory}/data/hints
cdc_raw_directory: {directory}/data/cdc_raw
# With "periodic" a node that is killed forgets what it acknowledged since its last sync marker, though
# the bytes are in the file: one node has no other to ask.
commitlog_sync: batch
commitlog_segment_size: 16MiB
commitlog_total_space: 512MiB
memtable_heap_space: 192MiB
memtable_offheap_space: 128MiB
key_cache_size: 16MiB
file_cache_size: 64MiB
concurrent_reads: 32
concurrent_writes: 32
concurrent_compactors: 1
compaction_throughput: 64MiB/s
auto_snapshot: false
incremental_backups: false
disk_failure_policy: stop
commit_failure_policy: stop
authenticator: {authenticator}
authorizer: {authorizer}
role_manager: CassandraRoleManager
native_transport_max_threads: 64
"""

SECURED = """client_encryption_options:
  enabled: true
  optional: false
  keystore: {store}
  keystore_password: {secret}
  store_type: PKCS12
server_encryption_options:
  internode_encryption: all
  require_client_auth: true
  require_endpoint_verification: true
  keystore: {store}
  keystore_password: {secret}
  truststore: {trust}
  truststore_password: {secret}
  store_type: PKCS12
"""

LOGGING = """<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%date %-5level %logger{{0}}: %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
""".replace("{{0}}", "{0}")

# The doors in Java 17 that Cassandra's own list (conf/jvm17-server.options) opens.
EXPORTS = (
    "java.base/jdk.internal.misc",
    "java.base/java.lang.ref",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.unsupported/sun.misc",
)
OPENS = (
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.util",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.management/com.sun.management.internal",
)
