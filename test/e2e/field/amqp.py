"""AMQP 1.0 by hand: a connection with one session, as far as small programs speak it."""
import ssl
import struct
import time

from amqp_types import Described, Symbol, UInt, UShort, decode, encode
from hub import AMQPS, ENTITY, FACTS, HOST, PARTITIONS, PATIENCE, members, some, tls

OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE = range(0x10, 0x19)
ACCEPTED = 0x24


class Refused(Exception):
    pass


class Message:
    """The sections of one that came."""

    def __init__(self, transfer, raw):
        self.delivery, self.data, self.value = transfer.at(1), b"", None
        self.annotations, self.properties, self.app = {}, [], {}
        i = 0
        while i < len(raw):
            section, i = decode(raw, i)
            if section.code == 0x75:
                self.data += section.value
            else:
                name = {0x72: "annotations", 0x73: "properties", 0x74: "app", 0x77: "value"}.get(section.code)
                if name:
                    setattr(self, name, section.value)

    def property(self, i):
        return self.properties[i] if i < len(self.properties) else None


class Amqp:
    def __init__(self, user=None, password=None, mechanism=None):
        self.sock, self.inbox, self.links, self.sent, self.heard = tls(AMQPS), b"", 0, 0, 0
        self.messages, self.detached, self.part = [], {}, b""
        self.cbs = None
        if user or mechanism:
            self._login(user, password, mechanism or "PLAIN")
        self.sock.sendall(b"AMQP\0\1\0\0")
        self._header()
        self._put(Described(OPEN, ["field-" + some(), HOST, UInt(65536), UShort(255)]))
        self._until(OPEN)
        self._put(Described(BEGIN, [None, UInt(0), UInt(5000), UInt(5000), UInt(255)]))
        self._until(BEGIN)

    def _login(self, user, password, mechanism):
        self.sock.sendall(b"AMQP\3\1\0\0")
        self._header()
        self._frame(PATIENCE)
        response = f"\0{user}\0{password}".encode() if mechanism == "PLAIN" else b"x"
        self._put(Described(0x41, [Symbol(mechanism), response, HOST]), kind=1)
        outcome = self._frame(PATIENCE)
        if not outcome or outcome[0].code != 0x44 or outcome[0].at(0) != 0:
            raise Refused(f"SASL outcome {outcome and outcome[0].at(0)}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._put(Described(CLOSE, []))
        except OSError:
            pass
        self.sock.close()

    def _header(self):
        while len(self.inbox) < 8:
            self._more(PATIENCE)
        self.inbox = self.inbox[8:]

    def _more(self, seconds):
        self.sock.settimeout(max(seconds, 0.01))
        data = self.sock.recv(65536)
        if not data:
            raise Refused(CLOSE)
        self.inbox += data

    def _put(self, performative, kind=0, payload=b""):
        body = encode(performative) + payload
        self.sock.sendall(struct.pack(">IBBH", len(body) + 8, 2, kind, 0) + body)

    def _frame(self, seconds):
        """A performative and what is behind it; None when nothing came."""
        end = time.monotonic() + seconds
        while True:
            n = int.from_bytes(self.inbox[:4], "big")
            if len(self.inbox) >= max(n, 4):
                body, self.inbox = self.inbox[4 * self.inbox[4] : n], self.inbox[n:]
                if body:
                    performative, i = decode(body)
                    return performative, body[i:]
            elif (left := end - time.monotonic()) <= 0:
                return None
            else:
                try:
                    self._more(left)
                except (TimeoutError, ssl.SSLWantReadError):
                    return None

    def _until(self, code, seconds=PATIENCE, meant=lambda p: True):
        """The next performative of this kind, or None. What comes before it is taken note of."""
        end = time.monotonic() + seconds
        while got := self._frame(max(end - time.monotonic(), 0)):
            p, payload = got
            if p.code == TRANSFER:
                self._transferred(p, payload)
            elif p.code == DETACH:
                self.detached[p.at(0)] = p.at(2).value if p.at(2) else []
            elif p.code in (END, CLOSE):
                raise Refused(p.at(0).value if p.at(0) else p.code)
            if p.code == code and meant(p):
                return p
        return None

    def _transferred(self, p, payload):
        self.heard += 1
        self.part += payload
        if p.at(5):
            return
        first = p if p.at(1) is not None else Described(TRANSFER, [p.at(0), 0])
        self.messages.append(Message(first, self.part))
        self.part = b""

    def attach(self, address, receives=False, selector=None, credit=0):
        """The handle; Refused, with the error, when it is detached."""
        handle, name = self.links, "link-" + some()
        self.links += 1
        key = Symbol("apache.org:selector-filter:string")
        filters = {key: Described(key, selector)} if selector else None
        there = Described(0x28 if receives else 0x29, [address, *[None] * 6, filters] if receives else [address])
        here = Described(0x29 if receives else 0x28, ["here"])
        source, target = (there, here) if receives else (here, there)
        begins = None if receives else UInt(0)
        self._put(Described(ATTACH, [name, UInt(handle), receives, None, None, source, target, None, None, begins]))
        answer = self._until(ATTACH, meant=lambda p: p.at(0) == name)
        if answer is None:
            raise Refused("no attach")
        if answer.at(5 if receives else 6) is None:
            self._until(DETACH, meant=lambda p: p.at(0) == handle)
            raise Refused(self.detached.get(handle, "no detach"))
        if receives:
            self._put(
                Described(
                    FLOW,
                    [UInt(self.heard), UInt(5000), UInt(self.sent), UInt(5000), UInt(handle), UInt(0), UInt(credit)],
                )
            )
        else:
            self._until(FLOW)
        return handle

    def send(self, handle, body=b"", app=None, properties=None, value=None):
        """The code of the outcome."""
        payload = encode(Described(0x73, properties)) if properties else b""
        payload += encode(Described(0x74, app)) if app else b""
        payload += encode(Described(0x77, value)) if value is not None else encode(Described(0x75, body))
        delivery = self.sent
        self.sent += 1
        tag = struct.pack(">I", delivery)
        self._put(Described(TRANSFER, [UInt(handle), UInt(delivery), tag, UInt(0), False]), payload=payload)
        settled = self._until(DISPOSITION, meant=lambda p: p.at(0) and p.at(1) <= delivery <= (p.at(2) or p.at(1)))
        if settled is None:
            raise Refused(self.detached)
        return settled.at(4).code

    def get(self, seconds=PATIENCE):
        """The next message, or None."""
        if not self.messages:
            self._until(TRANSFER, seconds, meant=lambda p: not p.at(5))
        return self.messages.pop(0) if self.messages else None

    def accept(self, message):
        self._put(Described(DISPOSITION, [True, UInt(message.delivery), None, True, Described(ACCEPTED, [])]))

    def put_token(self, name, token, kind="servicebus.windows.net:sastoken"):
        """The status of the answer."""
        if self.cbs is None:
            self.cbs = self.attach("$cbs")
            self.attach("$cbs", receives=True, credit=50)
        self.send(
            self.cbs,
            value=token,
            app={"operation": "put-token", "type": kind, "name": name},
            properties=["m1", None, "$cbs", None, "cbs"],
        )
        answer = self.get()
        return answer.app.get("status-code") if answer else None


def partition_of(number, group="$Default"):
    return f"{ENTITY}/ConsumerGroups/{group}/Partitions/{number}"


def reader():
    """With the login of an event hub's connection string."""
    login = members(FACTS["event_hub_connection_string"])
    return Amqp(login["SharedAccessKeyName"], login["SharedAccessKey"])


class Events:
    """Reads all partitions from now on."""

    def __init__(self):
        self.amqp, self.all = reader(), []
        since = int(time.time() * 1000) - 2000
        for number in range(PARTITIONS):
            self.amqp.attach(partition_of(number), True, f"amqp.annotation.x-opt-enqueued-time > '{since}'", 500)

    def of(self, device, n, seconds=PATIENCE):
        """The events of the device, when there are n, or what there is by then."""
        end = time.monotonic() + seconds
        while True:
            mine = [m for m in self.all if m.annotations.get("iothub-connection-device-id") == device.id]
            if len(mine) >= n or time.monotonic() > end:
                return mine
            if m := self.amqp.get(max(end - time.monotonic(), 0.01)):
                self.all.append(m)
