"""One set of engines: its directory, ports, credentials and state file.

`state.json` says what was started where; it is replaced atomically under a lock, so that faults can
be injected into one service while another one starts.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import secrets
import socket
import tempfile

from . import process
from .console import Failure, say

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
STEP, LAST = 1000, 12000  # offsets of instances; the highest port stays below the ephemeral range


def home() -> pathlib.Path:
    """Where instances live."""
    given = os.environ.get("PARLOR_ENGINES_DIR")
    return pathlib.Path(given).absolute() if given else ROOT / "target" / "engines"


def names() -> list:
    """The instances that exist."""
    return sorted(path.parent.name for path in home().glob("*/state.json"))


class Instance:
    """A named instance and its state."""

    def __init__(self, name: str):
        if not name or not name.replace("-", "").replace("_", "").isalnum():
            raise Failure(f"an instance's name is made of letters, digits, - and _, not {name!r}")
        self.name = name
        self.directory = home() / name

    def command(self, what: str) -> str:
        """A command of `dev/engines` for this instance, for messages."""
        return f"`dev/engines {what}{'' if self.name == 'default' else f' --instance {self.name}'}`"

    @property
    def file(self) -> pathlib.Path:
        return self.directory / "state.json"

    def state(self) -> dict:
        """What is written down; an empty state if there is no such instance."""
        try:
            return json.loads(self.file.read_text())
        except FileNotFoundError:
            return {"offset": None, "secure": False, "containers": None, "services": {}}

    @contextlib.contextmanager
    def change(self):
        """The state to change, under the lock; written when the block ends well."""
        with self.lock("state"):
            state = self.state()
            yield state
            fresh = self.file.with_suffix(".new")
            fresh.write_text(json.dumps(state, indent=1) + "\n")
            os.replace(fresh, self.file)

    @contextlib.contextmanager
    def lock(self, what: str):
        """Holds one of the instance's locks; it goes with the process that holds it."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self.directory / f".{what}.lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if what != "state":
                    say("engines", f"waiting for another dev/engines ({what}, instance {self.name})")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @property
    def in_containers(self) -> bool:
        """Whether docker-compose.yml runs this instance."""
        return bool(self.state().get("containers"))

    def node_directory(self, service: str, number: int) -> pathlib.Path:
        """Where a node keeps its configuration, data and log."""
        return self.directory / f"{service}-{number}"

    def nodes(self, service: str) -> list:
        """The service's nodes as they are written down."""
        return self.state()["services"].get(service, {}).get("nodes", [])

    def handle(self, service: str, node: dict) -> tuple:
        """What `process` needs to recognise a node: (pid, start, directory)."""
        return node.get("pid"), node.get("start"), self.node_directory(service, node["number"])

    def running(self, service: str, node: dict) -> bool:
        """Whether the node's process is there (frozen or not)."""
        return process.alive(*self.handle(service, node))

    def frozen(self, service: str, node: dict) -> bool:
        """Whether the node's process is stopped (SIGSTOP)."""
        return self.running(service, node) and process.frozen(node["pid"])

    def moving(self, service: str, node: dict) -> bool:
        """Whether the node's process is there and not frozen."""
        return self.running(service, node) and not process.frozen(node["pid"])

    def record(self, service: str, number: int, pid, start) -> None:
        """Writes a node's process down."""
        with self.change() as state:
            for node in state["services"][service]["nodes"]:
                if node["number"] == number:
                    node["pid"], node["start"] = pid, start

    def secret(self, name: str) -> str:
        """A password of this instance; made once."""
        path = self.directory / name
        if not path.exists():
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(secrets.token_hex(16))
        return path.read_text().strip()


def choose_offset(ports: list, instance: Instance) -> int:
    """The first offset at which none of these (host, port) pairs is in use and no other instance lives.

    What was chosen is written in a ledger of this user's, whatever the checkout: an instance that is only just
    starting does not listen yet. A line of the ledger counts as long as its instance's directory is there.
    """
    with _ledger() as ledger:
        for offset, directory in list(ledger.items()):
            if not pathlib.Path(directory).is_dir() or directory == str(instance.directory):
                del ledger[offset]
        for offset in range(0 if instance.name == "default" else STEP, LAST + 1, STEP):
            if str(offset) not in ledger and not in_use([(host, port + offset) for host, port in ports]):
                ledger[str(offset)] = str(instance.directory)
                return offset
    raise Failure(
        "no free block of ports found: `dev/engines status` lists instances, `down --wipe` ends one"
    )


@contextlib.contextmanager
def _ledger():
    """Who has which offset, to change; written when the block ends well."""
    place = pathlib.Path(tempfile.gettempdir()) / f"parlor-engines-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    with open(place / "offsets.json", "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        ledger = json.loads(file.read() or "{}")
        try:
            yield ledger
        finally:
            file.truncate(0)
            file.write(json.dumps(ledger))
            file.flush()


def in_use(ports: list) -> list:
    """Those (host, port) pairs that somebody listens on."""
    taken = []
    for host, port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                taken.append((host, port))
    return taken
