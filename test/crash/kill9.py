"""kill9.py D2DHUB KILL9_STORE: SIGKILL at random moments under load, over real TLS and MQTT (D2D_KILLS of them, 50).

Every message has a number of its own and is sent once: what was not acknowledged when the hub died is given up. So in
the end each acknowledged one must be in the log exactly once, in its device's order, and nothing that was never
sent."""
import base64
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
import threading
import time

from killing import connect_packet, packet, read, start, text

HUB, STORE = sys.argv[1:3]
KILLS = int(os.environ.get("D2D_KILLS", "50"))
SEED = int(os.environ.get("D2D_SEED", str(random.randrange(1 << 32))))
DEVICES = [f"dev-{i}" for i in range(4)]
WINDOW = 64


class Device(threading.Thread):
    """Sends with a window until the connection dies; remembers what it sent and what was acknowledged."""

    def __init__(self, name, key):
        super().__init__(daemon=True)
        self.name, self.key = name, base64.b64decode(key)
        self.number, self.sent, self.acked = 0, set(), []
        self.port, self.context, self.problem = None, None, None
        self.wanted, self.over = threading.Event(), False

    def run(self):
        while True:
            self.wanted.wait()
            if self.over:
                return
            try:
                self.talk()
            except OSError:
                self.wanted.clear() if not self.over else None
                time.sleep(0.005)

    def talk(self):
        raw = socket.create_connection(("127.0.0.1", self.port), 10)
        with self.context.wrap_socket(raw, server_hostname="localhost") as s:
            s.settimeout(10)
            s.sendall(connect_packet(self.name, self.key))
            inbox = read(s, b"", 4)
            if inbox[:4] != b"\x20\x02\x00\x00":
                self.problem = f"{self.name}: CONNACK {inbox[:4].hex()}"
                raise OSError(self.problem)
            inbox, waiting, next_id = inbox[4:], [], 0
            while True:
                out = b""
                while len(waiting) < WINDOW:
                    self.number += 1
                    next_id = next_id % 65535 + 1
                    waiting.append((next_id, self.number))
                    self.sent.add(self.number)
                    topic = f"devices/{self.name}/messages/events/"
                    out += packet(0x32, text(topic) + struct.pack(">H", next_id) + f"<{self.number}".encode())
                if out:
                    s.sendall(out)
                inbox = read(s, inbox, 4)
                while len(inbox) >= 4:
                    got, inbox = inbox[:4], inbox[4:]
                    expected, number = waiting.pop(0)
                    if got != b"\x40\x02" + struct.pack(">H", expected):
                        self.problem = f"{self.name}: {got.hex()} instead of PUBACK {expected}"
                        raise OSError(self.problem)
                    self.acked.append(number)


def verify(devices, lines):
    stored = {d.name: [] for d in devices}
    for line in lines:
        name, number = line.split()
        stored[name].append(int(number))
    for d in devices:
        got = stored[d.name]
        missing = set(d.acked) - set(got)
        assert not missing, f"{d.name}: acknowledged and lost: {sorted(missing)[:10]}"
        assert set(got) <= d.sent, f"{d.name}: never sent: {sorted(set(got) - d.sent)[:10]}"
        assert got == sorted(set(got)), f"{d.name}: twice or out of order"
    return sum(len(d.acked) for d in devices), sum(len(s) for s in stored.values())


def main():
    chance = random.Random(SEED)
    folder = tempfile.mkdtemp(prefix="d2d-kill9-")
    data = os.path.join(folder, "hub")
    subprocess.run([HUB, "init", "--data", data, "--name", "localhost", "--no-context", "--segment-size", "1m"],
                   check=True, stdout=subprocess.DEVNULL)
    made = subprocess.run([STORE, "add", data, *DEVICES], check=True, capture_output=True, text=True).stdout
    devices = [Device(*line.split()) for line in made.splitlines()]
    context = ssl.create_default_context(cafile=os.path.join(data, "tls", "ca.pem"))
    hub = None
    try:
        for d in devices:
            d.context = context
            d.start()
        for kill in range(KILLS):
            hub, ports = start(HUB, data)
            before = sum(len(d.acked) for d in devices)
            for d in devices:
                d.port = ports["mqtts"]
                d.wanted.set()
            deadline = time.monotonic() + 20
            # each fifth one may fall before any answer
            while kill % 5 and sum(len(d.acked) for d in devices) == before:
                assert time.monotonic() < deadline, f"no message gets through: {[d.problem for d in devices]}"
                time.sleep(0.002)
            time.sleep(chance.random() * 0.4)
            for d in devices:
                d.wanted.clear()
            hub.send_signal(signal.SIGKILL)
            hub.wait()
            hub.stdout.close()
        for d in devices:
            d.over = True
            d.wanted.set()
        for d in devices:
            d.join(15)
            assert not d.is_alive(), f"{d.name} hangs"
            assert not d.problem, d.problem
        lines = subprocess.run([STORE, "events", data], check=True, capture_output=True, text=True).stdout.splitlines()
        acked, stored = verify(devices, lines)
        assert acked > KILLS, "hardly anything was acknowledged: this shows nothing"
        print(f"{KILLS} kills: {acked} messages acknowledged, {stored} in the log, none lost, none invented")
        shutil.rmtree(folder)
    except BaseException:
        print(f"seed {SEED}, data kept in {folder}", file=sys.stderr)
        raise
    finally:
        if hub and hub.poll() is None:
            hub.kill()


main()
