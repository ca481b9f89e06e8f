"""Just enough of Redis's protocol to ask a server whether it is ready."""

from . import tls


class Server:
    """One connection."""

    def __init__(self, host: str, port: int, timeout_s: float, ca=None, user=None, password=None):
        self.socket = tls.connect(host, port, timeout_s, ca)
        self.reader = self.socket.makefile("rb")
        self.who = (user, password)

    def __enter__(self):
        if self.who[0]:
            self.ask("AUTH", *self.who)
        return self

    def __exit__(self, *_):
        self.reader.close()
        self.socket.close()

    def ask(self, *words):
        """One command and its answer (RESP2); an error is raised."""
        parts = [str(word).encode() for word in words]
        frame = b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self.socket.sendall(frame)
        return self._read()

    def facts(self, section: str) -> dict:
        """A section of INFO."""
        lines = self.ask("INFO", section).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def _read(self):
        line = self.reader.readline()
        if not line:
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:].strip()
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self.reader.read(size + 2)[:-2].decode()
        if kind == b"*":
            return [self._read() for _ in range(int(rest))]
        return rest.decode()
