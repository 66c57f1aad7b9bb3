"""samples.py BUILD: data of every form that was ever written is read: by a reader of everything, by a hub that runs, by
a backup and what is restored of it; positions and contexts of clients too. Each sample has what it holds beside it
(make.py)."""
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "daemon"))
from peers import Site  # noqa: E402
from restarted import Restarted  # noqa: E402

BUILD = os.path.realpath(sys.argv.pop(1))
HUB, D2D, DUMP = (os.path.join(BUILD, name) for name in ["d2dhub", "d2d", "test/sample_dump"])
HUBS = sorted(name.removesuffix(".tar.xz") for name in os.listdir(HERE)
              if name.startswith("hub-") and name.endswith(".tar.xz"))


class Started(Restarted):
    """A hub that is there already."""

    def __init__(self, data):
        self.program, self.data, self.process = HUB, data, None
        self.said, self.env = data + "-said", dict(os.environ)


class Samples(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="d2d-samples-")
        self.hub = None

    def tearDown(self):
        if self.hub:
            self.hub.kill()
        shutil.rmtree(self.folder)

    def unpacked(self, name, at=None):
        with tarfile.open(os.path.join(HERE, f"{name}.tar.xz")) as tar:
            tar.extractall(os.path.join(self.folder, at or "."))
        return os.path.join(self.folder, at or ".", name)

    def told(self, name):
        with open(os.path.join(HERE, f"{name}.txt")) as text:
            return text.read().splitlines()

    def dumped(self, data):
        return subprocess.run([DUMP, data], check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()

    def d2d(self, *args, status=0, **env):
        done = subprocess.run([D2D, *args], capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, "HOME": self.folder, "XDG_CONFIG_HOME": self.folder, **env})
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout

    def test_there_are_some(self):
        self.assertGreaterEqual(len(HUBS), 2)

    def test_everything_in_them_is_read(self):
        for name in HUBS:
            with self.subTest(name):
                data = self.unpacked(name)
                self.assertEqual(self.dumped(data), self.told(name))
                self.assertEqual(self.dumped(data), self.told(name))

    def test_a_hub_runs_on_them_and_what_it_writes_is_read_again(self):
        for name in HUBS:
            with self.subTest(name):
                self.hub = Started(self.unpacked(name))
                self.hub.start()
                site = Site(self.hub.data, self.hub.ports)
                for device, status in [("phone", 200), ("off", 200), ("late", 200), ("pump", 200), ("gone", 404)]:
                    self.assertEqual(site.ask("GET", f"/devices/{device}")[0], status, device)
                site.https.close()
                self.hub.stop()
                # Messages that waited have expired meanwhile, feedback has, the time of jobs has come, and those that
                # ended may have been forgotten. A hub that does not tell of connections forgets who was there.
                passing = ("letter", "feedback", "device away", "job ", "of job ", "left ")
                stays = [line for line in self.told(name) if not line.startswith(passing)]
                self.assertEqual([line for line in self.dumped(self.hub.data) if not line.startswith(passing)], stays)

    def test_a_hub_tells_whom_the_one_before_it_lost(self):
        self.hub = Started(self.unpacked("hub-5"))
        self.hub.start("--connection-events", "on")
        site = Site(self.hub.data, self.hub.ports)
        strings = os.path.join(self.folder, "strings")
        self.hub.run("show", "--policy", "events", "--out", strings)
        with open(strings) as text:
            string = text.read().strip().replace("sb://localhost/", f"sb://localhost:{self.hub.ports['amqps']}/")
        read = self.d2d("events", "--since", "earliest", "--from", "left", "--ca-file", site.ca, "-n", "2",
                        "--timeout", "30s", "-o", "json", D2D_CONNECTION_STRING=string)
        told = [json.loads(line)["properties"]["opType"] for line in read.splitlines()]
        self.assertEqual(told, ["deviceConnected", "deviceDisconnected"])
        site.https.close()
        self.hub.stop()
        self.assertNotIn("left left", self.dumped(self.hub.data))

    def test_a_backup_of_them_is_restored(self):
        for name in HUBS:
            with self.subTest(name):
                data = self.unpacked(name)
                to, again = (os.path.join(self.folder, before + name) for before in ("to-", "again-"))
                # A hub that does not tell of connections forgets who was there.
                env = {**os.environ, "D2DHUB_CONNECTION_EVENTS": "on"}
                subprocess.run([HUB, "backup", "--data", data, to], check=True, capture_output=True, timeout=60)
                subprocess.run([HUB, "restore", to, "--data", again], check=True, capture_output=True, timeout=60,
                               env=env)
                self.assertEqual(self.dumped(again), self.told(name))

    def test_a_backup_of_before_is_restored(self):
        to, again = self.unpacked("backup-1"), os.path.join(self.folder, "again")
        subprocess.run([HUB, "backup", "--verify", to], check=True, capture_output=True, timeout=60)
        subprocess.run([HUB, "restore", to, "--data", again], check=True, capture_output=True, timeout=60)
        self.assertEqual(self.dumped(again), self.told("hub-2"))

    def test_a_reader_goes_on_at_its_saved_positions(self):
        self.hub = Started(self.unpacked("hub-2"))
        self.hub.start()
        strings = os.path.join(self.folder, "strings")
        self.hub.run("show", "--policy", "events", "--out", strings)
        with open(strings) as text:
            string = text.read().strip().replace("sb://localhost/", f"sb://localhost:{self.hub.ports['amqps']}/")
        for form in ["positions-1.json", "positions-2.json"]:
            with self.subTest(form):
                positions = os.path.join(self.folder, form)
                shutil.copy(os.path.join(HERE, form), positions)
                read = self.d2d("events", "--since", "earliest", "--resume", positions, "--ca-file",
                                os.path.join(self.hub.data, "tls", "ca.pem"), "-n", "92",
                                "-o", "raw", D2D_CONNECTION_STRING=string)
                # 20 of the 112 were read before.
                self.assertEqual(read.count("." * 200), 92)
        self.hub.stop()

    def test_contexts_of_clients(self):
        with tarfile.open(os.path.join(HERE, "contexts-1.tar.xz")) as tar:
            tar.extractall(self.folder)
        listed = self.d2d("context", "ls", "-o", "json")
        self.assertIn('"house"', listed)
        self.assertIn('"shed"', listed)


if __name__ == "__main__":
    unittest.main()
