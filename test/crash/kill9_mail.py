"""kill9_mail.py D2DHUB KILL9_STORE: SIGKILL at random moments between services that post, and devices that take and
settle (D2D_KILLS of them, 25). Half of the devices come over HTTPS, half over MQTT with a session that is kept.

What a post was acknowledged for must reach its device, in order, and nothing may come again after its completion was
confirmed: over HTTPS by 204, over MQTT by the PINGRESP behind the PUBACK, for answers leave in order and wait for the
disk."""
import base64
import json
import os
import random
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time

from killing import Part, connect_packet, packet, read, start, text, token

HUB, STORE = sys.argv[1:3]
KILLS = int(os.environ.get("D2D_KILLS", "25"))
SEED = int(os.environ.get("D2D_SEED", str(random.randrange(1 << 32))))


class Poster(Part):
    """Each number is posted once; what was not acknowledged is given up."""

    def __init__(self, device, key, *rest):
        super().__init__(f"poster of {device}", *rest)
        self.device, self.key, self.number, self.sent, self.acked = device, key, 0, set(), set()

    def work(self):
        headers = {"Authorization": token("localhost", self.key, "service")}
        connection = self.https()
        while self.wanted.is_set() and not self.over:
            self.number += 1
            self.sent.add(self.number)
            answer, body = self.ask(connection, "POST", f"/devices/{self.device}/messages/devicebound", headers,
                                    str(self.number))
            if answer.status == 204:
                self.acked.add(self.number)
            else:
                assert answer.status == 403, f"{self.name}: {answer.status} {body}"
                self.sent.discard(self.number)
                time.sleep(0.01)  # the mailbox is full


class Device(Part):
    def __init__(self, device, key, *rest):
        super().__init__(device, *rest)
        self.key, self.seen, self.done, self.last, self.again = key, set(), set(), 0, 0

    def got(self, number):
        assert number not in self.done, f"{self.name}: {number} came again after it was completed"
        if number in self.seen:
            self.again += 1
        else:
            assert number > self.last, f"{self.name}: {number} came first after {self.last}"
            self.last = number
        self.seen.add(number)


class OverHttps(Device):
    def work(self):
        headers = {"Authorization": token(f"localhost/devices/{self.name}", self.key)}
        connection, box = self.https(), f"/devices/{self.name}/messages/devicebound"
        while self.wanted.is_set():
            answer, body = self.ask(connection, "GET", box, headers)
            if answer.status == 204:
                time.sleep(0.002)
                continue
            assert answer.status == 200, f"{self.name}: {answer.status} {body}"
            number = int(body)
            self.got(number)
            etag = answer.headers["ETag"].strip('"')
            answer, body = self.ask(connection, "DELETE", f"{box}/{etag}", headers)
            assert answer.status == 204, f"{self.name}: completing {number}: {answer.status} {body}"
            self.done.add(number)


class OverMqtt(Device):
    def work(self):
        raw = socket.create_connection(("127.0.0.1", self.ports["mqtts"]), 10)
        with self.context.wrap_socket(raw, server_hostname="localhost") as s:
            s.settimeout(10)
            s.sendall(connect_packet(self.name, self.key, clean=False) +
                      packet(0x82, b"\x00\x01" + text(f"devices/{self.name}/messages/devicebound/#") + b"\x01"))
            inbox, settling, asked = b"", [], False
            while self.wanted.is_set():
                inbox = read(s, inbox, 2)
                length, at, shift = 0, 1, 0
                while True:
                    inbox = read(s, inbox, at + 1)
                    length |= (inbox[at] & 0x7F) << shift
                    at, shift = at + 1, shift + 7
                    if not inbox[at - 1] & 0x80:
                        break
                inbox = read(s, inbox, at + length)
                first, body, inbox = inbox[0], inbox[at:at + length], inbox[at + length:]
                if first & 0xF0 == 0x30:
                    topic = struct.unpack(">H", body[:2])[0]
                    number = int(body[4 + topic:])
                    self.got(number)
                    settling.append(number)
                    s.sendall(b"\x40\x02" + body[2 + topic:4 + topic])
                elif first == 0xD0:
                    self.done.update(confirmed)
                    asked = False
                if settling and not asked:
                    confirmed, settling, asked = settling, [], True
                    s.sendall(b"\xc0\x00")


def await_all(devices, posters):
    """The hub lives now: everything that was acknowledged arrives."""
    deadline = time.monotonic() + 60
    for device, poster in zip(devices, posters):
        while not (poster.acked <= device.seen and not device.problem):
            assert not device.problem, device.problem
            lost = sorted(poster.acked - device.seen)
            assert time.monotonic() < deadline, f"{device.name}: acknowledged and lost: {lost[:10]}"
            time.sleep(0.01)


def main():
    chance = random.Random(SEED)
    folder = tempfile.mkdtemp(prefix="d2d-kill9-")
    data = os.path.join(folder, "hub")
    subprocess.run([HUB, "init", "--data", data, "--name", "localhost", "--no-context", "--segment-size", "1m"],
                   check=True, stdout=subprocess.DEVNULL)
    made = subprocess.run([STORE, "add", data, "dev-0", "dev-1", "dev-2", "dev-3"], check=True, capture_output=True,
                          text=True).stdout
    with open(os.path.join(data, "hub.json")) as facts:
        service = json.load(facts)["connection_strings"]["service"]
    service_key = base64.b64decode(service.split("SharedAccessKey=")[1])
    rest = ({}, ssl.create_default_context(cafile=os.path.join(data, "tls", "ca.pem")))
    keys = [line.split() for line in made.splitlines()]
    devices = [(OverHttps if i % 2 else OverMqtt)(name, base64.b64decode(key), *rest)
               for i, (name, key) in enumerate(keys)]
    posters = [Poster(name, service_key, *rest) for name, _ in keys]
    hub = None
    try:
        for part in devices + posters:
            part.start()
        for _ in range(KILLS):
            hub, ports = start(HUB, data)
            rest[0].update(ports)
            before = sum(len(p.acked) for p in posters)
            for part in devices + posters:
                part.wanted.set()
            deadline = time.monotonic() + 20
            while sum(len(p.acked) for p in posters) == before:
                assert time.monotonic() < deadline, f"no message gets through: {[p.problem for p in devices + posters]}"
                time.sleep(0.002)
            time.sleep(chance.random() * 0.4)
            hub.send_signal(signal.SIGKILL)
            hub.wait()
            hub.stdout.close()
            for part in devices + posters:
                part.wanted.clear()
                assert not part.problem, part.problem
        hub, ports = start(HUB, data)
        rest[0].update(ports)
        for part in posters:
            part.over = True
            part.wanted.set()
        for part in posters:
            part.join(15)
        for part in devices:
            part.wanted.set()
        await_all(devices, posters)
        for device, poster in zip(devices, posters):
            assert device.seen <= poster.sent, f"{device.name}: never sent: {sorted(device.seen - poster.sent)[:10]}"
        acked, done = sum(len(p.acked) for p in posters), sum(len(d.done) for d in devices)
        assert acked > KILLS and done > KILLS, "hardly anything was acknowledged: this shows nothing"
        print(f"{KILLS} kills: {acked} messages to devices acknowledged, {done} completed, "
              f"{sum(d.again for d in devices)} came again before that, none after, none lost")
        shutil.rmtree(folder)
    except BaseException:
        print(f"seed {SEED}, data kept in {folder}", file=sys.stderr)
        raise
    finally:
        if hub and hub.poll() is None:
            hub.kill()


main()
