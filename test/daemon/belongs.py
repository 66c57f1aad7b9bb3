"""belongs.py D2DHUB: a log and a checkpoint that do not belong together are refused, with both sides and what to do,
and not changed: once they are put right, the hub starts with everything that it acknowledged."""
import os
import re
import shutil
import sys
import tempfile
import unittest

from peers import Site
from restarted import Restarted

HUB = sys.argv.pop(1)


class Belongs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="d2d-belongs-")
        self.hub = Restarted(HUB, self.folder, "--segment-size", "1m", "--partitions", "1")
        self.hub.start()
        self.add("device")
        self.hub.stop()

    def tearDown(self):
        self.hub.kill()
        shutil.rmtree(self.folder)

    def add(self, prefix, hub=None):
        hub = hub or self.hub
        site = Site(hub.data, hub.ports)
        site.add([f"{prefix}-{i}" for i in range(5)])
        site.https.close()

    def log(self, *names):
        return os.path.join(self.hub.data, "log", *names)

    def whole_log(self):
        return sorted(name for name in os.listdir(self.log()) if name.endswith(".log"))

    def refused(self, *words):
        before = {name: os.stat(self.log(name)).st_size for name in self.whole_log()}
        status, said = self.hub.fails_to_start()
        self.assertEqual(status, 1, said)
        for word in (*words, "Nothing was changed", "put back"):
            self.assertIn(word, said)
        self.assertEqual(before, {name: os.stat(self.log(name)).st_size for name in self.whole_log()})
        checked = self.hub.run("check", status=1)
        for word in words:
            self.assertIn(word, checked.stdout)

    def starts_whole(self):
        self.hub.start()
        site = Site(self.hub.data, self.hub.ports)
        status, body = site.ask("GET", "/devices/device-4")
        site.https.close()
        self.assertEqual(status, 200, body)
        self.hub.stop()

    def test_the_log_is_emptied(self):
        aside = os.path.join(self.folder, "aside")
        shutil.move(self.log(), aside)
        os.mkdir(self.log(), 0o700)
        self.refused("its files are missing", "the checkpoint is valid up to place")
        self.assertEqual(self.whole_log(), [])
        shutil.rmtree(self.log())
        shutil.move(aside, self.log())
        self.starts_whole()

    def test_the_log_of_another_hub(self):
        aside, other = os.path.join(self.folder, "aside"), os.path.join(self.folder, "other")
        os.mkdir(other)
        stranger = Restarted(HUB, other, "--segment-size", "1m", "--partitions", "1")
        stranger.start()
        self.add("device", stranger)
        self.add("other", stranger)
        stranger.stop()
        shutil.move(self.log(), aside)
        shutil.copytree(os.path.join(stranger.data, "log"), self.log())
        self.refused("do not belong together", "the checkpoint belongs to the log")
        shutil.rmtree(self.log())
        shutil.move(aside, self.log())
        self.starts_whole()

    def test_the_checkpoint_is_newer_than_the_log(self):
        """As a copy of a running folder has it."""
        aside, older = os.path.join(self.folder, "aside"), os.path.join(self.folder, "older")
        shutil.copytree(self.log(), older)
        self.hub.start()
        self.add("later")
        self.hub.stop()
        shutil.move(self.log(), aside)
        shutil.move(older, self.log())
        self.refused("the checkpoint is valid up to place", "damaged or missing")
        shutil.rmtree(self.log())
        shutil.move(aside, self.log())
        self.starts_whole()

    def test_the_oldest_file_is_missing(self):
        self.hub.start()
        site = Site(self.hub.data, self.hub.ports)
        for _ in range(40):
            status, body = site.ask("POST", "/devices/device-0/messages/events", b"x" * 60_000)
            self.assertEqual(status, 204, body)
        site.https.close()
        self.hub.stop()
        self.assertGreater(len(self.whole_log()), 2)
        oldest, aside = self.log(self.whole_log()[0]), os.path.join(self.folder, "aside")
        shutil.move(oldest, aside)
        self.refused("its oldest files are missing", "trimmed")
        shutil.move(aside, oldest)
        self.starts_whole()

    def test_a_checkpoint_that_cannot_be_opened(self):
        """Whatever was opened before it is closed once."""
        checkpoint, aside = os.path.join(self.hub.data, "state", "data.mdb"), os.path.join(self.folder, "aside")
        shutil.move(checkpoint, aside)
        os.environ["MALLOC_PERTURB_"] = "165"  # what is freed is not read as if it were there
        self.addCleanup(os.environ.pop, "MALLOC_PERTURB_")
        os.mkdir(checkpoint)
        self.not_opened("state/data.mdb", "it is not a file")
        os.rmdir(checkpoint)
        shutil.move(aside, checkpoint)
        self.starts_whole()

    def test_a_log_that_cannot_be_opened(self):
        aside = os.path.join(self.folder, "aside")
        shutil.move(self.log(), aside)
        with open(self.log(), "w", encoding="ascii") as f:
            f.write("a file")
        self.not_opened("log", "Not a directory")
        os.remove(self.log())
        shutil.move(aside, self.log())
        self.starts_whole()

    def not_opened(self, below, why):
        status, said = self.hub.fails_to_start()
        self.assertEqual(status, 1, said)
        self.assertRegex(said, f"{re.escape(os.path.join(self.hub.data, below))}.*: {why}")


unittest.main()
