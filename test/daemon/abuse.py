"""What strangers may send over each door without having shown who they are. Each kind opens one connection and leaves
it as costly to the hub as it can: what was begun is not ended, answers are not read."""
import os
import socket
import ssl
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from killing import remaining_length  # noqa: E402

NULL, TRUE, FALSE = b"\x40", b"\x41", b"\x42"


def uint(n):
    return b"\x70" + struct.pack(">I", n)


def text(s):
    return b"\xa1" + bytes([len(s)]) + s.encode()


def listed(*values):
    body = b"".join(values)
    return b"\xd0" + struct.pack(">II", len(body) + 4, len(values)) + body


def mapped(key, value):
    body = b"\xa3" + bytes([len(key)]) + key.encode() + value
    return b"\xd1" + struct.pack(">II", len(body) + 4, 2) + body


def described(code, value):
    return b"\x00\x53" + bytes([code]) + value


def frame(code, *fields, channel=0, payload=b""):
    body = described(code, listed(*fields)) + payload
    return struct.pack(">IBBH", len(body) + 8, 2, 0, channel) + body


OPEN = b"AMQP\x00\x01\x00\x00" + frame(0x10, text("x"), text("localhost"))


def begin(channel=0, window=2048):
    return frame(0x11, NULL, uint(0), uint(window), uint(2048), channel=channel)


def attach(handle, sends, values=0, where="filter"):
    many = listed(*[NULL] * values)
    filters = mapped("f", many) if values and where == "filter" else NULL
    properties = mapped("p", many) if values and where == "properties" else NULL
    source = described(0x28, listed(text("$cbs"), NULL, NULL, NULL, NULL, NULL, NULL, filters))
    return frame(0x12, text(f"l{handle}"), uint(handle), FALSE if sends else TRUE, NULL, NULL, source,
                 described(0x29, listed(text("$cbs"))),
                 NULL, NULL, uint(0), NULL, NULL, NULL, properties)


def transfer(handle, number, payload, more):
    return frame(0x14, uint(handle), uint(number), b"\xa0\x04" + struct.pack(">I", number), uint(0), FALSE,
                 TRUE if more else FALSE, payload=payload)


def forget_failures(context):
    """With OpenSSL 3.5 Python leaves the error of a connection that broke to the next call of the thread, on whatever
    connection; for a new one it is forgotten."""
    context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")


class Strangers:
    def __init__(self, ports, ca, address=None):
        self.ports, self.address = ports, address
        self.context = ssl.create_default_context(cafile=ca)

    def tcp(self, door):
        return socket.create_connection(("127.0.0.1", self.ports[door]), 30,
                                        source_address=(self.address, 0) if self.address else None)

    def tls(self, door, *said):
        s = self.context.wrap_socket(self.tcp(door), server_hostname="localhost")
        for part in said:
            try:
                s.settimeout(1)
                s.sendall(part)
            except TimeoutError:
                pass  # the hub does not read on
        return s

    def half_a_handshake(self):
        s = self.tcp("mqtts")
        s.sendall(b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03" + b"x" * 16000)
        return s

    def mqtt_silent(self):
        return self.tls("mqtts")

    def mqtt_connect(self):
        return self.tls("mqtts", b"\x10" + remaining_length(16000) + b"x" * 15999)

    def http_head(self):
        return self.tls("https", b"GET / HTTP/1.1\r\nHost: h\r\nA: " + b"y" * 16000)

    def http_body(self, length=32 * 1024):
        return self.tls("https",
                        b"PUT /0ne00000000/registrations/r/register?api-version=2021-06-01 HTTP/1.1\r\nHost: h\r\n"
                        b"Content-Length: %d\r\n\r\n" % length + b"z" * (length - 1))

    def http_unread(self):
        return self.tls("https", b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * 8000)

    def websocket(self, protocol, said):
        s = self.tls("https",
                     b"GET /$iothub/websocket HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                     b"Sec-WebSocket-Protocol: " + protocol + b"\r\n\r\n")
        while b"\r\n\r\n" not in s.recv(4096):
            pass
        # a frame of a megabyte, of which this is a part
        s.sendall(b"\x82\xff" + struct.pack(">Q", 1 << 20) + bytes(4) + said)
        return s

    def ws_mqtt(self):
        return self.websocket(b"mqtt", b"\x10" + remaining_length(16000) + b"x" * 15999)

    def ws_amqp(self):
        return self.websocket(b"AMQPWSB10", OPEN + begin() + attach(0, False, 25) + attach(1, True))

    def amqp_silent(self):
        return self.tls("amqps")

    def amqp_header(self):
        return self.tls("amqps", struct.pack(">I", 8192) + b"\x02\x00\x00\x00")

    def amqp_values(self):
        return self.tls("amqps", OPEN + begin() + attach(0, False, 20, "properties") + attach(1, True, 5))

    def amqp_filter(self):
        return self.tls("amqps", OPEN + begin() + attach(0, False, 45))

    def amqp_sessions(self):
        return self.tls("amqps", OPEN + b"".join(begin(c) for c in range(4)))

    def amqp_partial(self):
        s = self.tls("amqps", OPEN + begin() + attach(0, True) + attach(1, True))
        s.recv(4096)
        s.sendall(transfer(0, 0, b"z" * 3000, True) + transfer(1, 1, b"z" * 3000, True))
        return s

    def amqp_unread(self):
        s = self.tls("amqps", OPEN + begin(window=0) + attach(0, True) + attach(1, False))
        s.recv(4096)
        s.sendall(b"".join(transfer(0, i, b"\x00\x53\x77\xa1\x01x", False) for i in range(14)))
        return s

    # What was in the audit: refused by now, and so each may fail on the way.

    def large_filters(self):
        return self.tls("amqps", OPEN + begin(), *(attach(h, False, 4000) for h in range(16)))

    def many_sessions(self):
        return self.tls("amqps", OPEN + b"".join(begin(c) for c in range(1024)))

    def large_requests(self):
        return self.tls("amqps", OPEN + begin() + b"".join(attach(h, True) for h in range(16)),
                        *(transfer(h, h, b"z" * 60000, True) for h in range(16)))

    def large_body(self):
        return self.http_body(1 << 20)

    def large_connect(self):
        return self.tls("mqtts", b"\x10" + remaining_length(65000) + b"x" * 64000)

    WITHIN = ["half_a_handshake", "mqtt_silent", "mqtt_connect", "http_head", "http_body", "http_unread", "ws_mqtt",
              "ws_amqp", "amqp_silent", "amqp_header", "amqp_values", "amqp_filter", "amqp_sessions", "amqp_partial",
              "amqp_unread"]
    BEYOND = ["large_filters", "many_sessions", "large_requests", "large_body", "large_connect"]

    def many(self, kind, count):
        """So many connections, or fewer if the hub refuses them."""
        held = []
        for _ in range(count):
            try:
                held.append(getattr(self, kind)())
            except OSError:
                pass
        return held
