"""Just enough of Cassandra's protocol (v4) to ask a node whether it is ready, and to make a role."""

import struct

from . import tls

OPTIONS, STARTUP, QUERY, AUTH_RESPONSE = 0x05, 0x01, 0x07, 0x0F
ERROR, READY, AUTHENTICATE, SUPPORTED, RESULT, AUTH_SUCCESS = 0x00, 0x02, 0x03, 0x06, 0x08, 0x10
ONE, QUORUM, ALL = 0x0001, 0x0004, 0x0005


class Refused(Exception):
    """The node answered with an error."""


class Node:
    """One connection; it says STARTUP (and who we are) only when a query needs it."""

    def __init__(self, host: str, port: int, timeout_s: float, ca=None, user=None, password=None):
        self.socket = tls.connect(host, port, timeout_s, ca)
        self.who, self.started = (user, password), False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def options(self) -> None:
        """Asks what the node supports: it answers before anybody has logged in."""
        self._ask(OPTIONS, b"", SUPPORTED)

    def query(self, text: str, consistency: int = ONE) -> list:
        """The rows of a statement, as raw cells."""
        if not self.started:
            self._start()
        body = struct.pack(">i", len(text.encode())) + text.encode() + struct.pack(">HB", consistency, 0)
        return _rows(self._ask(QUERY, body, RESULT)[1])

    def _start(self) -> None:
        pairs = struct.pack(">H", 1) + _string("CQL_VERSION") + _string("3.0.0")
        kind, _ = self._ask(STARTUP, pairs, READY, AUTHENTICATE)
        if kind == AUTHENTICATE:
            token = f"\0{self.who[0]}\0{self.who[1]}".encode()
            self._ask(AUTH_RESPONSE, struct.pack(">i", len(token)) + token, AUTH_SUCCESS)
        self.started = True

    def _ask(self, opcode: int, body: bytes, *expected: int) -> tuple:
        self.socket.sendall(struct.pack(">BBhBi", 4, 0, 0, opcode, len(body)) + body)
        _, _, _, kind, size = struct.unpack(">BBhBi", tls.exactly(self.socket, 9))
        answer = tls.exactly(self.socket, size)
        if kind == ERROR:
            length = struct.unpack(">H", answer[4:6])[0]
            raise Refused(answer[6 : 6 + length].decode(errors="replace"))
        if kind not in expected:
            raise Refused(f"unexpected answer {kind}")
        return kind, answer


def _rows(answer: bytes) -> list:
    if struct.unpack(">i", answer[:4])[0] != 2:  # not "rows"
        return []
    flags, columns = struct.unpack(">ii", answer[4:12])
    at = 12
    if flags & 2:  # more pages: their state
        at += 4 + struct.unpack(">i", answer[at : at + 4])[0]
    if not flags & 4:
        at = _skip_strings(answer, at, 2) if flags & 1 else at
        for _ in range(columns):
            at = _skip_strings(answer, at, 1 if flags & 1 else 3)
            at = _skip_type(answer, at)
    count = struct.unpack(">i", answer[at : at + 4])[0]
    at, rows = at + 4, []
    for _ in range(count):
        row = []
        for _ in range(columns):
            size = struct.unpack(">i", answer[at : at + 4])[0]
            row.append(answer[at + 4 : at + 4 + size] if size >= 0 else None)
            at += 4 + max(0, size)
        rows.append(row)
    return rows


def _skip_strings(answer: bytes, at: int, how_many: int) -> int:
    for _ in range(how_many):
        at += 2 + struct.unpack(">H", answer[at : at + 2])[0]
    return at


def _skip_type(answer: bytes, at: int) -> int:
    kind = struct.unpack(">H", answer[at : at + 2])[0]
    at += 2
    if kind == 0x0000:  # custom: its class
        return _skip_strings(answer, at, 1)
    for _ in range({0x20: 1, 0x22: 1, 0x21: 2}.get(kind, 0)):  # list, set, map
        at = _skip_type(answer, at)
    return at


def _string(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()
