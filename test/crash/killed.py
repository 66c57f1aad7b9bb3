"""A hub that is killed at random moments while everything happens, and those who do that; kill9_all.py and
kill9_state.py."""
import base64
import json
import os
import random
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time

from killing import Part, start, token

SEED = int(os.environ.get("D2D_SEED", str(random.randrange(1 << 32))))
KEY = b"k" * 32


class Service(Part):
    """What a service does over HTTPS."""

    def __init__(self, name, key, *rest):
        super().__init__(name, *rest)
        self.key, self.chance = key, random.Random(f"{SEED} {name}")

    def headers(self, **more):
        return {"Authorization": token("localhost", self.key, "iothubowner"), "Content-Type": "application/json",
                **more}


class Things(Service):
    """Creates and deletes devices, or enrollments: what was confirmed holds."""

    def __init__(self, name, path, body, *rest):
        super().__init__(name, *rest)
        self.path, self.make, self.number, self.there, self.gone = path, body, 0, set(), set()

    def work(self):
        connection = self.https()
        while self.wanted.is_set():
            self.number += 1
            name = f"{self.name}-{self.number}"
            answer, said = self.ask(connection, "PUT", f"{self.path}/{name}", self.headers(),
                                    json.dumps(self.make(name)))
            assert answer.status == 200, f"{name}: {answer.status} {said}"
            self.there.add(name)
            if self.chance.random() < 0.4:
                name = self.chance.choice(sorted(self.there))
                self.there.discard(name)
                answer, said = self.ask(connection, "DELETE", f"{self.path}/{name}", self.headers(**{"If-Match": "*"}))
                assert answer.status == 204, f"{name}: {answer.status} {said}"
                self.gone.add(name)

    def check(self):
        connection = self.https()
        for names, status in ((self.there, 200), (self.gone, 404)):
            for name in sorted(names):
                answer, said = self.ask(connection, "GET", f"{self.path}/{name}", self.headers())
                assert answer.status == status, f"{name}: {answer.status} instead of {status} {said}"


def device(name):
    key = base64.b64encode(KEY).decode()
    return {"deviceId": name,
            "authentication": {"type": "sas", "symmetricKey": {"primaryKey": key, "secondaryKey": key}}}


class Killed:
    """The hub in a folder of its own, and all parts that work with it."""

    def __init__(self, hub, *init):
        self.program, self.folder = hub, tempfile.mkdtemp(prefix="d2d-kill9-")
        self.data = os.path.join(self.folder, "hub")
        subprocess.run([hub, "init", "--data", self.data, "--name", "localhost", "--no-context", *init], check=True,
                       stdout=subprocess.DEVNULL)
        with open(os.path.join(self.data, "hub.json")) as facts:
            self.strings = json.load(facts)["connection_strings"]
        self.ca = os.path.join(self.data, "tls", "ca.pem")
        self.ports, self.hub, self.parts = {}, None, []
        self.rest = (self.ports, ssl.create_default_context(cafile=self.ca))

    def key_of(self, policy):
        return base64.b64decode(self.strings[policy].split("SharedAccessKey=")[1])

    def start(self):
        self.hub, ports = start(self.program, self.data)
        self.ports.update(ports)

    def kill(self, how=signal.SIGKILL):
        self.hub.send_signal(how)
        self.hub.wait()
        self.hub.stdout.close()

    def no_problem(self):
        for part in self.parts:
            assert not part.problem, part.problem

    def make_devices(self, names):
        maker = Service("maker", self.key_of("iothubowner"), *self.rest)
        connection = maker.https()
        for name in names:
            answer, said = maker.ask(connection, "PUT", f"/devices/{name}", maker.headers(), json.dumps(device(name)))
            assert answer.status == 200, said

    def run(self, kills):
        chance = random.Random(SEED)
        self.start()
        self.prepare()
        for part in self.parts:
            part.start()
        for kill in range(kills):
            before = self.done()
            for part in self.parts:
                part.wanted.set()
            deadline = time.monotonic() + 60
            while kill % 5 and self.done() == before:  # each fifth one may fall before any answer
                self.no_problem()
                assert time.monotonic() < deadline, "nothing is acknowledged"
                time.sleep(0.002)
            # A checkpoint comes every three seconds: some kills have to wait for it.
            time.sleep(chance.random() * (5 if chance.random() < 0.3 else 0.5))
            for part in self.parts:
                part.wanted.clear()
            self.kill()
            self.no_problem()
            self.start()
        self.verify()

    def live(self, kills):
        try:
            self.run(kills)
            shutil.rmtree(self.folder)
        except BaseException:
            print(f"seed {SEED}, data kept in {self.folder}", file=sys.stderr)
            raise
        finally:
            if self.hub and self.hub.poll() is None:
                self.hub.kill()
                self.hub.wait()
