"""repair.py BUILD: of a damaged data folder what is whole becomes a new one that is a hub, what is lost is named, and
the old one is not changed."""
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from peers import Site
from restarted import PORTS, Restarted

BUILD = os.path.realpath(sys.argv.pop(1))
HUB, STORE = os.path.join(BUILD, "d2dhub"), os.path.join(BUILD, "test", "kill9_store")
DEVICES = [f"device-{i:02}" for i in range(60)]
TWINS = DEVICES[20:24]
PASSING = ("connectionState", "lastActivityTime", "systemMetrics")  # what is no state
MAIL = 3
SEGMENT = 64 << 10


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1]))


def content(folder):
    """Of all files, with their modes."""
    found = {}
    for path, _, files in os.walk(folder):
        for name in files:
            with open(os.path.join(path, name), "rb") as f:
                found[os.path.join(path, name)] = (hashlib.sha256(f.read()).hexdigest(), os.stat(f.fileno()).st_mode)
    return found


def send(site, numbers, device=None):
    for number in numbers:
        name = device or DEVICES[number % 2]
        status, body = site.ask("POST", f"/devices/{name}/messages/events", f"<{number}".encode() + b"." * 2000)
        assert status == 204, body


def make(folder, *init):
    hub = Restarted(HUB, folder, "--segment-size", "64k", "--partitions", "2", *init)
    hub.start()
    site = Site(hub.data, hub.ports)
    site.add(DEVICES)
    for number in range(MAIL):
        status, body = site.post(DEVICES[5], f"letter {number}".encode())
        assert status == 201 or status == 204, body
    change(site)
    hub.state = state(site)
    send(site, range(100))
    site.add([DEVICES[8]])
    site.https.close()
    hub.stop()
    return hub


def change(site):
    """Twins, modules, a configuration that targets nobody, a job that came to its end."""
    for number, name in enumerate(TWINS):
        body = {"tags": {"room": "cellar", "number": number}, "properties": {"desired": {"text": name * 20}}}
        must(site, "PATCH", f"/twins/{name}", body)
    must(site, "PUT", f"/devices/{TWINS[0]}/modules/lock", {"deviceId": TWINS[0], "moduleId": "lock"})
    must(site, "PATCH", f"/twins/{TWINS[0]}/modules/lock", {"tags": {"of": "module"}})
    must(site, "PUT", "/configurations/winter",
         {"id": "winter", "priority": 1, "targetCondition": "tags.room='nowhere'",
          "content": {"deviceContent": {"properties.desired.heat": 21}}})
    must(site, "PUT", "/jobs/v2/work",
         {"jobId": "work", "type": "scheduleUpdateTwin", "queryCondition": "tags.room='cellar'",
          "updateTwin": {"etag": "*", "tags": {"worked": True}}, "maxExecutionTimeInSeconds": 600})
    while json.loads(must(site, "GET", "/jobs/v2/work"))["status"] != "completed":
        time.sleep(0.02)


def must(site, method, path, body=None):
    status, said = site.ask(method, path, body and json.dumps(body))
    assert status < 300, (path, status, said)
    return said


def state(site):
    """What there is of that, by name: None where it is not there."""
    found = {}
    for path in [*(f"/twins/{name}" for name in TWINS), f"/twins/{TWINS[0]}/modules/lock", "/configurations/winter",
                 "/jobs/v2/work"]:
        status, said = site.ask("GET", path)
        one = {k: v for k, v in json.loads(said).items() if k not in PASSING}
        found[path] = one if status == 200 and one.get("status") != "unknown" else None
    return found


class Repair(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="d2d-repair-")
        for name, init in (("whole", ()), ("trimmed", ("--retention-size", "64k"))):
            os.mkdir(os.path.join(cls.top, name))
            hub = make(os.path.join(cls.top, name), *init)
            cls.states[name] = hub.state
            # What is there now stays.
            with open(os.path.join(hub.data, "d2dhub.ini"), "r+") as ini:
                lines = [line for line in ini if not line.startswith("retention_size")]
                ini.seek(0)
                ini.truncate()
                ini.writelines(lines)

    states = {}

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.top)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="d2d-repair-")
        self.data, self.to, self.process = os.path.join(self.folder, "hub"), os.path.join(self.folder, "new"), None

    def tearDown(self):
        if self.process:
            self.end(signal.SIGKILL)
        shutil.rmtree(self.folder)

    # ---- what they do ----

    def take(self, name):
        """A copy of that hub, to be damaged."""
        self.wanted = dict(self.states[name])
        shutil.copytree(os.path.join(self.top, name, "hub"), self.data)

    def path(self, *names):
        return os.path.join(self.data, *names)

    def state(self):
        return self.path("state", "data.mdb")

    def segments(self, folder=None):
        folder = os.path.join(folder or self.data, "log")
        return [name for name in sorted(os.listdir(folder)) if name.endswith(".log")]

    def events(self, folder):
        lines = subprocess.run([STORE, "events", folder], check=True, capture_output=True,
                               text=True).stdout.splitlines()
        found = [int(line.split()[1].strip("<.")) for line in lines]
        self.assertEqual(len(found), len(set(found)), "twice")
        return set(found)

    def repair(self, status):
        """What it tells, but for the last line, which says that it is done."""
        before = content(self.data)
        done = subprocess.run([HUB, "repair", "--data", self.data, "-o", "json", self.to], capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertEqual(content(self.data), before)
        told = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(told[-1]["event"], "repaired", done.stderr)
        lost = [t for t in told[:-1] if t["event"] == "lost"]
        self.assertEqual(told[-1]["lost"], len(lost))
        self.assertEqual(status, 1 if lost else 0)
        for path, folders, files in os.walk(self.to):
            for name in [".", *folders, *files]:
                self.assertEqual(os.stat(os.path.join(path, name)).st_mode & 0o077, 0, os.path.join(path, name))
        return lost

    def start(self):
        self.process = subprocess.Popen([HUB, "run", "--data", self.to, "-o", "json", *PORTS], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        ports = {}
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == "ready":
                return Site(self.to, ports)
            ports[event["protocol"]] = event["port"]
        raise AssertionError(self.process.communicate()[1])

    def end(self, how):
        self.process.send_signal(how)
        said = self.process.communicate(timeout=60)[1]
        self.process = None
        return said

    def serves(self, devices=DEVICES, events=(), letters=MAIL):
        """And what comes later survives a kill."""
        site = self.start()
        for name in DEVICES:
            status, body = site.ask("GET", f"/devices/{name}")
            self.assertEqual(status, 200 if name in devices else 404, (name, body))
            if name == DEVICES[5] and name in devices:
                self.assertEqual(json.loads(body)["cloudToDeviceMessageCount"], letters)
        self.assertEqual(state(site), self.wanted)
        site.add(["later"])
        send(site, range(1000, 1010), "later")
        site.https.close()
        self.end(signal.SIGKILL)
        site = self.start()
        self.assertEqual(site.ask("GET", "/devices/later")[0], 200)
        site.https.close()
        said = self.end(signal.SIGTERM)
        self.assertNotIn("damaged", said)
        self.assertEqual(self.events(self.to), set(events) | set(range(1000, 1010)))
        checked = subprocess.run([HUB, "check", "--deep", "--data", self.to], capture_output=True, text=True,
                                 timeout=60, check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def kept(self, name="trimmed"):
        """The events of that hub as it was."""
        return self.events(os.path.join(self.top, name, "hub"))

    def gave_no_number_again(self):
        """The first place behind those that were ever given."""
        places = [int(name[:16], 16) for name in self.segments(self.to)]
        end = int(self.segments(os.path.join(self.top, "whole", "hub"))[-1][:16], 16) + SEGMENT
        self.assertGreater(places[-1], end + (1 << 30))

    # ---- nothing is lost ----

    def test_a_hub_that_is_whole(self):
        for name in ("whole", "trimmed"):
            self.take(name)
            self.assertEqual(self.repair(0), [])
            self.serves(events=self.kept(name))
            shutil.rmtree(self.data)
            shutil.rmtree(self.to)

    def test_a_damaged_checkpoint_is_made_from_the_log_that_has_everything(self):
        for damage in (lambda: os.truncate(self.state(), 9000), lambda: os.remove(self.state())):
            self.take("whole")
            damage()
            self.assertEqual(self.repair(0), [])
            self.serves(events=range(100))
            shutil.rmtree(self.data)
            shutil.rmtree(self.to)

    def test_a_page_that_leads_to_others_costs_nothing(self):
        """The pages below it are neither free nor reached: their values have checksums."""
        self.take("trimmed")
        with open(self.state(), "rb") as f:
            pages = f.read()
        branches = [at for at in range(8192, len(pages), 4096) if pages[at + 10] == 1]
        self.assertTrue(branches)
        for at in branches:
            flip(self.state(), at + 16)
        self.assertEqual(self.repair(0), [])
        self.serves(events=self.kept())

    # ---- what is damaged is lost ----

    def test_a_damaged_record(self):
        self.take("whole")
        name = self.segments()[1]
        flip(self.path("log", name), 30000)
        lost = self.repair(1)
        self.assertEqual([t["file"] for t in lost], ["log/" + name])
        self.assertLess(abs(lost[0]["offset"] - 30000), 4096)
        self.assertIn("an event", lost[0]["what"])
        self.assertIn(lost[0]["partition"], (0, 1))
        self.assertIn(lost[0]["device"], DEVICES[:2])
        number = self.kept("whole") - self.events(self.to)
        self.assertEqual(len(number), 1)
        self.serves(events=self.kept("whole") - number)
        self.gave_no_number_again()

    def spoil(self, key):
        """Each of its values, in free pages, too; what else holds the key (branches) stays as it is."""
        page, branch, overflow, head = 4096, 1, 4, 16
        with open(self.state(), "r+b") as f:
            text = bytearray(f.read())
            number = lambda at, size: int.from_bytes(text[at:at + size], "little")
            at, spoilt = text.find(key), set()
            while at >= 0:
                flags, length = number(at - 4, 2), number(at - 2, 2)
                big = number(at + len(key), 8) * page if flags & 1 else 0
                if length == len(key) and number(at // page * page + 10, 2) != branch:
                    if not big:
                        spoilt.add(at + len(key) + 9)
                    elif number(big, 8) * page == big and number(big + 10, 2) == overflow:
                        spoilt.add(big + head + 9)
                at = text.find(key, at + 1)
            self.assertTrue(spoilt)
            for at in spoilt:
                text[at] ^= 1
            f.seek(0)
            f.write(text)

    def test_a_value_of_the_checkpoint(self):
        self.take("trimmed")
        self.spoil(b"d/device-07")
        lost = self.repair(1)
        self.assertEqual([(t["file"], t["device"]) for t in lost], [("state/data.mdb", "device-07")])
        self.serves([name for name in DEVICES if name != "device-07"], self.kept())

    def lost_of(self, key, what, device=""):
        self.take("trimmed")
        self.spoil(key)
        lost = self.repair(1)
        self.assertEqual([(t["file"], t["what"].split(":")[0], t.get("device", "")) for t in lost],
                         [("state/data.mdb", what, device)])

    def test_a_twin_is_lost_and_its_device_is_not(self):
        self.lost_of(f"t/{TWINS[1]}".encode(), "a twin", TWINS[1])
        fresh = self.wanted[f"/twins/{TWINS[1]}"]
        now = self.looked_at()[f"/twins/{TWINS[1]}"]
        self.assertEqual((now["version"], now["deviceEtag"]), (2, fresh["deviceEtag"]))
        self.wanted[f"/twins/{TWINS[1]}"] = now
        self.serves(events=self.kept())

    def test_a_configuration(self):
        self.lost_of(b"p/3/winter", "a configuration")
        self.wanted["/configurations/winter"] = None
        self.serves(events=self.kept())

    def test_a_job(self):
        self.lost_of(b"jr/0000000000000001/000000", "devices of a job, and what became of them")
        self.serves(events=self.kept())

    def looked_at(self):
        site = self.start()
        try:
            return state(site)
        finally:
            site.https.close()
            self.end(signal.SIGTERM)

    def test_a_value_that_the_log_has_too(self):
        self.take("trimmed")
        self.spoil(b"d/device-08")
        self.assertEqual(self.repair(0), [])
        self.serves(events=self.kept())

    def test_all_but_the_first_pages_of_the_checkpoint(self):
        """What a hub cannot do without comes from hub.json."""
        self.take("trimmed")
        os.truncate(self.state(), 8192)
        lost = self.repair(1)
        said = " ".join(t["what"] for t in lost)
        for word in ("hub.json", "secondary keys", "what says how much there was"):
            self.assertIn(word, said)
        self.wanted = dict.fromkeys(self.wanted)
        self.serves([DEVICES[8]], self.kept())  # which changed last

    def test_the_checkpoint_is_missing(self):
        self.take("trimmed")
        shutil.rmtree(self.path("state"))
        lost = self.repair(1)
        self.assertIn("all of it: there is no such file", " ".join(t["what"] for t in lost))
        self.wanted = dict.fromkeys(self.wanted)
        self.serves([DEVICES[8]], self.kept())  # which changed last

    def test_without_hub_json_what_is_missing_is_named(self):
        self.take("trimmed")
        shutil.rmtree(self.path("state"))
        os.remove(self.path("hub.json"))
        done = subprocess.run([HUB, "repair", "--data", self.data, self.to], capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the name of the hub, its partitions and its scope id", done.stdout)
        self.assertIn("nothing was written", done.stderr)
        self.assertFalse(os.path.exists(self.to))

    # ---- the log has lost an end ----

    def test_the_log_is_missing(self):
        self.take("whole")
        shutil.rmtree(self.path("log"))
        lost = self.repair(1)
        self.assertEqual([(t["file"], t["what"]) for t in lost], [("log", "all of it: there are no files of it")])
        self.serves()
        self.gave_no_number_again()

    def test_the_end_of_the_log_is_missing(self):
        self.take("whole")
        used = []
        for name in self.segments():
            with open(self.path("log", name), "rb") as f:
                used += [name] if b"...." in f.read() else []
        self.assertGreater(len(used), 2)
        for name in self.segments()[len(used) - 1:]:
            os.remove(self.path("log", name))
        os.truncate(self.path("log", used[-2]), 40000)
        lost = self.repair(1)
        self.assertIn("its end is missing", lost[-1]["what"])
        found = self.events(self.to)
        self.assertEqual(found, set(range(len(found))))
        self.serves(events=found)
        self.gave_no_number_again()

    def test_files_in_the_middle_and_at_the_beginning_are_missing(self):
        for i in (0, 1):
            self.take("whole")
            os.remove(self.path("log", self.segments()[i]))
            lost = self.repair(1)
            self.assertIn("missing", lost[0]["what"])
            found = self.events(self.to)
            self.assertGreater(len(found), 50)
            self.serves(events=found)
            shutil.rmtree(self.data)
            shutil.rmtree(self.to)

    def test_the_log_of_another_hub(self):
        self.take("whole")
        shutil.rmtree(self.path("log"))
        shutil.copytree(os.path.join(self.top, "trimmed", "hub", "log"), self.path("log"))
        lost = self.repair(1)
        self.assertIn("belongs to another hub", lost[0]["what"])
        self.serves()

    # ---- what is refused ----

    def refused(self, *args, word, status=1):
        done = subprocess.run([HUB, "repair", *args], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn(word, done.stderr)

    def test_folders_that_cannot_be_meant(self):
        self.take("whole")
        data = ("--data", self.data)
        self.refused(*data, os.path.join(self.data, "new"), word="in the data folder")
        self.refused(*data, self.folder, word="contains the data folder")
        self.refused(*data, word="TO", status=2)
        self.refused("--data", self.to, self.data, word="no hub", status=4)
        os.mkdir(self.to)
        with open(os.path.join(self.to, "x"), "w"):
            pass
        self.refused(*data, self.to, word="not empty")
        os.remove(os.path.join(self.to, "x"))
        self.assertEqual(self.repair(0), [])
        self.refused("--data", self.data, self.to, word="not empty")

    def test_a_hub_that_runs(self):
        self.take("whole")
        self.to, to = self.data, self.to
        site = self.start()
        site.https.close()
        self.refused("--data", self.data, to, word="a hub runs")
        self.assertFalse(os.path.exists(to))


unittest.main()
