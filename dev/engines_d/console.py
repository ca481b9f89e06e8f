"""What the person at the terminal sees: one short line per thing done, and errors that say what to do."""

import os
import sys
import threading

_lock = threading.Lock()


class Failure(Exception):
    """Something the caller can act on; its text says how."""


def say(who: str, what: str) -> None:
    """One line of progress, on stderr: stdout belongs to `env` and `logs`."""
    with _lock:
        print(f"{who}: {what}", file=sys.stderr, flush=True)


def tail(path, lines: int = 25) -> str:
    """The last lines of a file, indented; empty if there is none."""
    try:
        with open(path, "rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 65536))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join("    " + line[:240] for line in text.splitlines()[-lines:])
