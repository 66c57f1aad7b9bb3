"""under_limits.py BUILD: for D2D_SOAK_SECONDS the hub has little address space and few descriptors while strangers of
every kind come: it lives, and in the end everything that it acknowledged is there."""
import os
import resource
import shutil
import socket
import ssl
import sys
import tempfile
import threading
import time

from abuse import Strangers
from killing import connect_packet, packet, read, text
from peers import Site
from started import Hub

BUILD = sys.argv[1]
SECONDS = float(os.environ.get("D2D_SOAK_SECONDS", "3600"))
KINDS = Strangers.WITHIN + Strangers.BEYOND


class Device:
    """Sends numbers, one after the other, and knows which were acknowledged."""

    def __init__(self, site, key):
        self.site, self.key, self.acknowledged, self.socket = site, key, 0, None

    def connect(self):
        raw = socket.create_connection(("127.0.0.1", self.site.ports["mqtts"]), 10, source_address=("127.0.0.9", 0))
        self.socket = self.site.context.wrap_socket(raw, server_hostname="localhost")
        self.socket.settimeout(30)
        self.socket.sendall(connect_packet("good", self.key))
        assert read(self.socket, b"", 4)[3] == 0

    def send(self):
        """True when one more is on disk; a connection that is lost is made again."""
        try:
            if not self.socket:
                self.connect()
            body = b"%d" % self.acknowledged
            self.socket.sendall(packet(0x32, text("devices/good/messages/events/") + b"\x00\x01" + body))
            assert read(self.socket, b"", 4) == b"\x40\x02\x00\x01"
        except (OSError, ssl.SSLError):
            self.socket = None
            time.sleep(0.1)
            return False
        self.acknowledged += 1
        return True


def annoy(strangers, until):
    turn = 0
    while time.monotonic() < until:
        for s in strangers.many(KINDS[turn % len(KINDS)], 60):
            s.close()
        turn += 1


def check(hub, device):
    """What was acknowledged is there, each at least once: an answer that was lost is a message that was sent again."""
    shown = hub.d2d("events", "--from", "good", "--since", "earliest", "-n", str(device.acknowledged),
                    "--timeout", "300s", "-o", "json")
    bodies = {line.split('"body":"')[1].split('"')[0] for line in shown.stdout.splitlines()}
    missing = [n for n in range(device.acknowledged) if str(n) not in bodies]
    # A repeated one takes the place of a later one in the count.
    assert len(missing) <= device.acknowledged - len(bodies), f"lost: {missing[:10]}"


def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4096),) * 2)
    folder = tempfile.mkdtemp(prefix="d2d-soak-")
    hub = Hub(BUILD, folder, "--segment-size", "1m",
              limits={resource.RLIMIT_AS: int(os.environ.get("D2D_SOAK_ADDRESSES", str(384 << 20))),
                      resource.RLIMIT_NOFILE: 200})
    site = Site(hub.data, hub.ports)
    device = Device(site, site.add(["good"]))
    until = time.monotonic() + SECONDS
    annoying = [threading.Thread(target=annoy, args=(Strangers(hub.ports, site.ca, f"127.0.0.{n}"), until))
                for n in (2, 3, 4)]
    for thread in annoying:
        thread.start()
    while time.monotonic() < until:
        device.send()
        assert hub.process.poll() is None, "the hub ended: " + hub.logged()[-3000:]
    for thread in annoying:
        thread.join()
    while not device.send():
        assert time.monotonic() < until + 120, "no room comes back: " + hub.logged()[-3000:]
    check(hub, device)
    assert hub.stop() == 0
    print(f"{SECONDS:.0f} s under limits: alive, {device.acknowledged} acknowledged messages are there")
    shutil.rmtree(folder)


main()
