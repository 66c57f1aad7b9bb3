"""strangers.py BUILD: whoever has not shown who he is costs little, keeps nobody out, and does not end the hub: over
every door, with little address space, with few descriptors."""
import os
import resource
import shutil
import socket
import ssl
import sys
import tempfile
import time
import unittest

from abuse import OPEN, Strangers, attach, begin, forget_failures
from killing import connect_packet, packet, read, text
from peers import Site
from started import Hub

BUILD = sys.argv.pop(1)
COUNT = int(os.environ.get("D2D_STRANGERS", "400"))
TLS_KIB = 25 if ssl.OPENSSL_VERSION_INFO >= (3, 2) else 17  # of a connection that is idle, with the hub's own 2 of it
EACH_KIB = TLS_KIB + 47
DEVICE_KIB = 8 * 1024


class Case(unittest.TestCase):
    def start(self, *init, **limits):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.folder = tempfile.mkdtemp(prefix="d2d-strangers-")
        self.hub = Hub(BUILD, self.folder, "--segment-size", "1m", *init, **limits)
        self.site = Site(self.hub.data, self.hub.ports)
        self.key = self.site.add(["good", "other"])
        self.good = self.come("good")
        self.n = 0
        self.goes_on()
        return self.strangers()

    def tearDown(self):
        self.site.https.close()
        if self.hub.process.poll() is None:
            self.hub.process.kill()
        self.hub.process.wait()
        self.hub.process.stdout.close()
        self.hub.log.close()
        shutil.rmtree(self.folder)

    def strangers(self, address=None):
        return Strangers(self.hub.ports, self.site.ca, address)

    def come(self, name, address="127.0.0.1"):
        raw = socket.create_connection(("127.0.0.1", self.hub.ports["mqtts"]), 30, source_address=(address, 0))
        s = self.site.context.wrap_socket(raw, server_hostname="localhost")
        s.sendall(connect_packet(name, self.key))
        self.assertEqual(read(s, b"", 4)[:4], b"\x20\x02\x00\x00")
        return s

    def comes_in(self, name, address="127.0.0.1"):
        """At last, when there is room again."""
        until = time.monotonic() + 60
        while True:
            try:
                return self.come(name, address)
            except OSError as e:
                self.assertIsNone(self.hub.process.poll(), self.hub.logged()[-2000:])
                self.assertLess(time.monotonic(), until, f"{e}: {self.hub.logged()[-2000:]}")
                time.sleep(0.2)

    def goes_on(self, size=10):
        """The device that is in is served: what it sends is on disk."""
        forget_failures(self.site.context)
        self.n += 1
        number = (self.n % 65535 + 1).to_bytes(2, "big")
        self.good.sendall(packet(0x32, text("devices/good/messages/events/") + number + b"b" * size))
        self.good.settimeout(60)
        self.assertEqual(read(self.good, b"", 4), b"\x40\x02" + number)

    def check_alive(self):
        self.assertIsNone(self.hub.process.poll(), self.hub.logged()[-2000:])
        self.goes_on()


class Memory(Case):
    def test_a_connection_of_a_stranger_costs_what_tls_costs_and_little_more(self):
        for kind in Strangers.WITHIN + Strangers.BEYOND:
            with self.subTest(kind=kind):
                strangers = self.start("--unauthenticated", str(4 * COUNT), "--unauthenticated-per-address",
                                       str(2 * COUNT))
                before = self.hub.resident_kib()
                held = strangers.many(kind, COUNT)
                self.goes_on()
                each = (self.hub.resident_kib() - before) / COUNT
                print(f"{kind}: {len(held)} connections, {each:.1f} KiB each", flush=True)
                self.assertLessEqual(each, TLS_KIB + 1 if kind == "mqtt_silent" else EACH_KIB)
                if kind in Strangers.WITHIN:
                    self.assertEqual(len(held), COUNT)
                for s in held:
                    s.close()
                self.check_alive()
                self.comes_in("other").close()
            self.tearDown()
        self.start()

    def test_a_device_costs_at_most_its_budget(self):
        strangers = self.start()
        token = connect_packet("other", self.key).split(b"SharedAccessSignature")[1]
        user, password = b"other@sas.localhost", b"SharedAccessSignature" + token
        before = self.hub.resident_kib()
        s = strangers.tls("amqps", b"AMQP\x03\x01\x00\x00")
        response = b"\x00" + user + b"\x00" + password
        init = b"\xa3\x05PLAIN\xb0" + len(response).to_bytes(4, "big") + response
        body = b"\x00\x53\x41\xd0" + (len(init) + 4).to_bytes(4, "big") + (2).to_bytes(4, "big") + init
        s.sendall((len(body) + 8).to_bytes(4, "big") + b"\x02\x01\x00\x00" + body)
        said = read(s, b"", 8)
        while b"\x00\x53\x44" not in said:
            said += s.recv(4096)
        s.sendall(OPEN + begin())
        sent = 0
        try:
            for handle in range(6000):
                part = attach(handle, False, 900)
                s.sendall(part)
                sent += len(part)
        except (OSError, ssl.SSLError):
            pass
        self.hub.wait_for_log("too many sessions, links or values on one connection")
        self.assertLess(self.hub.resident_kib() - before, DEVICE_KIB)
        self.check_alive()


class Ceilings(Case):
    def test_who_fills_what_one_address_may_have_keeps_no_other_address_out(self):
        self.start("--unauthenticated", "32", "--unauthenticated-per-address", "8")
        held = self.strangers("127.0.0.2").many("mqtt_silent", 20)
        self.assertEqual(len(held), 8)
        for address in ("127.0.0.3", "127.0.0.4"):
            held += self.strangers(address).many("mqtt_silent", 20)
        self.assertEqual(len(held), 24)
        self.come("other", "127.0.0.5").close()
        self.assertEqual(self.hub.logged().count("connections-refused address=127.0.0.2"), 1)
        for s in held:
            s.close()
        self.hub.wait_for_log("connections-accepted-again")
        self.comes_in("other", "127.0.0.2").close()
        self.check_alive()
        status, body = self.site.ask("GET", "/hub/status")
        self.assertEqual(status, 200)
        self.assertIn(b'"refused_connections":', body)

    def test_connections_in_all_are_limited_and_those_that_are_there_stay(self):
        self.start("--connections", "12", "--connections-per-address", "12", "--unauthenticated", "12",
                   "--unauthenticated-per-address", "12")
        held = self.strangers().many("mqtt_silent", 30)
        self.assertLessEqual(len(held), 11)
        self.check_alive()
        for s in held:
            s.close()
        self.comes_in("other").close()


class Limits(Case):
    def flood(self, strangers):
        held = []
        for kind in Strangers.WITHIN + Strangers.BEYOND:
            held += strangers.many(kind, COUNT // 10)
            self.check_alive()
        return held

    def test_little_address_space_does_not_end_the_hub(self):
        """Starts with what it needs and this much more."""
        for more in (48 << 20, 96 << 20):
            with self.subTest(more=more):
                strangers = self.start(limits={resource.RLIMIT_AS: self.needed() + more})
                held = self.flood(strangers)
                for s in held:
                    s.close()
                self.comes_in("other").close()
                self.check_alive()
                self.assertEqual(self.hub.stop(), 0)
            self.tearDown()
        self.start()

    def needed(self):
        """Address space of a hub at rest that has little of it."""
        self.start(limits={resource.RLIMIT_AS: 1 << 30})
        with open(f"/proc/{self.hub.process.pid}/status") as f:
            size = int(next(line for line in f if line.startswith("VmSize")).split()[1])
        self.tearDown()
        return size << 10

    def test_address_space_that_runs_out_under_a_running_hub_does_not_end_it(self):
        strangers = self.start()
        with open(f"/proc/{self.hub.process.pid}/status") as f:
            size = int(next(line for line in f if line.startswith("VmSize")).split()[1]) << 10
        resource.prlimit(self.hub.process.pid, resource.RLIMIT_AS, (size + (4 << 20), resource.RLIM_INFINITY))
        held = self.flood(strangers)
        self.hub.wait_for_log("memory-short")
        resource.prlimit(self.hub.process.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.hub.wait_for_log("memory-suffices-again")
        for s in held:
            s.close()
        self.comes_in("other").close()
        self.check_alive()

    def test_a_configured_limit_of_memory_refuses_what_is_new_and_nothing_else(self):
        strangers = self.start("--memory-limit", "40m", "--unauthenticated", "2000", "--unauthenticated-per-address",
                               "2000")
        held = []
        for _ in range(20):
            held += strangers.many("amqp_filter", 100)
            self.check_alive()
        self.hub.wait_for_log("short of memory")
        self.assertLess(self.hub.resident_kib(), 100 * 1024)
        for s in held:
            s.close()
        self.comes_in("other").close()
        self.check_alive()

    def test_few_descriptors_end_neither_the_hub_nor_what_is_stored(self):
        strangers = self.start(limits={resource.RLIMIT_NOFILE: 160})
        held = strangers.many("mqtt_silent", 200)
        self.assertLess(len(held), 100)
        for _ in range(30):  # segments are made in the meantime
            self.goes_on(200000)
        self.assertLess(len(os.listdir(f"/proc/{self.hub.process.pid}/fd")), 150)
        self.assertIn("connections-refused", self.hub.logged())
        self.comes_in("other", "127.0.0.9").close()
        for s in held:
            s.close()
        self.assertEqual(self.hub.stop(), 0)

    def test_a_descriptor_that_is_missing_is_named_as_what_it_is(self):
        self.start()
        used = max(int(fd) for fd in os.listdir(f"/proc/{self.hub.process.pid}/fd"))
        resource.prlimit(self.hub.process.pid, resource.RLIMIT_NOFILE, (used - 8, used - 8))
        try:
            for _ in range(60):
                self.goes_on(200000)
        except OSError:
            pass
        if self.hub.process.poll() is not None or "disk-failed" in self.hub.logged():
            self.hub.wait_for_log("Too many open files")


unittest.main(warnings="ignore")
