"""MQTT 3.1.1 by hand, as far as small programs speak it."""
import os
import ssl
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "crash"))
from hub import MQTTS, PATIENCE, tls  # noqa: E402
from killing import packet  # noqa: E402

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 2, 3, 4, 9, 13
CLOSED = "closed"


def text(s):
    s = s.encode() if isinstance(s, str) else s
    return struct.pack(">H", len(s)) + s


def connect_packet(client_id, user, password=None, level=4, clean=True):
    flags = (2 if clean else 0) | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    body = text(client_id) + b"".join(text(s) for s in (user, password) if s is not None)
    return packet(0x10, text("MQTT") + bytes([level, flags]) + struct.pack(">H", 60) + body)


class Mqtt:
    def __init__(self, sock=None):
        self.sock, self.inbox, self.passed_over = sock or tls(MQTTS), b"", []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, first, body=b""):
        self.sock.sendall(packet(first, body))

    def _take(self):
        n, shift, at = 0, 0, 1
        while True:
            if len(self.inbox) <= at:
                return None
            byte = self.inbox[at]
            n, shift, at = n | (byte & 127) << shift, shift + 7, at + 1
            if not byte & 128:
                break
        if len(self.inbox) < at + n:
            return None
        got, self.inbox = (self.inbox[0], self.inbox[at : at + n]), self.inbox[at + n :]
        return got

    def next(self, seconds=PATIENCE):
        """The first byte and the rest of a packet; None when nothing came; CLOSED."""
        end = time.monotonic() + seconds
        while not (got := self._take()):
            if (left := end - time.monotonic()) <= 0:
                return None
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(65536)
            except (TimeoutError, ssl.SSLWantReadError):
                return None
            except OSError:
                return CLOSED
            if not data:
                return CLOSED
            self.inbox += data
        return got

    def want(self, kind, seconds=PATIENCE):
        """The next packet of this kind; messages that come before it are kept."""
        end = time.monotonic() + seconds
        while isinstance(got := self.next(max(end - time.monotonic(), 0)), tuple) and got[0] >> 4 != kind:
            self.passed_over.append(got)
        return got

    def connect(self, client_id, user, password=None, **how):
        """The code of CONNACK."""
        self.sock.sendall(connect_packet(client_id, user, password, **how))
        got = self.next()
        return got[1][1] if isinstance(got, tuple) and got[0] >> 4 == CONNACK else got

    def publish(self, topic, body=b"x", qos=1, packet_id=7, retain=False):
        body = body.encode() if isinstance(body, str) else body
        self.send(0x30 | qos << 1 | retain, text(topic) + (struct.pack(">H", packet_id) if qos else b"") + body)

    def published(self, *what, **how):
        """True when it was acknowledged."""
        self.publish(*what, **how)
        return isinstance(self.want(PUBACK), tuple)

    def subscribe(self, topic):
        self.send(0x82, struct.pack(">H", 9) + text(topic) + b"\x01")
        return isinstance(self.want(SUBACK), tuple)

    def message(self, seconds=PATIENCE):
        """Topic and body of the next message, which is acknowledged; or None, or CLOSED."""
        kept = [i for i, got in enumerate(self.passed_over) if got[0] >> 4 == PUBLISH]
        got = self.passed_over.pop(kept[0]) if kept else self.want(PUBLISH, seconds)
        if not isinstance(got, tuple):
            return got
        n = struct.unpack(">H", got[1][:2])[0]
        topic, rest = got[1][2 : 2 + n].decode(), got[1][2 + n :]
        if got[0] >> 1 & 3:
            self.send(0x40, rest[:2])
            rest = rest[2:]
        return topic, rest


def connected(device):
    m = Mqtt()
    if (code := m.connect(device.id, device.user, device.sas())) != 0:
        raise SystemExit(f"{device.id} was not let in: {code}")
    return m


def code_of(client_id, user, password, **how):
    """What a CONNECT on a connection of its own is answered."""
    with Mqtt() as m:
        return m.connect(client_id, user, password, **how)
