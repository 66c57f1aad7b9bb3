"""disk.py BUILD: a hub on a small disk that a device fills, or others do: new messages are refused and nothing else.

Run in a mount namespace of its own: the disks are tmpfs."""
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from killing import start, token  # noqa: E402
from device import KEY, Device  # noqa: E402
from peers import VERSION, Site  # noqa: E402

BUILD = sys.argv.pop(1)
HUB = os.path.join(BUILD, "d2dhub")
MIB = 1 << 20


class Flood(threading.Thread):
    """One device that sends as fast as it is let, until its connection ends."""

    def __init__(self, site, name, size):
        super().__init__(daemon=True)
        self.device, self.body, self.sent, self.acked = Device(site, name), os.urandom(size), 0, 0
        self.device.s.settimeout(None)
        self.reader = threading.Thread(target=self.read, daemon=True)

    def read(self):
        try:
            while True:
                self.device.packet()
                self.acked += 1
        except OSError:
            pass

    def run(self):
        self.reader.start()
        try:
            while True:
                self.device.publish(self.body)
                self.sent += 1
        except OSError:
            pass


class OnASmallDisk(unittest.TestCase):
    def setUp(self):
        self.folder, self.process = tempfile.mkdtemp(prefix="d2d-disk-"), None
        self.data = os.path.join(self.folder, "hub")

    def tearDown(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process:
            self.process.stdout.close()
        subprocess.run(["umount", self.folder], capture_output=True, check=False)
        shutil.rmtree(self.folder)

    def mount(self, size):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.folder], check=True)

    def init(self, *args):
        subprocess.run([HUB, "init", "--data", self.data, "--name", "localhost", "--no-context", *args], check=True,
                       stdout=subprocess.DEVNULL)

    def start(self):
        self.process, ports = start(HUB, self.data)
        self.site = Site(self.data, ports)
        return self.site

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        self.process.stdout.close()
        return status

    def logged(self):
        with open(os.path.join(self.data, "stderr"), errors="replace") as f:
            return f.read()

    def until(self, true, seconds=60):
        end = time.monotonic() + seconds
        while not true():
            self.assertLess(time.monotonic(), end, self.logged()[-3000:])
            time.sleep(0.02)

    def free(self):
        fs = os.statvfs(self.folder)
        return fs.f_bavail * fs.f_frsize

    def fill(self):
        """Somebody else takes all that is left."""
        with open(os.path.join(self.folder, "filler"), "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                pass

    def empty(self):
        os.remove(os.path.join(self.folder, "filler"))

    def status(self):
        status, body = self.site.ask("GET", "/hub/status")
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def change(self, name, status):
        code, body = self.site.ask("GET", f"/devices/{name}")
        self.assertEqual(code, 200, body)
        device = json.loads(body)
        device["status"] = status
        self.site.headers["If-Match"] = "*"
        code, body = self.site.ask("PUT", f"/devices/{name}", json.dumps(device))
        del self.site.headers["If-Match"]
        return code, body

    def delete(self, name):
        self.site.headers["If-Match"] = "*"
        code, body = self.site.ask("DELETE", f"/devices/{name}")
        del self.site.headers["If-Match"]
        return code, body

    def send(self, name, body):
        """An event over HTTPS."""
        headers = {"Authorization": token(f"localhost/devices/{name}", KEY)}
        self.site.https.request("POST", f"/devices/{name}/messages/events" + VERSION, body, headers)
        answer = self.site.https.getresponse()
        return answer.status, answer.headers.get("iothub-errorcode"), answer.read()

    def test_one_device_cannot_fill_the_disk_nor_stop_the_others(self):
        self.mount("64m")
        self.init()
        site = self.start()
        site.add(["flooder", "meter"])
        meter, flood = Device(site, "meter"), Flood(site, "flooder", 200000)
        flood.start()
        self.until(lambda: "over-ceiling" in self.logged())
        for i in range(20):
            meter.publish(b"%d" % i)
            meter.is_acknowledged()
            time.sleep(0.05)
        self.until(lambda: flood.sent * 200000 > 16 * MIB)
        self.assertGreater(self.free(), 16 * MIB)
        status = self.status()
        self.assertFalse(status["disk_full"])
        self.assertGreater(status["refused_quota"], 0)
        self.assertLess(status["log_bytes_max"], 32 * MIB)
        self.assertEqual(self.logged().count("over-ceiling"), 1)
        self.assertIn("device=flooder", self.logged())
        self.assertEqual(self.change("flooder", "disabled")[0], 200)
        flood.join(30)
        self.assertFalse(flood.is_alive())
        meter.is_alive()
        self.assertEqual(self.stop(), 0)

    def test_a_full_disk_refuses_new_messages_and_nothing_else(self):
        self.mount("96m")
        self.init("--segment-size", "2m", "--retention-size", "1000g", "--device-bytes-per-day", "1000g")
        site = self.start()
        site.add(["flooder", "meter", "box", "away"])
        box, meter = Device(site, "box", wants_mail=True), Device(site, "meter")
        self.assertEqual(site.post("box", "before")[0], 204)
        first, mail = box.packet()
        self.assertEqual(first, 0x32)
        time.sleep(4)  # a checkpoint, with its reserve
        self.fill()
        flood = Flood(site, "flooder", 100000)
        flood.start()
        self.until(lambda: "disk-full" in self.logged())
        self.until(lambda: self.send("meter", "over HTTPS")[0] == 503)
        self.assertEqual(self.send("meter", "over HTTPS")[1], "ServiceUnavailable")
        self.until(lambda: site.post("away", "during")[0] == 503)
        # The device waits, and is heard all the same; what it had got is settled.
        meter.publish(b"waits")
        meter.is_alive()
        topic = struct.unpack(">H", mail[:2])[0]
        box.s.sendall(b"\x40\x02" + mail[2 + topic:4 + topic])
        box.is_alive()
        # The operator is not locked out.
        status, body = site.ask("PUT", "/devices/new", json.dumps({"deviceId": "new"}))
        self.assertEqual(status, 200, body)
        self.assertEqual(self.change("flooder", "disabled")[0], 200)
        flood.join(30)
        self.assertFalse(flood.is_alive())
        self.assertEqual(self.delete("flooder")[0], 204)
        for i in range(50):
            site.add([f"d{i}"])
        self.assertTrue(self.status()["disk_full"])
        time.sleep(1)
        self.assertNotIn("checkpoint-failed", self.logged())
        # A restart, by the operator and by a crash.
        self.assertEqual(self.stop(), 0)
        site = self.start()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        site = self.start()
        self.assertEqual(site.ask("GET", "/devices/flooder")[0], 404)
        self.assertEqual(site.ask("GET", "/devices/d49")[0], 200)
        self.assertEqual(self.send("meter", "over HTTPS")[0], 503)
        meter, box = Device(site, "meter"), Device(site, "box", wants_mail=True)
        box.is_alive()
        self.assertEqual(box.inbox, b"", "what was settled comes again")
        meter.publish(b"waits")
        meter.is_alive()
        # Room comes back: all goes on by itself.
        self.empty()
        meter.s.settimeout(30)
        meter.is_acknowledged()
        self.until(lambda: site.post("box", "after")[0] == 204)
        self.assertEqual(box.packet()[0], 0x32)
        self.assertEqual(self.send("meter", "over HTTPS")[0], 204)
        self.assertFalse(self.status()["disk_full"])
        self.assertEqual(self.stop(), 0)

    def test_where_others_fill_the_disk_the_oldest_events_make_room(self):
        self.mount("96m")
        self.init("--segment-size", "1m", "--device-bytes-per-day", "1000g")
        site = self.start()
        site.add(["meter"])
        meter = Device(site, "meter")
        body = os.urandom(100000)
        for _ in range(100):
            meter.publish(body)
            meter.is_acknowledged()
        time.sleep(4)
        self.fill()
        time.sleep(4)
        meter.s.settimeout(30)
        for _ in range(600):
            meter.publish(body)
            meter.is_acknowledged()
        status = self.status()
        self.assertGreater(sum(p["begin_sequence_number"] for p in status["partitions"]), 100)
        self.assertLess(status["log_bytes"], 16 * MIB)
        self.assertGreater(status["log_bytes"], 4 * MIB)
        self.assertEqual(self.stop(), 0)

    def test_ceilings_are_told_in_the_words_of_each_protocol(self):
        self.init("--segment-size", "1m", "--device-messages-per-second", "20", "--device-bytes-per-day", "2m")
        site = self.start()
        site.add(["many", "much", "slow"])
        answers = [self.send("many", "x") for _ in range(60)]
        self.assertEqual({(a[0], a[1]) for a in answers}, {(204, None), (429, "ThrottlingException")})
        time.sleep(1.1)
        self.assertEqual(self.send("many", "x")[0], 204)
        for i in range(60):
            answer = self.send("much", bytes(200000))
            if answer[0] == 403:
                break
            self.assertIn(answer[0], (204, 429))
            time.sleep(0.06)
        self.assertEqual(answer[:2], (403, "IotHubQuotaExceeded"))
        # MQTT has no such answer: a device is slowed down.
        slow, begun = Device(site, "slow"), time.monotonic()
        slow.s.settimeout(30)
        for _ in range(60):
            slow.publish(b"x")
        for i in range(60):
            slow.expect(0x40, struct.pack(">H", i + 1))
        self.assertGreater(time.monotonic() - begun, 1.5)
        status = self.status()
        self.assertGreater(status["refused_throttled"], 0)
        self.assertGreater(status["refused_quota"], 0)
        self.until(lambda: self.logged().count("over-ceiling") >= 3)
        self.assertEqual(self.logged().count("over-ceiling device=many"), 1)
        self.assertEqual(self.stop(), 0)


unittest.main(warnings="ignore")
