"""kill9_all.py D2DHUB KILL9_STORE all|trim: SIGKILL at random moments while everything happens at once (D2D_KILLS of
them, 10 to 300): events over MQTT, HTTPS and AMQP, messages to devices with feedback, devices that are created and
deleted, enrollments. With "trim" the log has tiny files and keeps few of them, so that most kills fall into trimming.

What was acknowledged is there in the end and once: each event (with "trim": each from the oldest of its device that is
kept on), each message (completed, or still in the mailbox, in order), each report of what became of one, each change of
the registry."""
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time

from killed import KEY, SEED, Killed, Service, Things, device
from killing import Part, connect_packet, packet, read, text, token
from proton import ConnectionException, Message, ProtonException, SSLDomain
from proton.utils import BlockingConnection

HUB, STORE, WHAT = sys.argv[1:4]
KILLS = int(os.environ.get("D2D_KILLS_OF_ALL", min(300, int(os.environ.get("D2D_KILLS", "10")))))
INIT = {"all": ("--segment-size", "1m"), "trim": ("--segment-size", "256k", "--retention-size", "2m")}[WHAT]
WINDOW, MAIL, LONGEST = 32, 20, 900


class Sender(Part):
    """A device; each event has a number, and is sent once."""

    def __init__(self, name, *rest):
        super().__init__(name, *rest)
        self.number, self.sent, self.acked, self.chance = 0, set(), [], random.Random(f"{SEED} {name}")

    def body(self):
        self.number += 1
        self.sent.add(self.number)
        return self.number, b"p" * self.chance.randrange(LONGEST) + b"<%d" % self.number

    def check(self, stored):
        acked = [n for n in self.acked if WHAT == "all" or (stored and n >= stored[0])]
        lost = set(acked) - set(stored)
        assert not lost, f"{self.name}: acknowledged and lost: {sorted(lost)[:10]}"
        assert set(stored) <= self.sent, f"{self.name}: never sent: {sorted(set(stored) - self.sent)[:10]}"
        assert stored == sorted(set(stored)), f"{self.name}: twice or out of order"


class OverMqtt(Sender):
    def work(self):
        raw = socket.create_connection(("127.0.0.1", self.ports["mqtts"]), 10)
        with self.context.wrap_socket(raw, server_hostname="localhost") as s:
            s.settimeout(10)
            s.sendall(connect_packet(self.name, KEY))
            inbox = read(s, b"", 4)
            assert inbox[:4] == b"\x20\x02\x00\x00", f"{self.name}: {inbox[:4]}"
            inbox, waiting, last = inbox[4:], [], 0
            while self.wanted.is_set():
                while len(waiting) < WINDOW:
                    number, body = self.body()
                    last = last % 65535 + 1
                    waiting.append((last, number))
                    topic = text(f"devices/{self.name}/messages/events/")
                    s.sendall(packet(0x32, topic + struct.pack(">H", last) + body))
                inbox = read(s, inbox, 4)
                expected, number = waiting.pop(0)
                wanted = b"\x40\x02" + struct.pack(">H", expected)
                assert inbox[:4] == wanted, f"{self.name}: {inbox[:4]} for {expected}"
                self.acked.append(number)
                inbox = inbox[4:]


class OverHttps(Sender):
    def work(self):
        headers = {"Authorization": token(f"localhost/devices/{self.name}", KEY)}
        connection = self.https()
        while self.wanted.is_set():
            number, body = self.body()
            answer, said = self.ask(connection, "POST", f"/devices/{self.name}/messages/events", headers, body)
            assert answer.status == 204, f"{self.name}: {answer.status} {said}"
            self.acked.append(number)


class OverAmqp(Sender):
    def work(self):
        try:
            self.talk()
        except (ProtonException, ConnectionException) as gone:
            raise OSError("closed") from gone

    def talk(self):
        domain = SSLDomain(SSLDomain.MODE_CLIENT)
        domain.set_trusted_ca_db(self.ca)
        domain.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME)
        connection = BlockingConnection(f"amqps://localhost:{self.ports['amqps']}", timeout=10, ssl_domain=domain,
                                        user=f"{self.name}@sas.localhost", allowed_mechs="PLAIN",
                                        password=token(f"localhost/devices/{self.name}", KEY), heartbeat=60)
        try:
            sender = connection.create_sender(f"/devices/{self.name}/messages/events")
            while self.wanted.is_set():
                number, body = self.body()
                sender.send(Message(body=body, inferred=True), timeout=10)
                self.acked.append(number)
        finally:
            connection.close()


class Mail(Service):
    """Posts to a device and takes and settles as the device; each message has a number, and is posted once."""

    def __init__(self, name, *rest):
        super().__init__(name, *rest)
        self.number, self.posted, self.done, self.tried = 0, [], set(), set()
        self.sent, self.dropped = set(), set()

    def work(self):
        connection, device = self.https(), {"Authorization": token(f"localhost/devices/{self.name}", KEY)}
        box = f"/devices/{self.name}/messages/devicebound"
        while self.wanted.is_set():
            if len(self.posted) - len(self.done) < MAIL:
                self.number += 1
                self.sent.add(self.number)
                marks = {"iothub-ack": "full", "iothub-messageid": f"{self.name} {self.number}"}
                answer, said = self.ask(connection, "POST", box, self.headers(**marks), str(self.number))
                if answer.status == 403:
                    self.sent.discard(self.number)  # the mailbox is full of what was posted without an answer
                else:
                    assert answer.status == 204, f"{self.name}: posting: {answer.status} {said}"
                    self.posted.append(self.number)
            answer, said = self.ask(connection, "GET", box, device)
            if answer.status == 204:
                continue
            assert answer.status == 200, f"{self.name}: {answer.status} {said}"
            self.settle(connection, box, device, int(said), answer.headers["ETag"].strip('"'))

    def settle(self, connection, box, device, number, lock):
        assert number not in self.done, f"{self.name}: {number} came again after it was completed"
        if self.chance.random() < 0.2:
            answer, said = self.ask(connection, "POST", f"{box}/{lock}/abandon", device)
        else:
            self.tried.add(number)
            answer, said = self.ask(connection, "DELETE", f"{box}/{lock}", device)
            if answer.status == 204:
                self.done.add(number)
        assert answer.status == 204, f"{self.name}: settling {number}: {answer.status} {said}"

    def left(self):
        """What is in the mailbox, when nobody else does anything."""
        connection, device = self.https(), {"Authorization": token(f"localhost/devices/{self.name}", KEY)}
        found = []
        while True:
            answer, said = self.ask(connection, "GET", f"/devices/{self.name}/messages/devicebound", device)
            if answer.status == 204:
                return found
            assert answer.status == 200, f"{self.name}: {answer.status} {said}"
            found.append(int(said))

    def check(self, reports):
        found = self.left()
        lost = set(self.posted) - self.tried - set(found)
        # An abandoned one may have become a dead letter, and was then reported as one.
        lost -= {n for n in lost if (self.name, n) in reports and reports[self.name, n] == "DeliveryCountExceeded"}
        assert not lost, f"{self.name}: accepted and lost: {sorted(lost)[:10]}"
        assert found == sorted(set(found)), f"{self.name}: twice or out of order: {found}"
        assert set(found) <= self.sent, f"{self.name}: never posted: {sorted(set(found) - self.sent)[:10]}"
        again = sorted(set(found) & self.done)
        assert not again, f"{self.name}: completed and still there: {again[:10]}"
        unreported = {n for n in self.done if (self.name, n) not in reports}
        assert not unreported, f"{self.name}: completed and never reported: {sorted(unreported)[:10]}"


class Feedback(Service):
    """Takes what became of the messages; what it confirmed does not come again."""

    def __init__(self, *rest):
        super().__init__("feedback", *rest)
        self.reports, self.confirmed = {}, set()

    def work(self):
        connection = self.https()
        while self.wanted.is_set() or self.draining:
            if not self.once(connection):
                if self.draining:
                    self.draining = False
                    return
                time.sleep(0.02)

    draining = False

    def once(self, connection):
        answer, said = self.ask(connection, "GET", "/messages/servicebound/feedback", self.headers())
        if answer.status == 204:
            return False
        assert answer.status == 200, f"feedback: {answer.status} {said}"
        batch = [(tuple(r["originalMessageId"].split()), r["statusCode"]) for r in json.loads(said)]
        batch = [((name, int(number)), how) for (name, number), how in batch]
        for what, how in batch:
            assert what not in self.confirmed, f"feedback about {what} came again after it was confirmed"
            self.reports[what] = how
        lock = answer.headers["ETag"].strip('"')
        answer, said = self.ask(connection, "DELETE", f"/messages/servicebound/feedback/{lock}", self.headers())
        assert answer.status == 204, f"feedback: {answer.status} {said}"
        self.confirmed.update(what for what, _ in batch)
        return True


def enrollment(name):
    return {"registrationId": name, "attestation": {"type": "symmetricKey"}, "deviceId": f"{name}-of-it"}


class Test(Killed):
    def __init__(self):
        super().__init__(HUB, "--c2d-deliveries", "100", *INIT)
        owner, dps, rest, ca = self.key_of("iothubowner"), self.key_of("provisioningserviceowner"), self.rest, self.ca
        self.senders = [OverMqtt("mqtt-0", *rest), OverMqtt("mqtt-1", *rest), OverHttps("https-0", *rest),
                        OverAmqp("amqp-0", *rest)]
        for part in self.senders:
            part.ca = ca
        self.boxes = [Mail("box-0", owner, *rest), Mail("box-1", owner, *rest)]
        self.feedback = Feedback(owner, *rest)
        self.things = [Things("device", "/devices", device, owner, *rest),
                       Things("enrollment", "/enrollments", enrollment, dps, *rest)]
        self.things[1].headers = lambda **more: {"Authorization": token("localhost", dps, "provisioningserviceowner"),
                                                 "Content-Type": "application/json", **more}
        self.parts = self.senders + self.boxes + [self.feedback] + self.things

    def done(self):
        return sum(len(p.acked) for p in self.senders) + sum(len(p.done) for p in self.boxes)

    def prepare(self):
        self.make_devices([part.name for part in self.senders + self.boxes])

    def verify(self):
        for part in self.parts:
            part.over = part is not self.feedback
            part.wanted.set()
        for part in self.parts:
            if part is not self.feedback:
                part.join(30)
                assert not part.is_alive(), f"{part.name} hangs"
        self.feedback.wanted.clear()
        self.feedback.over = True
        self.feedback.wanted.set()
        self.no_problem()
        self.drain()
        # No lock is left of those who were killed: all that waits can be taken.
        self.kill()
        self.start()
        for box in self.boxes:
            box.check(self.feedback.reports)
        for things in self.things:
            things.check()
        self.kill(signal.SIGTERM)
        self.check_events()

    def drain(self):
        """What became of the last messages: those that were locked by a connection that was killed come after a
        minute."""
        reader = Feedback(self.feedback.key, self.ports, self.feedback.context)
        reader.reports, reader.confirmed = self.feedback.reports, self.feedback.confirmed
        self.feedback.wanted.clear()
        self.feedback.join(30)
        connection, end = reader.https(), time.monotonic() + 90
        missing = [0]
        while missing and time.monotonic() < end:
            if not reader.once(connection):
                time.sleep(0.2)
            missing = [(b.name, n) for b in self.boxes for n in b.done if (b.name, n) not in reader.reports]

    def check_events(self):
        stored = {part.name: [] for part in self.senders}
        lines = subprocess.run([STORE, "events", self.data], check=True, capture_output=True,
                               text=True).stdout.splitlines()
        for line in lines:
            name, number = line.split()
            stored[name].append(int(number))
        for part in self.senders:
            part.check(stored[part.name])
        acked = sum(len(p.acked) for p in self.senders)
        assert WHAT == "all" or len(lines) < acked, "nothing was trimmed: this shows nothing"
        assert acked > KILLS, "hardly anything was acknowledged: this shows nothing"
        print(f"{KILLS} kills ({WHAT}): {acked} events acknowledged, {len(lines)} in the log; "
              f"{sum(len(b.posted) for b in self.boxes)} messages to devices, "
              f"{sum(len(b.done) for b in self.boxes)} completed, {len(self.feedback.reports)} reported; "
              f"{self.things[0].number} devices and {self.things[1].number} enrollments "
              "created: nothing lost, nothing doubled")


Test().live(KILLS)
