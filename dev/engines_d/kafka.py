"""Apache Kafka: KRaft, every node broker and controller."""

import base64
import hashlib
import pathlib
import subprocess

from . import certificates, install, kafka_wire, process, versions
from .console import Failure, tail

CLIENT, CONTROLLER = 19092, 19093
SIZES = (1, 3)


def plan(size: int) -> list:
    """The nodes of a cluster, before the instance's offset."""
    return [
        {"number": n, "host": f"127.0.0.{n}", "ports": {"client": CLIENT, "controller": CONTROLLER}}
        for n in range(1, size + 1)
    ]


def addresses(nodes: list) -> str:
    """What a client is given."""
    return ",".join(f"{node['host']}:{node['ports']['client']}" for node in nodes)


def prepare(instance, nodes: list, node: dict) -> None:
    """Writes the node's configuration and, the first time, formats its storage."""
    directory = instance.node_directory("kafka", node["number"])
    directory.mkdir(parents=True, exist_ok=True)
    settings = _settings(instance, nodes, node)
    (directory / "server.properties").write_text(
        "".join(f"{key}={value}\n" for key, value in settings.items())
    )
    (directory / "log4j2.xml").write_text(LOGGING)
    if not (directory / "data" / "meta.properties").exists():
        _format(instance, directory)


def command(instance, nodes: list, node: dict) -> list:
    """The command line of the node."""
    directory = instance.node_directory("kafka", node["number"])
    heap = "512m" if len(nodes) == 1 else "384m"
    return [
        *_java(directory, heap),
        f"{process.MARK}{directory}",
        "kafka.Kafka",
        str(directory / "server.properties"),
    ]


def ready(instance, nodes: list, node: dict, timeout_s: float) -> str | None:
    """None if the node answers and sees every broker that should be there; else what is missing."""
    given = {}
    if instance.state()["secure"]:
        given = {
            "ca": certificates.authority(instance),
            "user": "parlor",
            "password": instance.secret("password"),
        }
    with kafka_wire.Broker(node["host"], node["ports"]["client"], timeout_s, **given) as broker:
        broker.api_versions()
        seen = broker.brokers()
    expected = sorted(other["number"] for other in nodes if instance.moving("kafka", other))
    return None if set(expected) <= set(seen) else f"sees brokers {seen} of {expected}"


def _settings(instance, nodes: list, node: dict) -> dict:
    state, several = instance.state(), len(nodes) > 1
    directory = instance.node_directory("kafka", node["number"])
    host, ports = node["host"], node["ports"]
    voters = ",".join(f"{other['number']}@{other['host']}:{other['ports']['controller']}" for other in nodes)
    settings = {
        "process.roles": "broker,controller",
        "node.id": node["number"],
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENT",
        "listeners": f"CLIENT://{host}:{ports['client']},CONTROLLER://{host}:{ports['controller']}",
        "advertised.listeners": f"CLIENT://{host}:{ports['client']}",
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": directory / "data",
        # Topics are made by `parlor init`, with the settings they need: never by accident.
        "auto.create.topics.enable": "false",
        "default.replication.factor": 3 if several else 1,
        "min.insync.replicas": 2 if several else 1,
        "offsets.topic.replication.factor": 3 if several else 1,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": 3 if several else 1,
        "transaction.state.log.min.isr": 2 if several else 1,
        "transaction.state.log.num.partitions": 8,
        "share.coordinator.state.topic.replication.factor": 3 if several else 1,
        "share.coordinator.state.topic.min.isr": 2 if several else 1,
        "group.initial.rebalance.delay.ms": 0,
        # A killed broker is noticed soon, so that fault stories are short; Kafka's own default is 9 s.
        "broker.session.timeout.ms": 6000,
        "broker.heartbeat.interval.ms": 1000,
        "log.cleaner.dedupe.buffer.size": 16777216,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "num.recovery.threads.per.data.dir": 2,
    }
    if state["secure"]:
        settings.update(_secured(instance, directory))
    return settings


def _secured(instance, directory: pathlib.Path) -> dict:
    """TLS everywhere; clients and brokers by SCRAM or PLAIN as `parlor`, controllers by certificate."""
    store, secret = certificates.keystore(instance), instance.secret("password")
    trust = certificates.truststore(instance)
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required"
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    who = f'username="parlor" password="{secret}"'
    return {
        "listener.security.protocol.map": "CLIENT:SASL_SSL,CONTROLLER:SSL",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "listener.name.client.scram-sha-512.sasl.jaas.config": f"{scram} {who};",
        "listener.name.client.plain.sasl.jaas.config": f'{plain} {who} user_parlor="{secret}";',
        "listener.name.controller.ssl.client.auth": "required",
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.location": store,
        "ssl.keystore.password": secret,
        "ssl.truststore.type": "PKCS12",
        "ssl.truststore.location": trust,
        "ssl.truststore.password": secret,
    }


def _format(instance, directory: pathlib.Path) -> None:
    name = hashlib.sha256(str(instance.directory).encode()).digest()[:16]  # the same for every node
    # Never begins with a dash: the tool would take it for an option.
    cluster = "P" + base64.urlsafe_b64encode(name).decode()[1:22]
    tool = [*_java(directory, "128m"), "kafka.tools.StorageTool", "format"]
    tool += ["-t", cluster, "-c", str(directory / "server.properties"), "--ignore-formatted"]
    if instance.state()["secure"]:
        tool += ["--add-scram", f"SCRAM-SHA-512=[name=parlor,password={instance.secret('password')}]"]
    with open(directory / "format.log", "wb") as log:
        done = subprocess.run(
            tool, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
        )
    if done.returncode != 0:
        raise Failure(f"kafka: the storage could not be formatted:\n{tail(directory / 'format.log')}")


def _java(directory: pathlib.Path, heap: str) -> list:
    return [
        install.java(),
        f"-Xmx{heap}",
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=20",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={directory / 'log4j2.xml'}",
        f"-Dkafka.logs.dir={directory}",
        "-cp",
        str(install.jars("kafka", versions.KAFKA) / "*"),
    ]


LOGGING = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d %-5p %c{1}: %m%n"/></Console>
  </Appenders>
  <Loggers>
    <Root level="INFO"><AppenderRef ref="out"/></Root>
    <Logger name="org.apache.kafka.common.config" level="WARN"/>
    <Logger name="kafka.server.KafkaConfig" level="WARN"/>
  </Loggers>
</Configuration>
"""
