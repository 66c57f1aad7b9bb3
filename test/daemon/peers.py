"""Devices that misbehave, for the test and the benchmark of what that does to the hub and to others:

peers.py WHAT FOLDER PORT… : storm, crowd, sleeper or strangers, against the hub in FOLDER/hub, until it is stopped."""
import base64
import http.client
import json
import os
import socket
import ssl
import struct
import sys
import time

from proton import Message, SSLDomain
from proton.handlers import MessagingHandler
from proton.reactor import Container

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from killing import connect_packet, packet, read, text, token  # noqa: E402

VERSION = "?api-version=2021-04-12"


class Site:
    """Where the hub is, and an operator's connection to it."""

    def __init__(self, data, ports):
        self.ports, self.ca = ports, os.path.join(data, "tls", "ca.pem")
        self.context = ssl.create_default_context(cafile=self.ca)
        with open(os.path.join(data, "hub.json")) as facts:
            self.facts = json.load(facts)
        owner = self.facts["connection_strings"]["iothubowner"]
        self.headers = {"Authorization": token("localhost", base64.b64decode(owner.split("SharedAccessKey=")[1]),
                                               "iothubowner"),
                        "Content-Type": "application/json"}
        self.https = http.client.HTTPSConnection("localhost", ports["https"], timeout=60, context=self.context)

    def ask(self, method, path, body=None):
        self.https.request(method, path + VERSION, body, self.headers)
        answer = self.https.getresponse()
        return answer.status, answer.read()

    def add(self, names, key=b"k" * 32):
        """Devices with one key; those that are there already get it too."""
        keys = dict.fromkeys(("primaryKey", "secondaryKey"), base64.b64encode(key).decode())
        for i in range(0, len(names), 100):
            entries = [{"id": name, "importMode": "createOrUpdate",
                        "authentication": {"type": "sas", "symmetricKey": keys}}
                       for name in names[i:i + 100]]
            status, body = self.ask("POST", "/devices", json.dumps(entries))
            assert status == 200, body
        return key

    def post(self, device, body):
        return self.ask("POST", f"/devices/{device}/messages/devicebound", body)

    def mqtt(self):
        raw = socket.create_connection(("127.0.0.1", self.ports["mqtts"]), 60)
        s = self.context.wrap_socket(raw, server_hostname="localhost")
        s.settimeout(60)
        return s


def connect_once(site, name, key):
    """Until the hub has let it in."""
    s = site.mqtt()
    s.sendall(connect_packet(name, key))
    answer = read(s, b"", 4)
    assert answer[:4] == b"\x20\x02\x00\x00", answer
    return s


def storm(site, name="storm", times=None, pause=0):
    """One device that connects again and again, without a goodbye."""
    key = site.add([name])
    last = None
    while times is None or times > 0:
        last, old = connect_once(site, name, key), last
        if old:
            old.close()
        time.sleep(pause)
        times = None if times is None else times - 1
    return last


class Stranger:
    """Tries to log in as a device with a key that is not its, each time on a connection of its own, and waits for no
    answer."""

    def __init__(self, site, name, key=b"w" * 32):
        self.site, self.packet, self.tries, self.answers = site, connect_packet(name, key), [], []

    def tries_again(self):
        s = self.site.mqtt()
        s.sendall(self.packet)
        self.tries.append(s)

    def hears(self):
        """The codes with which it was refused."""
        for s in self.tries:
            answer = s.recv(4)
            assert answer[:3] == b"\x20\x02\x00" and s.recv(1) == b"", answer
            self.answers.append(answer[3])
            s.close()
        self.tries = []
        return self.answers


def sleeper(site, name="sleeper", count=50):
    """One whose mailbox is full, who takes what it is given and settles nothing. Gives the socket and how many came."""
    key = site.add([name])
    for i in range(count):
        status, body = site.post(name, f"{i:060000}")
        assert status in (204, 403), body
    s = connect_once(site, name, key)
    s.sendall(packet(0x82, b"\x00\x01" + text(f"devices/{name}/messages/devicebound/#") + b"\x01"))
    inbox, got = b"", 0
    while True:  # a window of them, and what comes before the answer to the ping behind it
        inbox = read(s, inbox, 2)
        length, at, shift = 0, 1, 0
        while True:
            inbox = read(s, inbox, at + 1)
            length |= (inbox[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if not inbox[at - 1] & 0x80:
                break
        inbox = read(s, inbox, at + length)
        if inbox[0] == 0xD0:
            return s, got
        if inbox[0] & 0xF0 == 0x30:
            got += 1
            if got == 16:
                s.sendall(b"\xc0\x00")
        inbox = inbox[at + length:]


class Crowd(MessagingHandler):
    """Many devices on one AMQP connection, a session and two links each; each sends and is sent to."""

    def __init__(self, site, count, stays, ready=lambda: None):
        super().__init__(auto_accept=True)
        self.site, self.names, self.stays, self.ready = site, [f"crowd-{i}" for i in range(count)], stays, ready
        self.key, self.accepted, self.heard, self.proved = site.add(self.names), 0, 0, 0
        self.senders, self.turn = [], 0

    def on_start(self, event):
        domain = SSLDomain(SSLDomain.MODE_CLIENT)
        domain.set_trusted_ca_db(self.site.ca)
        domain.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME)
        self.connection = event.container.connect(f"amqps://localhost:{self.site.ports['amqps']}", ssl_domain=domain,
                                                  allowed_mechs="ANONYMOUS", reconnect=False)
        self.answers = event.container.create_receiver(self.connection, "$cbs")
        self.asks = event.container.create_sender(self.connection, "$cbs")
        self.prove()

    def prove(self):
        name = self.names[self.proved]
        self.asks.send(Message(id=str(self.proved), reply_to="cbs", body=token(f"localhost/devices/{name}", self.key),
                               properties={"operation": "put-token", "type": "servicebus.windows.net:sastoken",
                                           "name": f"localhost/devices/{name}"}))

    def on_message(self, event):
        if event.receiver != self.answers:
            self.heard += 1
            self.look(event)
            return
        assert event.message.properties["status-code"] == 200, event.message
        name = self.names[self.proved]
        session = self.connection.session()
        session.open()
        sender, receiver = session.sender(f"out-{name}"), session.receiver(f"in-{name}")
        sender.target.address = f"/devices/{name}/messages/events"
        receiver.source.address = f"/devices/{name}/messages/devicebound"
        sender.open()
        receiver.open()
        receiver.flow(10)
        sender.send(Message(body=b"here", inferred=True))
        self.senders.append(sender)
        self.proved += 1
        if self.proved < len(self.names):
            self.prove()

    def on_accepted(self, event):
        if event.sender == self.asks:
            return
        self.accepted += 1
        if self.accepted == len(self.names):
            for name in self.names:
                assert self.site.post(name, "hello")[0] == 204
        self.look(event)

    def look(self, event):
        if self.heard == len(self.names) and self.accepted == len(self.names):
            self.ready()
            if not self.stays:
                self.connection.close()
            else:
                event.container.schedule(0.01, self)

    def on_timer_task(self, event):
        """One of them after the other: a hundred messages a second."""
        self.turn = (self.turn + 1) % len(self.senders)
        self.senders[self.turn].send(Message(body=b"still here", inferred=True))
        event.container.schedule(0.01, self)

    def on_transport_error(self, event):
        raise SystemExit(f"the connection was lost: {event.transport.condition}")

    def on_link_error(self, event):
        raise SystemExit(f"a link was refused: {event.link.remote_condition}")


def crowd(site, count=1000, stays=False, ready=lambda: None):
    peers = Crowd(site, count, stays, ready)
    Container(peers).run()
    return peers


def strangers(site, count=400):
    """Of every kind as many, over and over: refused, or left standing until the next kind comes."""
    from abuse import Strangers
    peers = Strangers(site.ports, site.ca)
    while True:
        for kind in Strangers.WITHIN + Strangers.BEYOND:
            for s in peers.many(kind, count):
                s.close()


def main():
    what, folder, mqtts, amqps, https = sys.argv[1:6]
    site = Site(os.path.join(folder, "hub"), {"mqtts": int(mqtts), "amqps": int(amqps), "https": int(https)})
    if what == "storm":
        storm(site, pause=0.1)
    elif what == "strangers":
        strangers(site)
    elif what == "crowd":
        crowd(site, stays=True, ready=lambda: print("ready", flush=True))
    else:
        held = sleeper(site)
        while held:
            connect_once(site, "sleeper", b"k" * 32).close()
            held = sleeper(site, count=0)


if __name__ == "__main__":
    main()
