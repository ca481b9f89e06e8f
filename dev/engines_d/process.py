"""Processes of our own: started detached, recognised again, stopped.

A process is ours if it started when we wrote down that it did *and* its command line carries the
node's directory in the place where we put it. So a recycled pid is never signalled, nor an editor
that happens to have a node's file open.
"""

import os
import pathlib
import signal
import subprocess
import time

MARK = "-Dparlor.node="
LOG_BYTES = 33554432  # a longer log is put aside when its node starts again


def spawn(argv: list, directory: pathlib.Path, environment: dict | None = None) -> tuple:
    """Starts a process that outlives its caller; its output goes to `engine.log`. Gives pid and start time."""
    log_file = directory / "engine.log"
    if log_file.exists() and log_file.stat().st_size > LOG_BYTES:
        log_file.replace(directory / "engine.log.1")
    with open(log_file, "ab") as log:
        child = subprocess.Popen(
            argv,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
    child.returncode = 0  # it is not waited for: nothing to warn about
    start, until = started_at(child.pid), time.monotonic() + 5
    # The kernel shows the new command line only a moment after the old program is gone.
    while started_at(child.pid) == start and not marked(child.pid, directory) and time.monotonic() < until:
        time.sleep(0.001)
    return child.pid, start


def started_at(pid: int) -> int:
    """The process's start in the kernel's ticks since boot; 0 if it is gone or a zombie."""
    fields = _stat(pid)
    return 0 if fields[0] in ("Z", "X") else int(fields[19])


def frozen(pid: int) -> bool:
    """Whether the process is stopped (SIGSTOP)."""
    return _stat(pid)[0] in ("T", "t")


def _stat(pid: int) -> list:
    """What the kernel tells of a process, from its state on; a dead one's if there is none."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ["X"] + ["0"] * 20
    return stat[stat.rindex(")") + 2 :].split()


def marked(pid, directory: pathlib.Path) -> bool:
    """Whether the process's command line says that it is the node of this directory."""
    return _node_of(pid) == str(directory)


def alive(pid, start, directory: pathlib.Path) -> bool:
    """Whether this is still the process that was started."""
    return bool(pid) and started_at(pid) == start and marked(pid, directory)


def find(below: pathlib.Path) -> dict:
    """Every process of a node below a directory, whether or not it was written down: pid → its node's directory."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            node = _node_of(entry)
            if node and pathlib.Path(node).is_relative_to(below):
                found[int(entry)] = pathlib.Path(node)
    return found


def send(pid: int, start: int, directory: pathlib.Path, what: int) -> bool:
    """Signals the process if it is still the one that was started."""
    if not alive(pid, start, directory):
        return False
    try:
        # A handle first, then another look: between them the pid cannot change hands.
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not alive(pid, start, directory):
            return False
        signal.pidfd_send_signal(handle, what)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)


def stop(victims: list, patience_s: float) -> list:
    """Ends processes [(pid, start, directory)]: SIGTERM, and SIGKILL for those that stay. Gives those killed."""
    left = [victim for victim in victims if alive(*victim)]
    if patience_s > 0:
        for victim in left:
            send(*victim, signal.SIGTERM)
            send(*victim, signal.SIGCONT)  # a frozen one hears it only then
        left = _wait_gone(left, patience_s)
    for victim in left:
        send(*victim, signal.SIGKILL)
    stuck = _wait_gone(left, 10)
    if stuck:
        raise RuntimeError(f"these processes do not end: {[victim[0] for victim in stuck]}")
    return left


def _wait_gone(victims: list, patience_s: float) -> list:
    until = time.monotonic() + patience_s
    while victims and time.monotonic() < until:
        victims = [victim for victim in victims if not _gone(*victim[:2])]
        if victims:
            time.sleep(0.02)
    return victims


def _gone(pid: int, start: int) -> bool:
    """Whether the process has ended with all its threads: only then its ports and files are free."""
    if started_at(pid) == start:  # its command line goes first, so that is not looked at here
        return False
    try:
        return len(os.listdir(f"/proc/{pid}/task")) <= 1 or _stat(pid)[19] != str(start)
    except OSError:
        return True


def _node_of(pid) -> str | None:
    try:
        raw = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return None
    words = (
        raw.rstrip(b"\0").decode(errors="replace").replace("\0", " ").split(" ")
        if b"redis-s" in raw
        else None
    )
    if words and os.path.basename(words[0]).rstrip(":") in ("redis-server", "redis-sentinel"):
        conf = next((word for word in words[1:] if word.endswith("/redis.conf")), "")
        return os.path.dirname(conf) or None
    for argument in raw.decode(errors="replace").split("\0"):
        if argument.startswith(MARK):
            return argument[len(MARK) :]
    return None
