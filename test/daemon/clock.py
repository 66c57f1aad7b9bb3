"""clock.py BUILD: the real hub while its wall clock jumps, which a preloaded library makes it do."""
import base64
import datetime
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

from restarted import Restarted

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from killing import connect_packet, packet, read, text, token  # noqa: E402

BUILD = os.path.abspath(sys.argv.pop(1))
KEY = b"k" * 32
HOUR, DAY = 3600, 86400
V = "?api-version=2021-04-12"
EVENTS = 60


class Clock(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="d2d-clock-")
        self.hub = Restarted(os.path.join(BUILD, "d2dhub"), self.folder, "--partitions", "1", "--segment-size", "64k")
        self.shift_file = os.path.join(self.folder, "shift")
        # Leaks of a library that is loaded before the sanitizer are not looked for.
        self.hub.env.update(LD_PRELOAD=os.path.join(BUILD, "test", "clock_shift.so"), D2D_CLOCK_SHIFT=self.shift_file,
                            ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")
        self.shift(0)
        with open(os.path.join(self.hub.data, "hub.json")) as f:
            self.owner = json.load(f)["connection_strings"]["iothubowner"]
        self.owner_file = os.path.join(self.folder, "owner.cs")
        with open(self.owner_file, "w") as f:
            f.write(self.owner)
        self.context = ssl.create_default_context(cafile=os.path.join(self.hub.data, "tls", "ca.pem"))

    def tearDown(self):
        self.hub.kill()
        shutil.rmtree(self.folder)

    def shift(self, seconds):
        with open(self.shift_file + ".new", "w") as f:
            f.write(str(seconds))
        os.rename(self.shift_file + ".new", self.shift_file)

    def wait_for(self, what, times=1):
        until = time.monotonic() + 60
        while len(re.findall(what, self.hub.logged())) < times:
            self.assertLess(time.monotonic(), until, f"no {what} in {self.hub.logged()}")
            time.sleep(0.05)

    def ask(self, method, path, body=None, status=200):
        https = http.client.HTTPSConnection("localhost", self.hub.ports["https"], timeout=30, context=self.context)
        key = base64.b64decode(self.owner.split("SharedAccessKey=")[1])
        https.request(method, path + V, body, {"Authorization": token("localhost", key, "iothubowner", 40 * DAY),
                                               "Content-Type": "application/json"})
        answer = https.getresponse()
        found = answer.read()
        https.close()
        self.assertEqual(answer.status, status, found)
        return found

    def add(self, name):
        keys = dict.fromkeys(("primaryKey", "secondaryKey"), base64.b64encode(KEY).decode())
        self.ask("PUT", f"/devices/{name}", json.dumps({"authentication": {"type": "sas", "symmetricKey": keys}}))

    def send(self, n=1):
        for i in range(n):
            self.ask("POST", "/devices/phone/messages/events", f"{i} " + "z" * 4000, 204)

    def tls(self, port):
        return self.context.wrap_socket(socket.create_connection(("127.0.0.1", self.hub.ports[port]), 30),
                                        server_hostname="localhost")

    def mqtt(self, keep_alive=600):
        s = self.tls("mqtts")
        s.sendall(connect_packet("phone", KEY).replace(b"\xc2\x00\xf0", b"\xc2" + keep_alive.to_bytes(2, "big")))
        self.assertEqual(read(s, b"", 4)[3], 0)
        self.addCleanup(s.close)
        return s

    def publish(self, s):
        s.sendall(packet(0x32, text("devices/phone/messages/events/") + b"\x00\x01hello"))
        self.assertEqual(read(s, b"", 4), b"\x40\x02\x00\x01")

    def enqueued(self, n):
        """Seconds of the first n events, from the oldest, as one gets them whose clock is the hub's."""
        done = subprocess.run([os.path.join(BUILD, "d2d"), "events", "--connection-string-file", self.owner_file,
                               "--ca-file", os.path.join(self.hub.data, "tls", "ca.pem"), "--amqps-port",
                               str(self.hub.ports["amqps"]), "--since", "earliest", "-n", str(n),
                               "--timeout", "20s", "-o", "json"],
                              capture_output=True, text=True, check=False,
                              env={**self.hub.env, "HOME": self.folder, "XDG_CONFIG_HOME": self.folder})
        times = [json.loads(line)["enqueuedTime"] for line in done.stdout.splitlines()]
        return [datetime.datetime.fromisoformat(t.replace("Z", "+00:00")[:23].rstrip("+") + "+00:00").timestamp()
                for t in times]

    def near(self, seconds, wanted):
        self.assertLess(abs(seconds - wanted), 60)

    def test_a_wrong_time_source_costs_nothing(self):
        self.hub.start()
        self.add("phone")
        self.send(EVENTS)
        self.ask("POST", "/devices/phone/messages/devicebound", "mail", 204)
        s = self.mqtt()
        for n, jump in enumerate([HOUR, 2 * DAY, -HOUR, 5000 * DAY]):
            self.shift(jump)
            self.wait_for("clock-jumped", n + 1)
            self.ask("GET", "/devices/phone")  # who has a token of the right time comes in
            self.publish(s)
            time.sleep(4)  # a checkpoint, which trims
            self.publish(s)
            self.shift(0)
            self.wait_for("clock-back", n + 1)
        times = self.enqueued(EVENTS + 8)
        self.assertEqual(len(times), EVENTS + 8)
        self.assertEqual(times, sorted(times))
        self.near(times[-1], time.time())
        self.assertEqual(json.loads(self.ask("GET", "/devices/phone"))["cloudToDeviceMessageCount"], 1)
        self.assertNotIn("device-closed", self.hub.logged())
        self.hub.stop()

    def test_a_clock_that_is_set_back_lengthens_nothing(self):
        self.hub.start()
        self.add("phone")
        head, silent = self.tls("https"), self.mqtt(4)
        raw = socket.create_connection(("127.0.0.1", self.hub.ports["amqps"]), 30)
        head.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        self.shift(-HOUR)
        began = time.monotonic()
        for s in silent, raw, head:
            s.settimeout(60)
            while s.recv(4096):
                pass
            s.close()
        self.assertLess(time.monotonic() - began, 50)
        self.hub.stop()

    def test_a_clock_that_goes_on_evenly_is_believed(self):
        self.hub.start("--clock-wait", "3s")
        self.add("phone")
        self.send(EVENTS)
        s = self.mqtt()
        self.shift(2 * DAY)
        self.wait_for("clock-jumped")
        self.wait_for("clock-believed")
        self.publish(s)
        time.sleep(4)
        times = self.enqueued(EVENTS + 1)
        self.assertEqual(len(times), EVENTS + 1)
        self.near(times[-1], time.time() + 2 * DAY)
        self.hub.stop()

    def test_the_operator_says_that_the_clock_is_right(self):
        self.hub.start()
        self.add("phone")
        self.send()
        self.ask("POST", "/devices/phone/messages/devicebound", "mail", 204)
        self.shift(DAY)
        self.wait_for("clock-jumped")
        self.assertEqual(json.loads(self.ask("GET", "/devices/phone"))["cloudToDeviceMessageCount"], 1)
        self.hub.process.send_signal(signal.SIGHUP)
        self.wait_for("clock-believed")
        self.send()
        times = self.enqueued(2)
        self.near(times[0], time.time())
        self.near(times[1], time.time() + DAY)
        until = time.monotonic() + 30
        while json.loads(self.ask("GET", "/devices/phone"))["cloudToDeviceMessageCount"]:
            self.assertLess(time.monotonic(), until, "what expired by the new time is still there")
            time.sleep(0.1)
        self.hub.stop()

    def test_starts_with_a_clock_that_is_wrong(self):
        self.hub.start()
        self.add("phone")
        self.send(EVENTS)
        self.ask("POST", "/devices/phone/messages/devicebound", "mail", 204)
        self.hub.stop()
        sent = EVENTS
        for wrong in [-8 * HOUR, -int(time.time()) + 100, 3 * DAY, 5000 * DAY]:
            self.shift(wrong)
            self.hub.start("--clock-wait", "1h")
            self.wait_for("clock-(ahead|jumped)")
            if wrong < 0:  # otherwise it is taken for the time, by which this token has expired
                self.publish(self.mqtt())
                sent += 1
            time.sleep(4)
            self.shift(0)
            self.wait_for("clock-(ahead|jumped|back)", 2)
            self.mqtt()
            times = self.enqueued(sent)
            self.assertEqual(len(times), sent)
            self.assertEqual(times, sorted(times))
            self.near(times[-1], time.time())
            self.assertEqual(json.loads(self.ask("GET", "/devices/phone"))["cloudToDeviceMessageCount"], 1)
            self.hub.stop()


unittest.main()
