"""A connection to an engine, with TLS where it asks for it, and what comes over it."""

import socket


def connect(host: str, port: int, timeout_s: float, ca=None):
    """A socket; with `ca`, one whose server has shown a certificate for this host from that authority."""
    plain = socket.create_connection((host, port), timeout=timeout_s)
    if not ca:
        return plain
    import ssl  # slow to load, seldom needed

    try:
        return ssl.create_default_context(cafile=str(ca)).wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def exactly(connection, size: int) -> bytes:
    """So many bytes; an error if the other side ends before."""
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("the node closed the connection")
        data += part
    return data
