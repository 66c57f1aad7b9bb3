"""flips.py D2DHUB: bits of a stopped and of a killed hub's log and checkpoint turn over, their files are cut short,
zeroed, filled with noise, taken away; each time the hub starts on that and is asked for everything (D2D_FLIPS of them,
400; D2D_SEED).

What may come out, one word each:
  whole    nothing that can be seen is different
  told     less is there, and the log says what is damaged
  refused  it does not start, and names what is damaged
  torn     of the killed hub: the last write, of which nothing was acknowledged as far as anybody can know, was cut

and what may not: vague (refused without a name), lost (less is there and nothing is said), crash, hang, and later (what
it acknowledges from then on is gone after the next kill)."""
import base64
import collections
import concurrent.futures
import http.client
import json
import os
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "daemon"))
from events_until_now import events_until_now  # noqa: E402
from peers import VERSION, Site  # noqa: E402
from restarted import PORTS  # noqa: E402

HUB = os.path.abspath(sys.argv[1])
FLIPS = int(os.environ.get("D2D_FLIPS", "400"))
SEED = int(os.environ.get("D2D_SEED", str(random.randrange(1 << 32))))
WAIT_S = 30
CHECKPOINT_S = 6.5  # CHECKPOINT_MS, and a little
DEVICES = ["ada", "bea", "cleo", "dora", "eve"]
PASSING = ("connectionState", "connectionStateUpdatedTime", "lastActivityTime")  # what of a device is no state
BAD = ("vague", "lost", "crash", "hang", "later")


class Refused(Exception):
    """It ended before it was ready; its status is the argument."""


class Stuck(Exception):
    """No line of it came for too long."""


class Running:
    """A hub on a folder, and an operator's eye on it."""

    def __init__(self, data):
        self.log, self.site = data + ".said", None
        with open(self.log, "w") as said:
            self.process = subprocess.Popen([HUB, "run", "--data", data, "-o", "json", "--loops", "1", *PORTS],
                                            stdout=subprocess.PIPE, stderr=said)
        try:
            self.site = Site(data, self.ports())
        except BaseException:
            self.kill()
            raise

    def ports(self):
        said, ports = b"", {}
        while True:
            if not select.select([self.process.stdout], [], [], WAIT_S)[0]:
                raise Stuck("it does not become ready")
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                raise Refused(self.process.wait())
            *lines, said = (said + more).split(b"\n")
            for event in map(json.loads, lines):
                if event["event"] == "ready":
                    return ports
                ports[event["protocol"]] = event["port"]

    def said(self):
        with open(self.log, errors="replace") as said:
            return said.read()

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait(60)

    def kill(self):
        """Nothing happens to one that has ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if self.site:
            self.site.https.close()

    def ask(self, method, path, body=None, **headers):
        https = self.site.https
        https.timeout = WAIT_S
        https.request(method, path + VERSION, body, {**self.site.headers, **headers})
        answer = https.getresponse()
        return answer.status, answer.read().decode("latin1"), answer.headers

    def do(self, method, path, body=None, **headers):
        status, text, _ = self.ask(method, path, body if isinstance(body, str) else json.dumps(body), **headers)
        if status not in (200, 201, 204):
            raise AssertionError(f"{method} {path}: {status} {text}")


def keys(seed):
    return dict.fromkeys(("primaryKey", "secondaryKey"), base64.b64encode(bytes([seed]) * 32).decode())


def fill(hub, turn):
    """Something of each kind; the second turn comes after a checkpoint."""
    for i, name in enumerate(DEVICES[3 * turn:3 + 2 * turn]):
        hub.do("PUT", f"/devices/{name}", {"deviceId": name, "status": "disabled" if name == "cleo" else "enabled",
                                           "authentication": {"type": "sas", "symmetricKey": keys(i + 1)}})
    if turn == 0:
        hub.do("PUT", "/eventHubEndpoints/events/ConsumerGroups/readers", {})
        for path, id_name in (("enrollments", "registrationId"), ("enrollmentGroups", "enrollmentGroupId")):
            hub.do("PUT", f"/{path}/first",
                   {id_name: "first", "attestation": {"type": "symmetricKey", "symmetricKey": keys(9)}})
        with open(hub.site.ca) as pem:
            hub.do("PUT", "/certificates/house", {"properties": {"certificate": pem.read(), "isVerified": True}})
    fill_state(hub, turn)
    senders = ["ada", "bea"] + (DEVICES[3:] if turn else [])
    for i in range(40):
        hub.do("POST", f"/devices/{senders[i % len(senders)]}/messages/events",
               f"event {turn} {i} " + "e" * (i * 23 % 500))
        if i % 6 == 0:
            hub.do("POST", f"/devices/{senders[i % 2]}/messages/devicebound", f"mail {turn} {i} " + "m" * i * 3,
                   **{"iothub-ack": "full", "iothub-messageid": f"{turn}-{i}"})


def fill_state(hub, turn):
    """Twins, a module with one, a configuration that targets nobody, a job that came to its end."""
    for i, name in enumerate(DEVICES[:3 + 2 * turn]):
        hub.do("PATCH", f"/twins/{name}",
               {"tags": {"room": name, f"turn{turn}": [turn, {"deep": "t" * 20 * i}]}, "properties": {
                   "desired": {"level": i + turn, "text": "d" * 60 * i}}})
    if turn == 0:
        hub.do("PUT", "/devices/bea/modules/lock", {"deviceId": "bea", "moduleId": "lock"})
        hub.do("PUT", "/configurations/winter",
               {"id": "winter", "priority": 3, "targetCondition": "tags.room='nowhere'",
                "content": {"deviceContent": {"properties.desired.heat": {"to": 21}}}})
    hub.do("PATCH", "/twins/bea/modules/lock", {"tags": {"turn": turn}, "properties": {"desired": {"code": "m" * 300}}})
    hub.do("PUT", f"/jobs/v2/job-{turn}", {
        "jobId": f"job-{turn}", "type": "scheduleUpdateTwin", "queryCondition": "tags.room IN ['ada', 'bea']",
        "updateTwin": {"etag": "*", "properties": {"desired": {"job": turn}}}, "maxExecutionTimeInSeconds": 600})
    while json.loads(hub.ask("GET", f"/jobs/v2/job-{turn}")[1])["status"] != "completed":
        select.select([], [], [], 0.02)


def without(text, names):
    """A document, or all of a list, without members that may differ."""
    found = json.loads(text)
    for one in found if isinstance(found, list) else [found]:
        for name in names:
            one.pop(name, None)
    return found


def state_of(hub):
    """Twins, modules, configurations and jobs, by name."""
    seen = {}
    paths = [f"/twins/{name}" for name in DEVICES] + ["/twins/bea/modules/lock", "/devices/bea/modules",
                                                      "/configurations"]
    paths += [f"/jobs/v2/job-{turn}" for turn in range(2)]
    for path in paths:
        status, text, _ = hub.ask("GET", path)
        seen[path] = without(text, (*PASSING, "systemMetrics")) if status == 200 else status
    for query in ("SELECT * FROM devices", "SELECT * FROM devices.modules", "SELECT * FROM devices.jobs"):
        status, text, _ = hub.ask("POST", "/devices/query", json.dumps({"query": query}))
        seen[query] = sorted(map(str, without(text, PASSING))) if status == 200 else status
    return seen


def mail_of(hub, name):
    """All that waits for a device: what is taken is locked, so the next one comes."""
    got = []
    while len(got) < 100:
        status, text, headers = hub.ask("GET", f"/devices/{name}/messages/devicebound")
        if status != 200:
            got.append(status)
            break
        got.append((text, headers.get("iothub-sequencenumber"), headers.get("iothub-messageid")))
    return got


def all_of(hub):
    """What a client can see, by name. An answer that is a failure is one that differs."""
    seen = {}
    for name in DEVICES:
        status, text, _ = hub.ask("GET", f"/devices/{name}")
        device = {k: v for k, v in json.loads(text).items() if k not in PASSING} if status == 200 else status
        seen[f"device {name}"] = device
        seen[f"mail of {name}"] = mail_of(hub, name)
    status, text, _ = hub.ask("GET", "/devices")
    seen["list"] = sorted(d["deviceId"] for d in json.loads(text)) if status == 200 else status
    everything = '{"query":"SELECT * FROM enrollments"}'
    for path, method, body in (("/eventHubEndpoints/events/ConsumerGroups", "GET", None),
                               ("/certificates", "GET", None),
                               ("/enrollments/query", "POST", everything),
                               ("/enrollmentGroups/query", "POST", everything)):
        seen[path] = hub.ask(method, path, body)[:2]
    for event in events_until_now(hub.site):
        seen[f"event {event[0]}"] = event
    return {**seen, **state_of(hub)}


class Store:
    """A folder as a hub left it, and what it must show."""

    def __init__(self, folder, form):
        self.form, self.data = form, os.path.join(folder, form)
        subprocess.run([HUB, "init", "--data", self.data, "--name", "localhost", "--no-context",
                        "--segment-size", "16k", "--partitions", "1"], check=True, stdout=subprocess.DEVNULL)
        hub = Running(self.data)
        try:
            fill(hub, 0)
            # A checkpoint lies between: what is before it is in both, what is behind it in the log only.
            select.select([], [], [], CHECKPOINT_S)
            fill(hub, 1)
            hub.end(signal.SIGTERM if form == "stopped" else signal.SIGKILL)
        finally:
            hub.kill()
        copy = self.data + "-whole"
        shutil.copytree(self.data, copy)
        hub = Running(copy)
        try:
            self.wanted = all_of(hub)
        finally:
            hub.kill()
        shutil.rmtree(copy)
        self.files = [os.path.join(d, name) for d in ("log", "state")
                      for name in sorted(os.listdir(os.path.join(self.data, d)))
                      if "lock" not in name]
        self.used = {f: self.used_of(f) for f in self.files}

    def used_of(self, file):
        """As far as it says something: what is behind that is zeros."""
        with open(os.path.join(self.data, file), "rb") as f:
            return len(f.read().rstrip(b"\0")) + 64

    def plan(self, chance):
        """What, where, at which byte, and a number for it."""
        whats = ["flip"] * 12 + ["cut", "zero", "noise"]
        what = chance.choice(whats)
        if chance.randrange(60) == 0:
            return "gone", chance.choice([*self.files, "log", "state"]), 0, 0
        logs = [f for f in self.files if f.startswith("log")]
        file = chance.choices(logs, [self.used[f] for f in logs])[0] if chance.randrange(2) else "state/data.mdb"
        at = chance.randrange(self.used[file])
        if what != "flip" and chance.randrange(2):
            at &= ~511  # a sector
        return what, file, at, chance.randrange(8) if what == "flip" else chance.choice([512, 4096])


def spoil(path, what, at, number):
    if what == "gone":
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        return
    with open(path, "r+b") as f:
        if what == "cut":
            f.truncate(at)
            return
        f.seek(at)
        old = f.read(1 if what == "flip" else number)
        new = {"flip": lambda: bytes(b ^ 1 << number for b in old), "zero": lambda: bytes(len(old)),
               "noise": lambda: random.Random(at).randbytes(len(old))}[what]()
        f.seek(at)
        f.write(new)


def acknowledged_later(data):
    """What is wrong with what comes from now on, after one more kill; empty: nothing."""
    hub = Running(data)
    try:
        before = events_until_now(hub.site)
        hub.do("PUT", "/devices/late", {"deviceId": "late"})
        for i in range(3):
            hub.do("POST", "/devices/late/messages/events", f"later {i}")
        now = events_until_now(hub.site)
    finally:
        hub.kill()
    hub = Running(data)
    try:
        after = events_until_now(hub.site)
        status = hub.ask("GET", "/devices/late")[0]
    finally:
        hub.kill()
    if len(now) != len(before) + 3 or after != now or status != 200:
        return f"{len(before)} events, {len(now)} with three more, {len(after)} after the kill; the device: {status}"
    if len({e[0] for e in now}) != len(now) or len({e[1] for e in now}) != len(now):
        return "a number was given twice"
    return ""


def names_damage(said):
    return re.search(r"damag", said) and re.search(r"\.log\b|data\.mdb|/log\b|/state\b", said)


def judge(store, data, check_later):
    """(word, what was seen)"""
    hub = None
    try:
        hub = Running(data)
        seen = all_of(hub)
        wrong = [k for k in seen.keys() | store.wanted.keys() if seen.get(k) != store.wanted.get(k)]
        said = hub.said()
        hub.kill()
        word = "whole"
        if wrong:
            torn = "log-cut" in said and store.form == "killed"
            word = "torn" if torn else "told" if names_damage(said) else "lost"
        if check_later or "log-cut" in said:
            problem = acknowledged_later(data)
            if problem:
                return "later", problem
        return word, f"{len(wrong)} differ: {sorted(wrong)[:3]}" if wrong else ""
    except Refused as e:
        with open(data + ".said", errors="replace") as f:
            said = f.read()
        status = e.args[0]
        word = "crash" if status < 0 or status > 127 else "refused" if names_damage(said) else "vague"
        return word, f"status {status}: {said[-300:]}"
    except Stuck as e:
        return "hang", str(e)
    except (OSError, http.client.HTTPException, AssertionError, ValueError, KeyError) as e:
        if not hub:
            raise
        try:
            status = hub.process.wait(1)
        except subprocess.TimeoutExpired:
            named = "told" if names_damage(hub.said()) else "lost"
            return "hang" if "time" in str(e) else named, f"{type(e).__name__}: {e}"
        named = "told" if names_damage(hub.said()) else "vague"
        return "crash" if status < 0 or status > 127 else named, f"status {status}: {e}"
    finally:
        if hub:
            hub.kill()


def trial(folder, store, number):
    chance = random.Random(f"{SEED} {number}")
    what, file, at, how = store.plan(chance)
    data = os.path.join(folder, f"trial-{number}")
    shutil.copytree(store.data, data)
    try:
        spoil(os.path.join(data, file), what, at, how)
        word, seen = judge(store, data, what == "gone" or number % 16 == 0)
    finally:
        shutil.rmtree(data, ignore_errors=True)
        if os.path.exists(data + ".said"):
            os.remove(data + ".said")
    return word, f"trial {number} ({store.form}): {what} {file} at {at}, {how}: {seen}"


def main():
    folder = tempfile.mkdtemp(prefix="d2d-flips-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    words = collections.Counter()
    try:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
            stores = list(pool.map(lambda form: Store(folder, form), ("killed", "stopped")))
            for word, what in pool.map(lambda n: trial(folder, stores[n % 2], n), range(FLIPS)):
                words[word] += 1
                if word in BAD or os.environ.get("D2D_FLIPS_SHOW"):
                    print(f"{word}: {what}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"seed {SEED}: {FLIPS} damaged stores: " + ", ".join(f"{n} {word}" for word, n in sorted(words.items())))
    if any(words[word] for word in BAD):
        raise SystemExit("damage was not found, or cost more than it damaged")


if __name__ == "__main__":
    main()
