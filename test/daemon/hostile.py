"""hostile.py BUILD: the real hub under what it must survive: peers that say nothing or nonsense."""
import os
import random
import resource
import shutil
import socket
import sys
import tempfile
import unittest

from started import Hub

BUILD = sys.argv.pop(1)
SILENT = int(os.environ.get("D2D_SILENT", "10000"))


class Hostile(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="d2d-hostile-")
        self.hub = None

    def tearDown(self):
        if self.hub and self.hub.process.poll() is None:
            self.hub.process.kill()
            self.hub.process.wait()
            self.hub.process.stdout.close()
            self.hub.log.close()
        shutil.rmtree(self.folder)

    def start(self, *init):
        self.hub = Hub(BUILD, self.folder, *init)
        self.hub.d2d("device", "add", "phone")
        return self.hub

    def test_connections_that_say_nothing_cost_little_and_disturb_nobody(self):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        count = min(SILENT, most - 500)
        hub = self.start("--segment-size", "1m", "--unauthenticated", str(2 * SILENT), "--unauthenticated-per-address",
                         str(2 * SILENT))
        before = hub.resident_kib()
        silent = []
        for i in range(count):
            port = list(hub.ports.values())[i % 3]
            silent.append(socket.create_connection(("127.0.0.1", port), 30))
        hub.d2d("send", "--as", "phone", "hello")
        hub.d2d("events", "--since", "earliest", "-n", "1", "--timeout", "30s")
        each = (hub.resident_kib() - before) / count
        self.assertLess(each, 20, "KiB of each silent connection")
        for s in silent:
            s.close()
        hub.d2d("send", "--as", "phone", "still there")
        self.assertEqual(hub.stop(), 0)
        print(f"{count} silent connections: {each:.1f} KiB each")

    def test_nonsense_on_every_door_harms_nobody(self):
        hub = self.start("--segment-size", "1m")
        chance = random.Random(7)
        beginnings = [b"GET / HTTP/1.1\r\n\r\n", b"AMQP\x00\x01\x00\x00", b"\x10\xff\xff\xff\x7f",
                      b"\x16\x03\x01\xff\xff", b""]
        for i in range(300):
            port = list(hub.ports.values())[i % 3]
            with socket.create_connection(("127.0.0.1", port), 30) as s:
                try:
                    s.sendall(beginnings[i % 5] + chance.randbytes(chance.randrange(2000)))
                    s.shutdown(socket.SHUT_WR)
                    s.settimeout(30)
                    while s.recv(4096):
                        pass
                except ConnectionError:
                    pass
        hub.d2d("send", "--as", "phone", "still there")
        self.assertEqual(hub.stop(), 0)


unittest.main()
