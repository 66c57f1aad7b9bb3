"""checkpoint.py D2DHUB: a damaged checkpoint is made again from the log where that has everything; otherwise the hub
does not start, names the file and what is wrong in it, and changes nothing."""
import os
import shutil
import sys
import tempfile
import time
import unittest

from peers import Site
from restarted import Restarted

HUB = sys.argv.pop(1)
CHECKPOINTS_S = 60  # one comes every five seconds


class Checkpoint(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="d2d-checkpoint-")

    def tearDown(self):
        self.hub.kill()
        shutil.rmtree(self.folder)

    def make(self, *init):
        self.hub = Restarted(HUB, self.folder, "--partitions", "1", *init)
        self.hub.start()
        site = Site(self.hub.data, self.hub.ports)
        site.add(["alpha", "beta"])
        return site

    def state(self, name="data.mdb"):
        return os.path.join(self.hub.data, "state", name)

    def flip(self):
        """A bit of the value of alpha, in pages that are free again, too."""
        with open(self.state(), "r+b") as f:
            text = bytearray(f.read())
            at = text.find(b"d/alpha")
            while at >= 0:
                text[at + 12] ^= 1
                at = text.find(b"d/alpha", at + 1)
            f.seek(0)
            f.write(text)

    def is_whole(self):
        site = Site(self.hub.data, self.hub.ports)
        for name in ("alpha", "beta"):
            self.assertEqual(site.ask("GET", f"/devices/{name}")[0], 200)
        site.https.close()

    def first_file(self):
        return sorted(n for n in os.listdir(os.path.join(self.hub.data, "log")) if n.endswith(".log"))[0]

    def make_trimmed(self):
        site = self.make("--segment-size", "64k", "--retention-size", "64k")
        end = time.monotonic() + CHECKPOINTS_S
        first = self.first_file()
        while self.first_file() == first:
            self.assertLess(time.monotonic(), end, self.hub.logged())
            for _ in range(4):
                status, body = site.ask("POST", "/devices/alpha/messages/events", b"x" * 30000)
                self.assertEqual(status, 204, body)
            time.sleep(0.5)
        site.https.close()
        self.hub.stop()

    def refused(self, *words):
        status, said = self.hub.fails_to_start()
        self.assertEqual(status, 1, said)
        for word in (*words, "d2dhub check --deep", "d2dhub restore", "Nothing was changed"):
            self.assertIn(word, said)

    def test_the_log_has_everything(self):
        self.make().https.close()
        self.hub.stop()
        self.flip()
        self.hub.start()
        self.is_whole()
        said = self.hub.logged()
        for word in ("checkpoint-made-anew", "data.mdb is damaged: page ", "d/alpha", "data.mdb.damaged-1"):
            self.assertIn(word, said)
        self.hub.stop()
        self.assertTrue(os.path.exists(self.state("data.mdb.damaged-1")))
        os.truncate(self.state(), 9000)
        self.hub.start()
        self.is_whole()
        self.hub.stop()
        self.assertTrue(os.path.exists(self.state("data.mdb.damaged-2")))
        for content in (b"no checkpoint " * 1000, b"\0" * 8192):
            with open(self.state(), "wb") as f:
                f.write(content)
            self.hub.start()
            self.is_whole()
            self.assertIn("checkpoint-made-anew", self.hub.logged())
            self.hub.stop()

    def test_the_beginning_of_the_log_is_trimmed(self):
        self.make_trimmed()
        self.flip()
        self.refused("data.mdb is damaged: page ", "d/alpha")
        self.flip()
        shutil.move(self.state(), self.state("aside"))
        self.refused("data.mdb is missing")
        shutil.move(self.state("aside"), self.state())
        self.hub.start()
        self.is_whole()
        self.hub.stop()

    def test_a_second_hub_is_refused(self):
        self.make().https.close()
        status, said = self.hub.fails_to_start()
        self.assertEqual(status, 1, said)
        self.assertIn("another hub runs in this folder", said)
        self.is_whole()
        self.hub.stop()


unittest.main()
