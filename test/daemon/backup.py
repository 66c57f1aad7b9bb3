"""backup.py BUILD: a hub is copied while it runs and is killed, and becomes a hub again that holds every message that
was acknowledged before the copy began; what is in the way is told, and costs no earlier copy (D2D_KILLS kills, 8)."""
import fcntl
import json
import os
import random
import re
import shutil
import signal
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from peers import Site, connect_once
from restarted import PORTS, Restarted

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from killing import packet, read, text  # noqa: E402

BUILD = os.path.realpath(sys.argv.pop(1))
HUB, STORE = os.path.join(BUILD, "d2dhub"), os.path.join(BUILD, "test", "kill9_store")
KILLS = int(os.environ.get("D2D_KILLS", "8"))
SEED = int(os.environ.get("D2D_SEED", str(random.randrange(1 << 32))))


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))


class Sender(threading.Thread):
    """Sends numbered messages, and remembers which were acknowledged; comes back when the hub was killed."""

    def __init__(self, name):
        super().__init__(daemon=True)
        self.name, self.site, self.number, self.acked, self.over = name, None, 0, [], False

    def run(self):
        while not self.over:
            site = self.site
            try:
                if site:
                    self.talk(site)
            except (OSError, AssertionError, ssl.SSLError):
                pass
            time.sleep(0.01)

    def talk(self, site):
        with connect_once(site, self.name, b"k" * 32) as s:
            waiting, inbox, next_id = [], b"", 0
            while not self.over:
                while len(waiting) < 16:
                    self.number += 1
                    next_id = next_id % 65535 + 1
                    waiting.append((next_id, self.number))
                    body = f"<{self.number}".encode() + b"." * 400
                    topic = text(f"devices/{self.name}/messages/events/")
                    s.sendall(packet(0x32, topic + struct.pack(">H", next_id) + body))
                inbox = read(s, inbox, 4)
                while len(inbox) >= 4:
                    expected, number = waiting.pop(0)
                    assert inbox[:4] == b"\x40\x02" + struct.pack(">H", expected), inbox[:4]
                    inbox = inbox[4:]
                    self.acked.append(number)


def must(site, method, path, body=None):
    status, said = site.ask(method, path, body and json.dumps(body))
    assert status < 300, (path, status, said)
    return said and json.loads(said)


def change(site, n):
    """A step of everything that is state; what is answered is on disk."""
    for name in ("a", "b"):
        must(site, "PATCH", f"/twins/{name}",
             {"tags": {"room": "hall", "n": n}, "properties": {"desired": {"n": [n, {"of": name}]}}})
    must(site, "PUT", f"/devices/a/modules/m{n}", {"deviceId": "a", "moduleId": f"m{n}"})
    must(site, "PATCH", f"/twins/a/modules/m{n}", {"tags": {"n": n}})
    must(site, "PUT", f"/configurations/c{n}", {"id": f"c{n}", "priority": n, "targetCondition": "tags.room='nowhere'",
                                                "content": {"deviceContent": {"properties.desired.heat": n}}})
    must(site, "PUT", f"/jobs/v2/j{n}",
         {"jobId": f"j{n}", "type": "scheduleUpdateTwin", "queryCondition": "tags.room='hall'",
          "updateTwin": {"etag": "*", "tags": {"job": n}}, "maxExecutionTimeInSeconds": 600})
    while must(site, "GET", f"/jobs/v2/j{n}")["status"] != "completed":
        time.sleep(0.02)


def state(site, steps):
    """What there is of all steps."""
    found = {path: must(site, "GET", path) for path in ("/twins/a", "/twins/b", "/devices/a/modules")}
    for n in range(steps):
        found.update({path: must(site, "GET", path)
                      for path in (f"/twins/a/modules/m{n}", f"/configurations/c{n}", f"/jobs/v2/j{n}")})
    for one in found.values():
        for passing in ("connectionState", "lastActivityTime", "systemMetrics"):
            for thing in one if isinstance(one, list) else [one]:
                thing.pop(passing, None)
                thing.pop("connectionStateUpdatedTime", None)
    return found


class Backup(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="d2d-backup-")
        self.hub = Restarted(HUB, self.folder, "--segment-size", "1m", "--partitions", "2")
        self.to = os.path.join(self.folder, "copy")
        self.senders = []

    def tearDown(self):
        for sender in self.senders:
            sender.over = True
        for sender in self.senders:
            sender.join(70)
        self.hub.kill()
        shutil.rmtree(self.folder)

    # ---- what they do ----

    def backup(self, *args, to=None, status=0):
        done = self.hub.run("backup", "-o", "json", *args, to or self.to, status=status)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        return events[-1] if status == 0 else done

    def restored(self, name="again"):
        """Another hub, of the backup."""
        folder = os.path.join(self.folder, name)
        done = subprocess.run([HUB, "restore", self.to, "--data", folder], capture_output=True, text=True, timeout=120,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return folder

    def begin(self, *names):
        self.hub.start()
        site = Site(self.hub.data, self.hub.ports)
        site.add(list(names))
        site.https.close()
        self.senders = [Sender(name) for name in names]
        for sender in self.senders:
            sender.site = site
            sender.start()

    def begin_again(self):
        self.hub.start()
        site = Site(self.hub.data, self.hub.ports)
        for sender in self.senders:
            sender.site = site

    def wait_for(self, count):
        deadline = time.monotonic() + 60
        wanted = sum(len(s.acked) for s in self.senders) + count
        while sum(len(s.acked) for s in self.senders) < wanted:
            self.assertLess(time.monotonic(), deadline, "nothing is acknowledged")
            time.sleep(0.005)

    def end_senders(self):
        for sender in self.senders:
            sender.over = True
        for sender in self.senders:
            sender.join(70)
            self.assertFalse(sender.is_alive())

    def events(self, folder):
        """{device: [number, ...]} of a hub that does not run."""
        found = {}
        lines = subprocess.run([STORE, "events", folder], check=True, capture_output=True,
                               text=True).stdout.splitlines()
        for line in lines:
            name, number = line.split()
            found.setdefault(name, []).append(int(number.rstrip(".")))
        return found

    def segments(self, folder=None):
        folder = os.path.join(folder or self.hub.data, "log")
        return sorted(name for name in os.listdir(folder) if name.endswith(".log"))

    def has_all(self, folder, acked):
        found = self.events(folder)
        for name, numbers in acked.items():
            got = found.get(name, [])
            self.assertEqual(got, sorted(set(got)), f"{name}: twice, or out of order")
            missing = set(numbers) - set(got)
            self.assertFalse(missing, f"{name}: lost {sorted(missing)[:5]}")

    def has_state(self, folder, wanted, steps):
        """A hub of that folder serves it."""
        hub = Restarted.__new__(Restarted)
        hub.__dict__.update(self.hub.__dict__, data=folder, process=None, said=folder + "-said")
        hub.start()
        try:
            site = Site(folder, hub.ports)
            self.assertEqual(state(site, steps), wanted)
            site.https.close()
        finally:
            hub.kill()

    # ---- a copy that is whole ----

    def test_a_running_hub_is_copied_and_restored_with_all_that_was_acknowledged(self):
        self.begin("a", "b")
        for round in range(3):
            self.wait_for(1500)
            site = Site(self.hub.data, self.hub.ports)
            change(site, round)
            wanted = state(site, round + 1)
            site.https.close()
            acked = {s.name: list(s.acked) for s in self.senders}
            self.backup()
            self.backup("--verify")
            again = self.restored(f"again-{round}")
            self.has_all(again, acked)
            self.has_state(again, wanted, round + 1)
        self.end_senders()
        self.hub.stop()
        self.backup()
        again = self.restored()
        self.has_all(again, {s.name: s.acked for s in self.senders})
        # And it is a hub: with the keys, the names and the devices of the first.
        first = json.loads(self.hub.run("show", "-o", "json").stdout)
        self.hub.data = again
        self.hub.start()
        self.assertEqual(json.loads(self.hub.run("show", "-o", "json").stdout)["connection_strings"],
                         first["connection_strings"])
        site = Site(again, self.hub.ports)
        self.assertEqual(site.ask("GET", "/devices/b")[0], 200)
        connect_once(site, "a", b"k" * 32).close()
        site.https.close()
        self.hub.stop()

    def test_hub_and_backup_are_killed_and_the_last_whole_copy_is_always_whole(self):
        chance = random.Random(SEED)
        self.begin("a", "b")
        self.wait_for(200)
        self.backup()
        acked = {s.name: [] for s in self.senders}
        for kill in range(KILLS):
            self.wait_for(300)
            now = {s.name: list(s.acked) for s in self.senders}
            running = subprocess.Popen([HUB, "backup", "--data", self.hub.data, "-o", "json", self.to],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            time.sleep(chance.random() * 0.1)
            if kill % 2:
                self.hub.kill()
            else:
                running.kill()
            running.communicate(timeout=60)
            if running.returncode == 0:
                acked = now
            if kill % 2:
                self.begin_again()
            self.backup("--verify")
            self.has_all(self.restored(f"again-{kill}"), acked)
        self.end_senders()
        self.hub.stop()
        self.backup()
        self.has_all(self.restored(), {s.name: s.acked for s in self.senders})

    def test_only_what_is_new_is_copied(self):
        self.begin("a")
        while len(self.segments()) < 5:
            self.wait_for(500)
        first = self.backup()
        inodes = {name: (s.st_ino, s.st_mtime_ns) for name in self.segments(self.to)
                  for s in [os.stat(os.path.join(self.to, "log", name))]}
        self.assertGreaterEqual(first["copied"], 3)
        self.wait_for(100)
        for name in self.segments():  # times say nothing
            os.utime(os.path.join(self.hub.data, "log", name), (1, 1))
        second = self.backup()
        self.assertGreaterEqual(second["unchanged"], first["copied"] - 2)
        self.assertLessEqual(second["copied"], 3)
        for name in list(inodes)[:-2]:
            s = os.stat(os.path.join(self.to, "log", name))
            self.assertEqual((s.st_ino, s.st_mtime_ns), inodes[name])
        self.end_senders()
        self.hub.stop()
        self.backup()
        idle = self.backup()
        self.assertLess(idle["copied_bytes"], 1 << 20)
        self.has_all(self.restored(), {"a": self.senders[0].acked})

    def test_what_the_hub_has_trimmed_leaves_the_copy_too(self):
        with open(os.path.join(self.hub.data, "d2dhub.ini"), "a") as ini:
            ini.write("retention_size = 2m\n")
        self.begin("a")
        while len(self.segments()) < 3:
            self.wait_for(500)
        self.backup()
        deadline = time.monotonic() + 60
        while "0000000000000000.log" in self.segments():
            self.assertLess(time.monotonic(), deadline, "nothing is trimmed")
            self.wait_for(500)
        self.backup()
        self.assertEqual([n for n in self.segments(self.to) if n < self.segments()[0]], [])
        self.end_senders()
        self.hub.stop()
        self.restored()

    def test_a_restored_hub_gives_no_number_again(self):
        """The lost hub went on after the backup; of what it gave then nothing comes again, and restoring goes on
        working."""
        self.begin("a")
        self.wait_for(200)
        self.backup()
        self.wait_for(200)
        self.end_senders()
        self.hub.stop()
        end = int(self.segments()[-1][:16], 16) + (1 << 20)
        self.hub.data = self.restored()
        self.assertGreater(int(self.segments()[-1][:16], 16), end + (1 << 30))
        first = self.senders[0].acked
        self.begin("a")
        self.wait_for(200)
        self.end_senders()
        self.hub.stop()
        found = self.events(self.hub.data)["a"]
        self.assertLessEqual(set(self.senders[0].acked), set(found[-len(self.senders[0].acked) - 32:]))
        self.assertEqual(found[:100], first[:100])
        checked = self.hub.run("check", "--https-port", "0", "--mqtts-port", "0", "--amqps-port", "0", "--listen",
                               "127.0.0.1")
        self.assertNotIn("damaged", checked.stdout)
        self.to += "-2"
        self.backup()
        self.backup("--verify")
        self.assertEqual(self.events(self.restored("third"))["a"], found)

    def test_a_deep_check_names_each_damage(self):
        self.begin("a")
        while len(self.segments()) < 4:
            self.wait_for(500)
        self.hub.run("check", "--deep")
        self.end_senders()
        self.hub.stop()
        whole = json.loads(self.hub.run("check", "--deep", "-o", "json").stdout)
        self.assertGreater(whole["records"], 1000)
        self.assertGreater(whole["values"], 5)
        names = self.segments()
        flip(os.path.join(self.hub.data, "log", names[0]), 300000)
        flip(os.path.join(self.hub.data, "log", names[1]), 700000)
        events = [json.loads(line)
                  for line in self.hub.run("check", "--deep", "-o", "json", status=1).stdout.splitlines()]
        self.assertEqual([e.get("file") for e in events], ["log/" + names[0], "log/" + names[1], None])
        self.assertEqual(events[-1]["damages"], 2)
        self.assertEqual(events[-1]["records"], whole["records"] - 2)
        flip(os.path.join(self.hub.data, "log", names[0]), 300000)
        flip(os.path.join(self.hub.data, "log", names[1]), 700000)
        self.hub.run("check", "--deep")
        path = os.path.join(self.hub.data, "state", "data.mdb")
        with open(path, "rb") as state:
            places = [found.start() + 30 for found in re.finditer(b"d/a", state.read())]  # in free pages, too
        for at in places:
            flip(path, at)
        found = json.loads(self.hub.run("check", "--deep", "-o", "json", status=1).stdout.splitlines()[0])
        self.assertEqual(found["file"], "state/data.mdb")
        self.assertRegex(found["what"], 'page [0-9]+')
        for at in places:
            flip(path, at)
        self.hub.run("check", "--deep")
        with open(path, "r+b") as state:
            state.truncate(5000)
        self.assertIn("state/data.mdb", self.hub.run("check", "--deep", status=1).stdout)
        self.refused("check", "--deep", "--data", self.folder, word="no hub", status=4)

    def test_secrets_are_for_the_owner_only(self):
        self.backup()
        again = self.restored()
        for top in [self.to, again]:
            for path, folders, files in os.walk(top):
                for name in [".", *folders, *files]:
                    self.assertEqual(os.stat(os.path.join(path, name)).st_mode & 0o077, 0, os.path.join(path, name))
        for name in ["hub.json", "d2dhub.ini", "tls/ca-key.pem", "tls/server.pem"]:
            with open(os.path.join(self.hub.data, name), "rb") as old, open(os.path.join(again, name), "rb") as new:
                self.assertEqual(old.read(), new.read(), name)

    # ---- what is in the way ----

    def refused(self, *args, word, status=1):
        done = subprocess.run([HUB, *args], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn(word, done.stderr)

    def test_folders_that_cannot_be_meant(self):
        other = os.path.join(self.folder, "other")
        os.mkdir(other)
        stranger = Restarted(HUB, other)
        self.backup()
        data = ["--data", self.hub.data]
        self.refused("backup", *data, os.path.join(self.hub.data, "copy"), word="outside")
        self.assertFalse(os.path.exists(os.path.join(self.hub.data, "copy")))
        self.refused("backup", *data, self.folder, word="contains the data folder")
        self.refused("backup", *data, stranger.data, word="not of a backup")
        self.refused("backup", "--data", stranger.data, self.to, word="another hub")
        self.refused("backup", "--data", other, self.to, word="no hub", status=4)
        self.refused("backup", *data, word="TO", status=2)
        self.refused("backup", *data, "--list", "--verify", self.to, word="exclude each other", status=2)
        self.refused("restore", self.to, "--data", self.hub.data, word="already a hub")
        self.refused("restore", other, "--data", os.path.join(self.folder, "x"), word="no complete backup")
        self.assertFalse(os.path.exists(os.path.join(self.folder, "x")))
        self.backup("--verify")

    def test_a_backup_that_is_damaged_is_not_restored(self):
        self.backup()
        manifest = os.path.join(self.to, "manifest")
        with open(manifest) as f:
            files = json.loads(f.readline())["files"]
        for name in [f["from"] for f in files] + ["manifest"]:
            path, x = os.path.join(self.to, name), os.path.join(self.folder, "x")
            flip(path, os.path.getsize(path) // 2)
            self.refused("restore", self.to, "--data", x, word=os.path.basename(name))
            self.refused("backup", "--verify", self.to, word=os.path.basename(name))
            self.assertFalse(os.path.exists(x))
            flip(path, os.path.getsize(path) // 2)
            os.rename(path, path + "-")
            self.refused("restore", self.to, "--data", x, word="manifest" if name == "manifest" else "missing")
            os.rename(path + "-", path)
        self.restored()

    def test_a_hub_that_is_damaged_is_told_and_the_rest_is_saved(self):
        self.begin("a")
        while len(self.segments()) < 3:
            self.wait_for(500)
        self.end_senders()
        self.hub.stop()
        path = os.path.join(self.hub.data, "log", self.segments()[0])
        flip(path, 500000)
        done = self.backup(status=1)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([e["event"] for e in events], ["damage", "complete"])
        self.assertEqual(events[0]["file"], "log/" + self.segments()[0])
        self.assertLess(abs(events[0]["offset"] - 500000), 1024)
        self.backup("--verify")
        self.backup(status=1)
        flip(path, 500000)
        self.backup()
        self.has_all(self.restored(), {"a": self.senders[0].acked})

    def test_a_file_that_cannot_be_read_or_written(self):
        self.backup()
        key = os.path.join(self.hub.data, "tls", "ca-key.pem")
        os.remove(key)
        os.symlink("/etc/passwd", key)  # no link is followed
        self.backup()
        self.assertFalse(os.path.exists(os.path.join(self.restored(), "tls", "ca-key.pem")))
        with open("/dev/full", "w") as nowhere:
            full = subprocess.run([HUB, "backup", "--data", self.hub.data, self.to], stdout=nowhere,
                                  stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        self.assertEqual(full.returncode, 1)
        self.assertIn("standard output", full.stderr)
        self.backup("--verify")

    def test_interrupted(self):
        self.begin("a")
        while len(self.segments()) < 4:
            self.wait_for(500)
        self.backup()
        self.end_senders()
        # as the hub, while it trims: the backup waits
        with open(os.path.join(self.hub.data, "log", "lock"), "r+b") as held:
            fcntl.lockf(held, fcntl.LOCK_EX, 1)
            waits = subprocess.Popen([HUB, "backup", "--data", self.hub.data, self.to], stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, text=True)
            time.sleep(0.3)
            self.assertIsNone(waits.poll())
            waits.send_signal(signal.SIGINT)
            _, said = waits.communicate(timeout=60)
        self.assertEqual(waits.returncode, 130)
        self.assertIn("before is still whole", said)
        self.backup("--verify")
        self.restored()

    def test_two_at_the_same_time(self):
        self.backup()
        with open(os.path.join(self.to, "lock")) as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            self.refused("backup", "--data", self.hub.data, self.to, word="another backup")

    @unittest.skipUnless(os.geteuid() == 0, "only root gives files away")
    def test_what_root_restores_belongs_to_the_owner_of_the_folder(self):
        os.chmod(self.folder, 0o755)
        for path, folders, files in os.walk(self.hub.data):
            for name in [".", *folders, *files]:
                os.chown(os.path.join(path, name), 65534, 65534)
        self.backup()
        self.assertEqual({os.stat(os.path.join(p, n)).st_uid for p, d, f in os.walk(self.hub.data)
                          for n in [".", *d, *f]}, {65534})
        again = os.path.join(self.folder, "again")
        os.mkdir(again, 0o700)
        os.chown(again, 65534, 65534)
        self.restored()
        self.assertEqual({os.stat(os.path.join(p, n)).st_uid for p, d, f in os.walk(again) for n in [".", *d, *f]},
                         {65534})


if __name__ == "__main__":
    try:
        unittest.main()
    except SystemExit as end:
        if end.code:
            print(f"seed {SEED}", file=sys.stderr)
        raise
