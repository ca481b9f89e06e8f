#!/usr/bin/env python3
"""The check of `dev/engines` itself, on instances of its own (minutes, and up to 7 GB for the three nodes).

python3 dev/engines_d/selftest.py [NAME…]      ends with `N passed, N failed`
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

DEV = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(DEV))
sys.pycache_prefix = str(DEV.parent / "target" / "engines" / ".pycache")

from engines_d import cql_wire, install, instance, kafka_wire, process, redis_wire  # noqa: E402
from engines_d.console import Failure  # noqa: E402

NAME = f"selftest-{os.getpid()}"
HERE = instance.Instance(NAME)
TABLE = (
    "CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TABLE k.t (a int PRIMARY KEY)",
)


def engines(*words: str, ok: bool = True, name: str = NAME, **environment: str) -> str:
    """Runs a command on the test's instance; its output."""
    native = ["--native"] if words[0] == "up" and not environment else []
    argv = [DEV / "engines", *words, *native, "--instance", name]
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **environment})
    if (done.returncode == 0) != ok:
        raise AssertionError(f"{words}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def node(service: str, number: int = 1) -> dict:
    return next(node for node in HERE.nodes(service) if node["number"] == number)


def until(question, patience_s: float = 30):
    """Waits for a condition; its value."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        try:
            if answer := question():
                return answer
        except (OSError, RuntimeError):
            pass
        time.sleep(0.05)
    raise AssertionError("the condition did not come true")


def cql(**given):
    return cql_wire.Node("127.0.0.1", node("cassandra")["ports"]["native"], 10, **given)


def redis(service: str = "redis", number: int = 1, **given):
    return redis_wire.Server("127.0.0.1", node(service, number)["ports"]["client"], 2, **given)


class OneInstance(unittest.TestCase):
    """Each test has a fresh instance and leaves nothing behind."""

    def tearDown(self):
        engines("down", "--wipe")
        self.assertEqual(process.find(HERE.directory), {}, "processes left behind")
        self.assertFalse(HERE.directory.exists(), "files left behind")


class Lifecycle(OneInstance):
    def test_up_is_idempotent_and_data_outlives_the_processes(self):
        engines("up")
        before = HERE.state()
        said = engines("up")
        self.assertEqual(said.count("already up"), 3, said)
        self.assertEqual(HERE.state(), before)
        with cql() as connection:
            for statement in (*TABLE, "INSERT INTO k.t (a) VALUES (7)"):
                connection.query(statement)
        engines("down")
        self.assertEqual(process.find(HERE.directory), {})
        self.assertNotIn("ready", engines("status"))
        engines("up", "cassandra")
        with cql() as connection:
            self.assertEqual(len(connection.query("SELECT a FROM k.t")), 1)

    def test_env_names_what_runs(self):
        engines("up", "redis")
        said = engines("env")
        port = node("redis")["ports"]["client"]
        self.assertIn(f"export PARLOR__LIVE=redis://127.0.0.1:{port}\n", said)
        self.assertNotIn("PARLOR__LOG=", said)
        key = HERE.directory / "signing_key.pem"
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        self.assertIn("BEGIN PRIVATE KEY", key.read_text())
        self.assertIn("has no kafka", engines("env", "kafka", ok=False))

    def test_two_instances_do_not_meet(self):
        other = f"{NAME}-b"
        engines("up", "redis")
        try:
            engines("up", "redis", name=other)
            ports = {
                node("redis")["ports"]["client"],
                instance.Instance(other).nodes("redis")[0]["ports"]["client"],
            }
            self.assertEqual(len(ports), 2)
        finally:
            engines("down", "--wipe", name=other)

    def test_another_shape_is_refused(self):
        engines("up", "redis")
        self.assertIn("without --secure", engines("up", "redis", "--secure", ok=False))
        self.assertIn("no service 'reddis'", engines("up", "reddis", ok=False))
        engines("kill", "redis", "1")
        self.assertIn("not running", engines("kill", "redis", "1", ok=False))


class Interrupted(OneInstance):
    def begin(self):
        """An `up` of which at least one process is there, and none may be ready."""
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
        running = subprocess.Popen(
            [DEV / "engines", "up", "--native", "--instance", NAME],
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until(lambda: process.find(HERE.directory))
        return running

    def test_ctrl_c_leaves_no_process(self):
        for what in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            running = self.begin()
            time.sleep(0.7)  # anywhere in the middle
            os.killpg(running.pid, what)
            self.assertEqual(running.wait(30), 130)
            self.assertEqual(process.find(HERE.directory), {}, what)

    def test_after_a_killed_up_down_finds_everything(self):
        running = self.begin()
        running.kill()
        running.wait()
        self.assertTrue(process.find(HERE.directory))
        engines("down")
        self.assertEqual(process.find(HERE.directory), {})

    def test_what_cargo_clean_orphans_is_found(self):
        for next_command in ("down", "up"):
            engines("up", "redis")
            shutil.rmtree(HERE.directory)
            engines(*([next_command, "redis"] if next_command == "up" else [next_command]))
            self.assertEqual(len(process.find(HERE.directory)), 1 if next_command == "up" else 0)

    def test_after_a_killed_up_another_up_succeeds(self):
        running = self.begin()
        running.kill()
        running.wait()
        engines("up")
        self.assertEqual(len(process.find(HERE.directory)), 3)


class Faults(OneInstance):
    def test_kill_stop_start_freeze_thaw(self):
        engines("up", "kafka", "redis")
        for service in ("redis", "kafka"):
            for way in ("kill", "stop"):
                before = node(service)["pid"]
                engines(way, service, "1")
                self.assertFalse(HERE.running(service, node(service)))
                engines("start", service, "1")
                self.assertNotEqual(node(service)["pid"], before)
            engines("freeze", service)
            self.assertIn("frozen", engines("status"))
            with self.assertRaises(OSError):
                self.ask(service)
            self.assertIn("thaw", engines("start", service, ok=False))
            engines("thaw", service)
            until(lambda service=service: self.ask(service))

    def ask(self, service: str):
        if service == "redis":
            with redis() as server:
                return server.ask("PING") == "PONG"
        with kafka_wire.Broker("127.0.0.1", node("kafka")["ports"]["client"], 1) as broker:
            return broker.brokers() == [1]

    def test_frozen_nodes_are_stopped_too(self):
        engines("up", "redis")
        engines("freeze", "redis")
        engines("down")
        self.assertEqual(process.find(HERE.directory), {})

    def test_a_recycled_pid_is_not_signalled(self):
        engines("up", "redis")
        engines("kill", "redis")
        stranger = subprocess.Popen(["sleep", "60"])
        try:
            # Even with the right start time: the command line is not a node's.
            HERE.record("redis", 1, stranger.pid, process.started_at(stranger.pid))
            self.assertIn("not running", engines("kill", "redis", ok=False))
            engines("down")
            self.assertIsNone(stranger.poll())
        finally:
            stranger.kill()
            stranger.wait()


class Topologies(OneInstance):
    def test_sentinels_choose_another_primary(self):
        engines("up", "redis-sentinel")
        with redis("redis-sentinel", 1) as server:
            server.ask("SET", "a", "1")
            server.ask("WAIT", "1", "2000")
        engines("kill", "redis-sentinel", "primary")
        with redis("redis-sentinel", 3) as sentinel:
            port = str(node("redis-sentinel", 2)["ports"]["client"])
            until(lambda: sentinel.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "parlor")[1] == port)
        with redis("redis-sentinel", 2) as server:
            until(lambda: server.facts("replication")["role"] == "master")
            self.assertEqual(server.ask("GET", "a"), "1")
        engines("start", "redis-sentinel", "1")
        with redis("redis-sentinel", 1) as server:
            self.assertEqual(server.facts("replication")["role"], "slave")
        self.assertIn("redis+sentinel://", engines("env"))

    def test_a_cluster_has_all_slots_and_survives_a_primary(self):
        engines("up", "redis-cluster")
        with redis("redis-cluster", 2) as server:
            self.assertIn("cluster_slots_ok:16384", server.ask("CLUSTER", "INFO"))
            engines("kill", "redis-cluster", "1")
            until(
                lambda: server.ask("CLUSTER", "NODES").count("master") == 4
            )  # the dead one and three others
            until(lambda: "cluster_state:ok" in server.ask("CLUSTER", "INFO"))
        engines("start", "redis-cluster")
        engines("down")
        engines("up", "redis-cluster")
        self.assertIn("redis+cluster://", engines("env"))


class Secure(OneInstance):
    def test_only_with_tls_and_password(self):
        engines("up", "kafka", "cassandra", "redis", "redis-sentinel", "redis-cluster", "--secure")
        ca, secret = HERE.directory / "tls" / "ca.pem", HERE.secret("password")
        who = {"ca": ca, "user": "parlor", "password": secret}
        with cql(**who) as connection:
            connection.query("SELECT release_version FROM system.local")
        with self.assertRaises((OSError, cql_wire.Refused)), cql() as connection:
            connection.query("SELECT release_version FROM system.local")
        for user, password in (("cassandra", "cassandra"), ("parlor", "wrong")):
            until(lambda who={"ca": ca, "user": user, "password": password}: self.refused(who))
        port = node("kafka")["ports"]["client"]
        with kafka_wire.Broker("127.0.0.1", port, 5, **who) as broker:
            self.assertEqual(broker.brokers(), [1])
        wrong = kafka_wire.Broker("127.0.0.1", port, 5, ca=ca, user="parlor", password="wrong")
        with self.assertRaises(PermissionError), wrong as broker:
            broker.brokers()
        for service, number in (
            ("redis", 1),
            ("redis-sentinel", 2),
            ("redis-sentinel", 4),
            ("redis-cluster", 6),
        ):
            with redis(service, number, **who) as server:
                self.assertEqual(server.ask("PING"), "PONG")
            with self.assertRaises(RuntimeError), redis(service, number, ca=ca) as server:
                server.ask("INFO")
            with self.assertRaises(OSError), redis(service, number) as server:
                server.ask("PING")
        self.assertIn(f"PARLOR__LIVE=rediss://parlor:{secret}@", engines("env"))
        self.assertIn(f"PARLOR__LIVE=rediss+sentinel://parlor:{secret}@", engines("env", "redis-sentinel"))

    def refused(self, who: dict) -> bool:
        """Whether Cassandra turns a user away; what it knows of roles may be two seconds old."""
        try:
            with cql(**who) as connection:
                connection.query("SELECT release_version FROM system.local")
            return False
        except cql_wire.Refused:
            return True


class ThreeNodes(OneInstance):
    def test_any_node_may_be_killed(self):
        engines("up", "kafka", "cassandra", "--nodes", "3")
        self.assertIn("REPLICATION=3", engines("env"))
        with cql() as connection:
            connection.query(TABLE[0].replace("'replication_factor': 1", "'replication_factor': 3"))
            connection.query(TABLE[1])
        for number in (1, 2, 3):
            for service in ("kafka", "cassandra"):
                engines("kill", service, str(number))
            other = node("cassandra", number % 3 + 1)
            with cql_wire.Node(other["host"], other["ports"]["native"], 10) as connection:
                until(lambda at=connection, number=number: self.wrote(at, number))
            engines("start", "kafka", str(number))
            engines("start", "cassandra", str(number))
        with cql() as connection:
            self.assertEqual(len(connection.query("SELECT a FROM k.t", cql_wire.ALL)), 3)

    def wrote(self, connection, number: int) -> bool:
        """A write that needs two of three: refused until the killed node is known to be gone."""
        try:
            connection.query(f"INSERT INTO k.t (a) VALUES ({number})", cql_wire.QUORUM)
            return True
        except cql_wire.Refused:
            return False


class Containers(unittest.TestCase):
    """With a docker that only writes down what it is asked for."""

    def test_the_same_commands_reach_compose(self):
        with tempfile.TemporaryDirectory() as place:
            docker, asked = pathlib.Path(place) / "docker", pathlib.Path(place) / "asked"
            docker.write_text(
                f'#!/bin/sh\necho "$KAFKA_PORT $*" >>{asked}\ncase "$*" in *" ps "*) echo kafka running healthy;; esac\n'
            )
            docker.chmod(0o755)
            path = {"PATH": f"{place}:{os.environ['PATH']}"}
            said = engines("up", "kafka", **path) + engines("status", **path) + engines("env", **path)
            port = str(node("kafka")["ports"]["client"])
            self.assertRegex(said, f"kafka +1 +127.0.0.1:{port} +ready")
            self.assertIn(f"PARLOR__LOG=kafka://127.0.0.1:{port}\n", said)
            engines("freeze", "kafka", **path)
            engines("start", "kafka", **path)
            self.assertIn("no such shape", engines("up", "--nodes", "3", ok=False, **path))
            engines("down", "--wipe", **path)
            lines = asked.read_text().splitlines()
            self.assertTrue(all(line.startswith(f"{port} compose") for line in lines[2:]), lines)
            for words in ("up --detach --wait", "pause kafka", "--no-recreate kafka", "down --volumes"):
                self.assertTrue(any(words in line for line in lines), (words, lines))
        self.assertFalse(HERE.directory.exists())


class Jars(unittest.TestCase):
    def test_a_changed_jar_is_refused(self):
        with tempfile.TemporaryDirectory() as place:
            jar = pathlib.Path(place) / "a.jar"
            jar.write_bytes(b"good")
            good = {"a.jar": install._sha256(jar)}
            install.verify("kafka", pathlib.Path(place), good)
            jar.write_bytes(b"bad")
            with self.assertRaisesRegex(Failure, "changed: ..a.jar"):
                install.verify("kafka", pathlib.Path(place), good)
            with self.assertRaisesRegex(Failure, "unknown: ..a.jar"):
                install.verify("kafka", pathlib.Path(place), {})


def main() -> int:
    result = unittest.main(exit=False, verbosity=2, argv=[sys.argv[0], *sys.argv[1:]]).result
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
