"""kill9_state.py D2DHUB: SIGKILL at random moments (D2D_KILLS of them, 10 to 300) while the state of devices changes
from all sides: devices report over MQTT and follow what is desired, a service patches twins one by one and in bulk,
jobs go over a fleet, configurations come and go, devices are deleted and made again with their modules.

Whoever comes back after a kill finds the version that was acknowledged last, or one more for each change that was on
its way, with exactly those values. What a device was told is never taken back, and it is told of each version once and
in order."""
import json
import os
import random
import signal
import sys
import time

from killed import KEY, SEED, Killed, Service, device
from killing import Mqtt, Part

HUB = sys.argv[1]
KILLS = int(os.environ.get("D2D_KILLS_OF_STATE", min(300, int(os.environ.get("D2D_KILLS", "10")))))
WINDOW, FLEET, LAMPS, BULK, PAGE = 8, 600, 40, 25, 100
SOON_S = 40


class Reporter(Part):
    """A device: its reports are numbered and nobody else reports for it, so each version has one number."""

    def __init__(self, name, *rest):
        super().__init__(name, *rest)
        self.number, self.version, self.value, self.waiting = 0, 1, None, []
        self.desired, self.followed, self.told, self.heard = 0, {}, {}, 0

    def work(self):
        mqtt = Mqtt(self.name, self.ports, self.context, KEY)
        try:
            self.talk(mqtt)
        finally:
            mqtt.s.close()

    def talk(self, mqtt):
        mqtt.subscribe("$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#")
        mqtt.publish("$iothub/twin/GET/?$rid=get")
        self.early = 0
        while not self.take(mqtt):
            pass
        self.early = None
        while self.wanted.is_set() or self.waiting:
            while self.wanted.is_set() and len(self.waiting) < WINDOW:
                self.number += 1
                self.waiting.append(self.number)
                patch = {"n": self.number, f"k{self.number % 5}": {"of": self.number},
                         f"k{(self.number + 2) % 5}": None}
                mqtt.publish(f"$iothub/twin/PATCH/properties/reported/?$rid={self.number}", json.dumps(patch).encode())
            self.take(mqtt)

    def take(self, mqtt):
        """True: it was the answer to the GET."""
        topic, body = mqtt.publication()
        if topic.startswith("$iothub/twin/PATCH/properties/desired/"):
            self.hear(int(topic.split("$version=")[1]), json.loads(body))
            return False
        status, rest = topic[len("$iothub/twin/res/"):].split("/?$rid=")
        if rest == "get":
            assert status == "200", f"{self.name}: GET: {status} {body}"
            self.reconcile(json.loads(body))
            return True
        number, version = rest.split("&$version=")
        assert status == "204" and int(number) == self.waiting.pop(0), f"{self.name}: {topic} {body}"
        assert int(version) == self.version + 1, f"{self.name}: {version} was acknowledged behind {self.version}"
        self.version, self.value = int(version), int(number)
        return False

    def reconcile(self, twin):
        reported, desired = twin["reported"], twin["desired"]
        more = reported["$version"] - self.version
        assert 0 <= more <= len(self.waiting), (
            f"{self.name}: reported {reported}, {self.version} was acknowledged, {self.waiting} not")
        if more:
            self.value = self.waiting[more - 1]
        assert reported.get("n") == self.value, f"{self.name}: {reported} instead of {self.value}"
        self.version, self.waiting = reported["$version"], []
        told = max(self.desired, self.early)
        assert desired["$version"] >= told, f"{self.name}: was told of {told}, and there is {desired}"
        self.note(desired.pop("$version"), desired)

    early = None  # until it knows what there is: the last one that it was told of

    def hear(self, version, patch):
        if self.early is not None:
            self.early = version
            return
        if version <= self.desired and not self.fresh:
            return  # it is in what was read already
        assert version == self.desired + 1, f"{self.name}: told of {version} behind {self.desired}"
        assert patch.pop("$version") == version
        self.heard, self.fresh = self.heard + 1, True
        values = {**self.followed, **patch}
        self.note(version, {k: v for k, v in values.items() if v is not None}, True)

    fresh = False

    def note(self, version, values, fresh=False):
        known = self.told.setdefault(version, values)
        assert known == values, f"{self.name}: version {version} was {known}, and is {values}"
        self.desired, self.followed, self.fresh = version, values, fresh


class Steps(Service):
    """One change after the other: after a kill there is what was before the one that was not acknowledged, or what is
    behind it."""

    def __init__(self, name, *rest):
        super().__init__(name, *rest)
        self.number, self.done, self.state, self.next = 0, 0, None, None

    def work(self):
        connection = self.https()
        self.look(connection)
        while self.wanted.is_set():
            self.number += 1
            self.next, (method, path, body) = self.plan()
            answer = self.must(connection, method, path, body)
            self.answered(answer)
            self.state, self.next, self.done = self.next, None, self.done + 1

    def answered(self, answer):
        pass

    def look(self, connection):
        found = self.read(connection)
        if self.state is not None:
            self.compare(found)
        self.state, self.next = found, None

    def compare(self, found):
        may = [self.state] if self.next is None else [self.state, self.next]
        assert found in may, f"{self.name}: {found} instead of {' or '.join(map(str, may))}"

    def must(self, connection, method, path, body=None, status=(200, 204)):
        extra = {"If-Match": '"*"'} if method == "DELETE" or path.startswith("/twins/") else {}
        answer, said = self.ask(connection, method, path, self.headers(**extra),
                                None if body is None else json.dumps(body))
        assert answer.status in status, f"{self.name}: {method} {path}: {answer.status} {said}"
        return json.loads(said) if said and answer.status < 300 else None

    def rows(self, connection, query):
        """All pages of it, without what a kill has cut off."""
        found, more = [], {"x-ms-max-item-count": str(PAGE)}
        while more:
            answer, said = self.ask(connection, "POST", "/devices/query", self.headers(**more),
                                    json.dumps({"query": query}))
            assert answer.status == 200, f"{self.name}: {query}: {answer.status} {said}"
            found += json.loads(said)
            token = answer.headers["x-ms-continuation"]
            more = {"x-ms-max-item-count": str(PAGE), "x-ms-continuation": token} if token else None
        return found


def seen(twin):
    """The version of what is desired, its values, the tags; each change of a twin is one version of it, and tags come
    with one."""
    desired, reported = (dict(twin["properties"][part]) for part in ("desired", "reported"))
    version = desired.pop("$version")
    desired.pop("$metadata")
    more = twin["version"] - version - reported["$version"]
    assert 0 <= more <= ("group" in twin.get("tags", {})), f"{twin['deviceId']}: {twin}"
    return version, desired, twin.get("tags", {})


class Patcher(Steps):
    """Nobody else desires anything of these devices, which report meanwhile."""

    def __init__(self, devices, *rest):
        super().__init__("patcher", *rest)
        self.devices = devices

    def read(self, connection):
        return {name: seen(self.must(connection, "GET", f"/twins/{name}")) for name in self.devices}

    def plan(self):
        name, n = self.chance.choice(self.devices), self.number
        version, desired, tags = self.state[name]
        if self.chance.random() < 0.2:
            wanted, method = {"d": n}, "PUT"
            after = (version + 1, wanted, {"t": n})
        else:
            wanted, method = {"d": n, f"x{n % 3}": f"{n} " * (n % 50), f"x{(n + 1) % 3}": None}, "PATCH"
            after = (version + 1, {k: v for k, v in {**desired, **wanted}.items() if v is not None}, {**tags, "t": n})
        self.changed = name
        return {**self.state, name: after}, (method, f"/twins/{name}",
                                             {"tags": {"t": n}, "properties": {"desired": wanted}})

    def answered(self, answer):
        assert seen(answer) == self.next[self.changed], f"{self.name}: {answer} instead of {self.next[self.changed]}"


class Bulk(Steps):
    """Each device of a request is changed, or not yet."""

    def read(self, connection):
        twins = self.rows(connection, "SELECT * FROM devices WHERE STARTSWITH(deviceId, 'bulk-')")
        assert len(twins) == BULK, f"{self.name}: {len(twins)} devices"
        return {twin["deviceId"]: seen(twin) for twin in twins}

    def plan(self):
        n = self.number
        wanted = [{"id": name, "importMode": "updateTwin", "twinETag": "*", "tags": {"t": n},
                   "properties": {"desired": {"d": n}}} for name in self.state]
        after = {name: (version + 1, {"d": n}, {"t": n}) for name, (version, _, _) in self.state.items()}
        return after, ("POST", "/devices", wanted)

    def answered(self, answer):
        assert answer["isSuccessful"], answer

    def compare(self, found):
        for name, is_now in found.items():
            may = [self.state[name]] if self.next is None else [self.state[name], self.next[name]]
            assert is_now in may, f"{name}: {is_now} instead of {' or '.join(map(str, may))}"


class Home(Steps):
    """A device and its modules, each with the tag of its twin, or "": they go with it, and do not come back with it."""

    def read(self, connection):
        answer, _ = self.ask(connection, "GET", f"/devices/{self.name}", self.headers())
        if answer.status == 404:
            return "away"
        modules = [m["moduleId"] for m in self.must(connection, "GET", f"/devices/{self.name}/modules")]
        return {m: self.must(connection, "GET", f"/twins/{self.name}/modules/{m}").get("tags", {}).get("t", "")
                for m in modules}

    def plan(self):
        if self.state == "away":
            return {}, ("PUT", f"/devices/{self.name}", device(self.name))
        module = f"m{self.chance.randrange(4)}"
        if self.chance.random() < 0.15:
            return "away", ("DELETE", f"/devices/{self.name}", None)
        if module not in self.state:
            body = {"deviceId": self.name, "moduleId": module}
            return {**self.state, module: ""}, ("PUT", f"/devices/{self.name}/modules/{module}", body)
        if self.chance.random() < 0.4:
            rest = {m: tag for m, tag in self.state.items() if m != module}
            return rest, ("DELETE", f"/devices/{self.name}/modules/{module}", None)
        return {**self.state, module: self.number}, ("PATCH", f"/twins/{self.name}/modules/{module}",
                                                     {"tags": {"t": self.number}})


class Configurations(Steps):
    """Each sets a property of its own, and one that the highest in rank has."""

    def read(self, connection):
        found = self.must(connection, "GET", "/configurations")
        return {c["id"]: c["priority"] for c in found}

    def plan(self):
        if len(self.state) > 5 or (self.state and self.chance.random() < 0.4):
            gone = self.chance.choice(sorted(self.state))
            return {c: p for c, p in self.state.items() if c != gone}, ("DELETE", f"/configurations/{gone}", None)
        name = f"c{self.number}"
        content = {f"properties.desired.only.{name}": self.number, "properties.desired.highest": name}
        body = {"id": name, "content": {"deviceContent": content}, "targetCondition": "tags.group='lamps'",
                "priority": self.number}
        return {**self.state, name: self.number}, ("PUT", f"/configurations/{name}", body)

    def check(self, connection):
        """Each lamp has what all of them set, and nothing of those that are gone."""
        wanted = {}
        if self.state:
            wanted = {"only": {c: p for c, p in self.state.items()}, "highest": max(self.state, key=self.state.get)}
        end = time.monotonic() + SOON_S
        while True:
            lamps = self.rows(connection, "SELECT * FROM devices WHERE tags.group = 'lamps'")
            other = [seen(twin)[1] for twin in lamps if seen(twin)[1] != wanted]
            if not other:
                assert len(lamps) == LAMPS, f"{len(lamps)} lamps"
                return
            assert time.monotonic() < end, f"{self.name}: {other[0]} instead of {wanted}"
            time.sleep(0.1)


class Jobs(Steps):
    """One job after the other over the whole fleet; each has one row a device in the end."""

    def work(self):
        connection = self.https()
        if self.state and self.state != "done":
            known = self.must(connection, "GET", f"/jobs/v2/{self.state}")["status"] != "unknown"
            assert known or not self.acked, f"{self.state}: acknowledged and lost"
            if known:
                self.follow(connection)
        while self.wanted.is_set():
            self.number += 1
            self.state, self.acked = f"job-{self.number}", False
            self.must(connection, "PUT", f"/jobs/v2/{self.state}", {
                "jobId": self.state, "type": "scheduleUpdateTwin", "queryCondition": "tags.group='fleet'",
                "updateTwin": {"etag": "*", "properties": {"desired": {"job": self.number}}},
                "maxExecutionTimeInSeconds": 3600})
            self.acked = True
            self.follow(connection)

    def follow(self, connection):
        while True:
            job = self.must(connection, "GET", f"/jobs/v2/{self.state}")
            if job["status"] == "completed":
                break
            assert job["status"] in ("queued", "scheduled", "running"), job
            time.sleep(0.02)
        counts = job["deviceJobStatistics"]
        assert counts["deviceCount"] == counts["succeededCount"] == FLEET, f"{self.state}: {counts}"
        rows = self.rows(connection, f"SELECT * FROM devices.jobs WHERE devices.jobs.jobId = '{self.state}'")
        names = sorted(row["deviceId"] for row in rows if row["status"] == "completed")
        assert names == sorted(fleet()), f"{self.state}: {len(rows)} rows, {len(set(names))} devices"
        self.state, self.done = "done", self.done + 1

    def check(self, connection):
        """A device whose row was lost is changed again: of each job at most one with each kill."""
        twins = [seen(twin) for twin in self.rows(connection, "SELECT * FROM devices WHERE tags.group = 'fleet'")]
        assert len(twins) == FLEET and all(desired["job"] == self.number for _, desired, _ in twins), twins[:3]
        changes = sum(version - 1 for version, _, _ in twins)
        assert FLEET * self.done <= changes <= FLEET * self.done + KILLS, f"{changes} changes by {self.done} jobs"


def fleet():
    return [f"fleet-{i}" for i in range(FLEET)]


class Test(Killed):
    def __init__(self):
        super().__init__(HUB, "--segment-size", "1m")
        owner, rest = self.key_of("iothubowner"), self.rest
        self.reporters = [Reporter(f"twin-{i}", *rest) for i in range(3)]
        self.patcher = Patcher([r.name for r in self.reporters], owner, *rest)
        self.configurations, self.jobs = Configurations("configurations", owner, *rest), Jobs("jobs", owner, *rest)
        self.steps = [self.patcher, Bulk("bulk", owner, *rest), Home("home-0", owner, *rest),
                      Home("home-1", owner, *rest),
                      self.configurations, self.jobs]
        self.parts = self.reporters + self.steps

    def done(self):
        return sum(r.version for r in self.reporters) + sum(s.done for s in self.steps)

    def prepare(self):
        self.make_devices([r.name for r in self.reporters])
        maker = self.steps[0]
        tagged = [(name, "fleet") for name in fleet()] + [(f"lamp-{i}", "lamps") for i in range(LAMPS)]
        tagged += [(f"bulk-{i}", None) for i in range(BULK)]
        for i in range(0, len(tagged), 100):
            maker.must(maker.https(), "POST", "/devices", [
                {"id": name, "importMode": "create", "tags": {"group": group} if group else {}}
                for name, group in tagged[i:i + 100]])

    def verify(self):
        """Everybody comes back once more, and those who work come to the end of it."""
        self.kill()
        self.start()
        connection = self.patcher.https()
        for step in self.steps[:-1]:
            step.look(connection)
        if self.jobs.state not in (None, "done"):
            self.jobs.wanted.clear()
            self.jobs.work()
        self.configurations.check(connection)
        self.jobs.check(connection)
        for reporter in self.reporters:
            reporter.work()
            version, desired, _ = self.patcher.state[reporter.name]
            assert (reporter.desired, reporter.followed) == (version, desired), (
                f"{reporter.name}: {reporter.followed}, not {desired}")
        self.no_problem()
        self.kill(signal.SIGTERM)
        heard = sum(r.heard for r in self.reporters)
        assert self.done() > KILLS and heard, "hardly anything was acknowledged: this shows nothing"
        print(f"{KILLS} kills (state): {sum(r.version - 1 for r in self.reporters)} reports, {heard} notifications, " +
              ", ".join(f"{s.name} {s.done}" for s in self.steps) + ": no version lost, skipped or given twice")


Test().live(KILLS)
