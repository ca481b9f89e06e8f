"""Just enough of Kafka's protocol to ask a broker whether it is ready."""

import struct

from . import tls

API_VERSIONS, METADATA, SASL_HANDSHAKE, SASL_AUTHENTICATE = 18, 3, 17, 36


class Broker:
    """One connection."""

    def __init__(self, host: str, port: int, timeout_s: float, ca=None, user=None, password=None):
        self.socket = tls.connect(host, port, timeout_s, ca)
        self.sent = 0
        self.who = (user, password)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def log_in(self) -> None:
        """Says who we are, if there is anything to say."""
        user, password = self.who
        if user:
            self._ask(SASL_HANDSHAKE, 1, _string("PLAIN"))
            token = f"\0{user}\0{password}".encode()
            answer = self._ask(SASL_AUTHENTICATE, 0, struct.pack(">i", len(token)) + token)
            if struct.unpack(">h", answer[:2])[0] != 0:
                raise PermissionError("the broker refuses the credentials")

    def api_versions(self) -> int:
        """How many requests the broker understands."""
        answer = self._ask(API_VERSIONS, 0, b"")
        return struct.unpack(">i", answer[2:6])[0]

    def brokers(self) -> list:
        """The ids of the cluster's live brokers; logs in first."""
        self.log_in()
        answer = self._ask(METADATA, 1, struct.pack(">i", 0))
        count, at, ids = struct.unpack(">i", answer[:4])[0], 4, []
        for _ in range(count):
            ids.append(struct.unpack(">i", answer[at : at + 4])[0])
            at += 4
            at += 2 + struct.unpack(">h", answer[at : at + 2])[0] + 4  # host, port
            at += 2 + max(0, struct.unpack(">h", answer[at : at + 2])[0])  # rack
        return sorted(ids)

    def _ask(self, api: int, version: int, body: bytes) -> bytes:
        self.sent += 1
        head = struct.pack(">hhi", api, version, self.sent) + _string("engines")
        self.socket.sendall(struct.pack(">i", len(head + body)) + head + body)
        size = struct.unpack(">i", tls.exactly(self.socket, 4))[0]
        return tls.exactly(self.socket, size)[4:]


def _string(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()
