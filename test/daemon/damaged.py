"""damaged.py D2DHUB: what rots in the log costs what it was, at the start and under the running hub; it is named,
counted, and everything else is served."""
import os
import shutil
import struct
import sys
import tempfile
import unittest

from peers import Site
from restarted import Restarted

HUB = sys.argv.pop(1)
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from events_until_now import events_until_now  # noqa: E402

SEGMENT = 64 << 10


class Damaged(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="d2d-damaged-")
        self.hub = Restarted(HUB, self.folder, "--segment-size", "64k", "--partitions", "1")
        self.begin()
        self.site.add(["device"])

    def tearDown(self):
        self.site.https.close()
        self.hub.kill()
        shutil.rmtree(self.folder)

    def begin(self):
        self.hub.start()
        self.site = Site(self.hub.data, self.hub.ports)

    def stop(self):
        self.site.https.close()
        self.hub.stop()

    def send(self, *bodies):
        for body in bodies:
            status, answer = self.site.ask("POST", "/devices/device/messages/events", body)
            self.assertEqual(status, 204, answer)

    def bodies(self):
        return [body for _, _, _, body in events_until_now(self.site)]

    def fill(self, count=60):
        sent = [f"event {i} ".encode() + b"z" * 4000 for i in range(count)]
        self.send(*sent)
        self.assertEqual(self.bodies(), sent)
        return sent

    def file(self, number):
        return os.path.join(self.hub.data, "log", f"{number * SEGMENT:016x}.log")

    def find(self, text):
        """The file that has it, and where."""
        for name in sorted(os.listdir(os.path.join(self.hub.data, "log"))):
            path = os.path.join(self.hub.data, "log", name)
            with open(path, "rb") as f:
                at = f.read().find(text)
            if name.endswith(".log") and at >= 0:
                return path, at
        raise AssertionError(f"{text} is nowhere")

    def rot(self, text):
        path, at = self.find(text)
        with open(path, "r+b") as f:
            f.seek(at)
            f.write(b"Q")
        return path

    def counted(self):
        status, body = self.site.ask("GET", "/hub/status")
        self.assertEqual(status, 200)
        return int(body.split(b'"damaged_ranges":')[1].split(b",")[0])

    def lines(self, path):
        return [line for line in self.hub.logged().splitlines() if "log-damaged " in line and path in line]

    def test_a_bit_of_the_last_event_of_a_stopped_hub(self):
        sent = [f"event {i} ".encode() + b"z" * 600 for i in range(5)]
        self.send(*sent)
        numbers = [event[:2] for event in events_until_now(self.site)]
        self.stop()
        path = self.rot(b"event 4 ")
        checked = self.hub.run("check", "--mqtts-port", "0", "--amqps-port", "0", "--https-port", "0", status=1)
        self.assertRegex(checked.stdout,
                         f"problem +{path}: .* damaged: an event, device device, partition 0, sequence number 4")
        self.begin()
        self.assertEqual(self.bodies(), sent[:4])
        self.assertEqual(len(self.lines(path)), 1)
        self.assertIn("sequence number 4", self.lines(path)[0])
        self.assertEqual(self.counted(), 1)
        self.send(b"one more")
        last = events_until_now(self.site)[-1]
        self.assertGreater(last[:2], numbers[-1])
        self.site.https.close()
        self.hub.kill()
        self.begin()
        self.assertEqual(events_until_now(self.site)[-1], last)
        self.assertEqual(self.counted(), 1)

    def test_an_event_rots_under_the_running_hub(self):
        sent = self.fill()
        path = self.rot(b"event 20 ")
        for _ in range(2):
            self.assertEqual(self.bodies(), sent[:20] + sent[21:])
        self.assertEqual(len(self.lines(path)), 1)
        self.assertEqual(self.counted(), 1)
        self.stop()
        self.begin()
        self.assertEqual(self.bodies(), sent[:20] + sent[21:])
        self.assertEqual(len(self.lines(path)), 1)

    def test_a_length_rots_under_the_running_hub(self):
        """It leads into the middle of another record: what is between is found all the same."""
        sent = self.fill()
        path, at = self.find(b"event 20 ")
        with open(path, "rb") as f:
            whole = f.read()
        base = int(os.path.basename(path)[:16], 16)
        head = max(i for i in range(0, at, 8) if struct.unpack_from("<Q", whole, i + 8)[0] == base + i)
        with open(path, "r+b") as f:
            f.seek(head + 4)
            f.write(struct.pack("<I", struct.unpack_from("<I", whole, head + 4)[0] + 4096))
        self.assertEqual(self.bodies(), sent[:20] + sent[21:])

    def test_a_file_is_cut_short_under_the_running_hub(self):
        sent = self.fill()
        os.truncate(self.file(1), 8192)
        left = self.bodies()
        self.assertEqual([body for body in sent if body in left], left)
        self.assertGreater(len(left), 40)
        self.assertEqual(left[-1], sent[-1])
        self.assertEqual(self.counted(), 1)
        self.send(b"it lives")
        self.site.https.close()
        self.hub.kill()
        self.begin()
        self.assertEqual(self.bodies(), left + [b"it lives"])
        self.assertEqual(len(self.lines(self.file(1))), 1)

    def test_a_file_in_the_middle_is_gone(self):
        sent = self.fill()
        self.stop()
        os.remove(self.file(2))
        self.begin()
        left = self.bodies()
        self.assertEqual([body for body in sent if body in left], left)
        self.assertEqual((left[0], left[-1]), (sent[0], sent[-1]))
        self.assertEqual(len(self.lines(self.file(2))), 1)

    def test_the_first_record_of_a_hub_that_has_no_checkpoint(self):
        """No other hub may be made in its place."""
        self.stop()
        shutil.rmtree(os.path.join(self.hub.data, "state"))
        self.rot(b"localhost")
        status, said = self.hub.fails_to_start()
        self.assertEqual(status, 1, said)
        self.assertIn("damaged", said)
        self.assertNotIn("makes one", said)


unittest.main()
