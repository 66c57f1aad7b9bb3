"""What the tests that kill the hub share: starting it, tokens, MQTT packets."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import socket
import struct
import subprocess
import threading
import time
import urllib.parse

VERSION = "?api-version=2021-04-12"


def remaining_length(n):
    out = b""
    while True:
        out += bytes([n % 128 | (0x80 if n >= 128 else 0)])
        n //= 128
        if not n:
            return out


def text(s):
    return struct.pack(">H", len(s)) + s.encode()


def packet(first, body):
    return bytes([first]) + remaining_length(len(body)) + body


def token(resource, key, policy=None, life=3600):
    expiry = int(time.time()) + life
    scope = urllib.parse.quote(resource, safe="")
    signature = hmac.new(key, f"{scope}\n{expiry}".encode(), hashlib.sha256).digest()
    named = f"&skn={policy}" if policy else ""
    signed = urllib.parse.quote(base64.b64encode(signature), safe="")
    return f"SharedAccessSignature sr={scope}&sig={signed}&se={expiry}{named}"


def connect_packet(name, key, clean=True):
    user = f"localhost/{name}/?api-version=2021-04-12"
    flags = b"\xc2" if clean else b"\xc0"
    return packet(0x10, text("MQTT") + b"\x04" + flags + b"\x00\xf0" + text(name) + text(user) +
                  text(token(f"localhost/devices/{name}", key)))


def read(s, have, least):
    """More from a socket, until there are so many bytes."""
    while len(have) < least:
        more = s.recv(65536)
        if not more:
            raise OSError("closed")
        have += more
    return have


class Mqtt:
    """A connection of a device, packet by packet."""

    def __init__(self, name, ports, context, key):
        raw = socket.create_connection(("127.0.0.1", ports["mqtts"]), 10)
        self.s, self.inbox = context.wrap_socket(raw, server_hostname="localhost"), b""
        self.s.settimeout(10)
        self.s.sendall(connect_packet(name, key))
        assert self.next() == (0x20, b"\x00\x00"), f"{name}: refused"

    def next(self):
        self.inbox = read(self.s, self.inbox, 2)
        n = at = 0
        while True:
            self.inbox = read(self.s, self.inbox, at + 2)
            n |= (self.inbox[at + 1] & 127) << 7 * at
            at += 1
            if self.inbox[at] < 128:
                break
        self.inbox = read(self.s, self.inbox, at + 1 + n)
        first, body, self.inbox = self.inbox[0], self.inbox[at + 1:at + 1 + n], self.inbox[at + 1 + n:]
        return first, body

    def subscribe(self, *filters):
        self.s.sendall(packet(0x82, b"\0\1" + b"".join(text(f) + b"\0" for f in filters)))
        assert self.next()[0] == 0x90

    def publication(self):
        first, body = self.next()
        assert first == 0x30, first
        length = struct.unpack(">H", body[:2])[0]
        return body[2:2 + length].decode(), body[2 + length:]

    def publish(self, topic, body=b""):
        self.s.sendall(packet(0x30, text(topic) + body))


def start(hub, data):
    """The process, and its ports by protocol."""
    process = subprocess.Popen([hub, "run", "--data", data, "-o", "json", "--listen", "127.0.0.1", "--mqtts-port", "0",
                                "--amqps-port", "0", "--https-port", "0"], stdout=subprocess.PIPE, text=True,
                               stderr=open(os.path.join(data, "stderr"), "a"))
    ports = {}
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "ready":
            return process, ports
        ports[event["protocol"]] = event["port"]
    raise SystemExit("the hub did not start:\n" + open(os.path.join(data, "stderr")).read())


class Part(threading.Thread):
    """Does its work over one connection after another, as long as there is a hub."""

    def __init__(self, name, ports, context):
        super().__init__(daemon=True)
        self.name, self.ports, self.context = name, ports, context
        self.wanted, self.over, self.problem = threading.Event(), False, None

    def run(self):
        while True:
            self.wanted.wait()
            if self.over or self.problem:
                return
            try:
                self.work()
            except (OSError, http.client.HTTPException):
                time.sleep(0.005)
            except AssertionError as wrong:
                self.problem = str(wrong)

    def https(self):
        return http.client.HTTPSConnection("localhost", self.ports["https"], timeout=10, context=self.context)

    @staticmethod
    def ask(connection, method, path, headers, body=None):
        connection.request(method, path + VERSION, body, headers)
        answer = connection.getresponse()
        return answer, answer.read()
