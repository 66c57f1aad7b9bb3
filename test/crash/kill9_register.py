"""kill9_register.py BUILD: SIGKILL at the steps of registrations, of the hub and of the device (some D2D_KILLS times,
25).

Devices with a key speak HTTPS themselves and kill the hub behind a step that it has answered. Devices with a TPM are
`d2d register`; a door between it and the TPM kills the one or the other before the n-th command of the TPM, which stand
between all steps.

A registration that was acknowledged (202) can be asked for, and one that was told to be assigned is there, with a
device whose key lets it send, whenever the hub comes back; and whoever was in the middle can register again."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import random
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from killing import start, token
from tpm_proxy import Door, start_chip

BUILD = sys.argv[1]
KILLS = int(os.environ.get("D2D_KILLS", "25"))
SEED = int(os.environ.get("D2D_SEED", str(random.randrange(1 << 32))))
VERSION = "?api-version=2021-04-12"


class Site:
    """The hub, which anybody may kill, and whoever comes next starts again."""

    def __init__(self, folder):
        self.folder, self.data, self.lock = folder, os.path.join(folder, "hub"), threading.Lock()
        subprocess.run([f"{BUILD}/d2dhub", "init", "--data", self.data, "--name", "localhost", "--no-context",
                        "--segment-size", "1m"], check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(self.data, "hub.json")) as f:
            facts = json.load(f)
        self.scope = facts["scope_id"]
        self.owner = base64.b64decode(facts["connection_strings"]["iothubowner"].split("SharedAccessKey=")[1])
        self.ca = os.path.join(self.data, "tls", "ca.pem")
        self.context = ssl.create_default_context(cafile=self.ca)
        self.closed = False
        self.kills, self.latest, self.over, self.process, self.ports = 0, 0, False, None, {}

    def close(self):
        """From here on nobody starts it any more."""
        with self.lock:
            self.closed = True
            if self.process and self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def up(self):
        with self.lock:
            if self.closed:
                raise SystemExit("the test is over")
            if self.process is None or self.process.poll() is not None:
                if self.process:
                    self.process.stdout.close()
                self.process, self.ports = start(f"{BUILD}/d2dhub", self.data)
            return dict(self.ports)

    def kill(self):
        with self.lock:
            if not self.over and self.process and self.process.poll() is None:
                self.kills += 1
                self.latest = time.monotonic()
                self.process.send_signal(signal.SIGKILL)
                self.process.wait()

    def ask(self, method, path, authorization, body=None):
        """Again until a hub lives to the end of it."""
        while True:
            connection = http.client.HTTPSConnection("localhost", self.up()["https"], timeout=10, context=self.context)
            try:
                connection.request(method, path + VERSION, body, {"Authorization": authorization})
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                time.sleep(0.005)
            finally:
                connection.close()

    def as_owner(self, method, path, body=None):
        return self.ask(method, path, token("localhost", self.owner, "iothubowner"), json.dumps(body) if body else None)

    def as_device(self, device, key, method, path, body=None):
        return self.ask(method, path, token(f"localhost/devices/{device}", key), body)


class Part(threading.Thread):
    def __init__(self, site, name, chance):
        super().__init__(daemon=True, name=name)
        self.site, self.chance, self.problem, self.done = site, chance, None, 0

    def run(self):
        try:
            while not self.site.over and not self.is_enough():
                self.once()
                self.done += 1
        except BaseException as wrong:  # pylint: disable=broad-except
            self.problem = repr(wrong)
            self.site.over = True

    def is_enough(self):
        return False


class WithKey(Part):
    """A device with a key of its own, or one of a group."""

    def __init__(self, site, name, chance, key):
        super().__init__(site, name, chance)
        self.key = key

    def register(self, method, path, body=None):
        return self.site.ask(method, f"/{self.site.scope}/registrations/{self.name}{path}",
                             token(f"{self.site.scope}/registrations/{self.name}", self.key, "registration"), body)

    def maybe_kill(self):
        if self.chance.random() < 0.3 and time.monotonic() > self.site.latest + 3:  # whoever is slow gets on too
            self.site.kill()

    def once(self):
        status, body = self.register("PUT", "/register", "{}")
        assert status == 202, f"{self.name}: {status} {body}"
        operation = json.loads(body)["operationId"]
        self.maybe_kill()
        status, body = self.register("GET", f"/operations/{operation}")
        assert status == 200, f"{self.name}: acknowledged, and then {status} {body}"
        assert json.loads(body)["registrationState"]["deviceId"] == self.name, body
        self.maybe_kill()
        status, body = self.site.as_owner("GET", f"/registrations/{self.name}")
        assert status == 200 and json.loads(body)["status"] == "assigned", f"{self.name}: {status} {body}"
        status, body = self.site.as_device(self.name, self.key, "POST", f"/devices/{self.name}/messages/events", "x")
        assert status == 204, f"{self.name}: assigned, and then {status} {body}"
        time.sleep(self.chance.random() * 0.2)


class WithTpm(Part):
    """Kills the hub or itself before one command after another of the TPM."""

    def __init__(self, site, name, chance, transport, kills_hub):
        super().__init__(site, name, chance)
        self.transport, self.kills_hub, self.at, self.killed_itself = transport, kills_hub, 1 + chance.randrange(4), 0
        folder = os.path.join(site.folder, name)
        self.chip, socket = start_chip(folder)
        self.direct = f"swtpm:path={socket}"
        self.door = Door(os.path.join(folder, "door"), socket)
        key = self.d2d(self.direct, "tpm", "status", "--endorsement-key", "-q").communicate()[0].strip()
        status, body = site.as_owner("PUT", f"/enrollments/{name}",
                                     {"attestation": {"type": "tpm", "tpm": {"endorsementKey": key}}})
        assert status == 200, body

    def d2d(self, tcti, *args):
        return subprocess.Popen([f"{BUILD}/d2d", *args, "--tcti", tcti],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**os.environ, "HOME": self.site.folder, "XDG_CONFIG_HOME": self.site.folder})

    def register(self, tcti):
        ports = self.site.up()
        return self.d2d(tcti, "register", "--tpm", "--replace", "--id", self.name, "--service", "localhost", "--scope",
                        self.site.scope, "--transport", self.transport, "--ca-file", self.site.ca, "--https-port",
                        str(ports["https"]),
                        "--amqps-port", str(ports["amqps"]), "--timeout", "20s")

    def is_enough(self):
        return self.done >= max(2, KILLS // 4)

    def once(self):
        ended = threading.Event()
        self.door.arm(self.at, self.site.kill if self.kills_hub else ended.set)
        client = self.register(f"swtpm:path={self.door.path}")
        while client.poll() is None and not ended.wait(0.005):
            pass
        if client.poll() is None:
            client.kill()
            self.killed_itself += 1
        client.communicate()
        reached = self.door.count >= self.at
        self.at = self.at + 1 + self.chance.randrange(9) if reached else 1 + self.chance.randrange(5)
        for _ in range(50):  # others may kill the hub in the middle
            client = self.register(self.direct)
            said = client.communicate()
            if client.returncode == 0:
                break
        assert client.returncode == 0, f"{self.name}: cannot register again: {said}"
        assert said[0].strip() == f"HostName=localhost;DeviceId={self.name};Tpm=0", said
        self.sends()

    def sends(self):
        for _ in range(50):
            client = self.d2d(self.direct, "send", "--slot", "0", "--ca-file", self.site.ca, "--mqtts-port",
                              str(self.site.up()["mqtts"]), "--timeout", "20s", "x")
            said = client.communicate()
            if client.returncode == 0:
                return
            assert client.returncode in (5, 6), f"{self.name}: its key does not sign for the hub: {said}"
        raise AssertionError(f"{self.name}: cannot send")


def main():
    chance = random.Random(SEED)
    folder = tempfile.mkdtemp(prefix="d2d-kill9-")
    site, parts = Site(folder), []
    try:
        own, group = os.urandom(32), os.urandom(32)
        texts = [base64.b64encode(k).decode() for k in (own, group)]
        for path, text in (("/enrollments/own", texts[0]), ("/enrollmentGroups/all", texts[1])):
            status, body = site.as_owner("PUT", path, {"attestation": {"type": "symmetricKey", "symmetricKey": {
                "primaryKey": text, "secondaryKey": text}}})
            assert status == 200, body
        parts.append(WithKey(site, "own", random.Random(chance.random()), own))
        for i in range(2):
            key = hmac.new(group, f"member-{i}".encode(), hashlib.sha256).digest()
            parts.append(WithKey(site, f"member-{i}", random.Random(chance.random()), key))
        for i, transport in enumerate((random.Random(SEED).choice(("https", "amqp")), "https", "amqp")):
            parts.append(WithTpm(site, f"chip-{i}", random.Random(chance.random()), transport, i == 0))
        for part in parts:
            part.start()
        for part in reversed(parts):  # those with a TPM say when it is enough
            part.join()
            assert not part.problem, part.problem
            if not isinstance(part, WithKey) and part is parts[3]:
                site.over = True
        for part in parts:
            part.once()  # and now that nobody kills
        print(f"{site.kills} kills of the hub and "
              f"{sum(getattr(p, 'killed_itself', 0) for p in parts)} of the device at steps of "
              f"registrations: {sum(p.done for p in parts) + len(parts)} came to their end, none was lost")
        shutil.rmtree(folder)
    except BaseException:
        print(f"seed {SEED}, data kept in {folder}", file=sys.stderr)
        raise
    finally:
        for part in parts:
            if isinstance(part, WithTpm):
                part.door.close()
                part.chip.kill()
                part.chip.wait()
        site.close()


main()
