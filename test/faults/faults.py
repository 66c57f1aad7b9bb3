"""faults.py BUILD [SECONDS [SEED]]: each N-th call of each kind that fails, for every N that a scenario reaches, or as
many as there is time for. The hub: no crash, no acknowledgement of what is not there after the next start, which is
whole. d2d: no crash, and no success that is none. In a build with sanitizers: no leak.

D2D_FAULT=WHO=KIND:N runs one, D2D_FAULTS=REGULAR-EXPRESSION those that it finds."""
import base64
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from killing import connect_packet, packet, read, remaining_length, text, token  # noqa: E402

BUILD = os.path.abspath(sys.argv[1])
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] != "all" else None
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(10**6)
KEY = b"k" * 32
V, DPS = "?api-version=2021-04-12", "?api-version=2021-10-01"
PORTS = ("--listen", "127.0.0.1", "--mqtts-port", "0", "--amqps-port", "0", "--https-port", "0", "--loops", "1")
GAVE_UP = (OSError, http.client.HTTPException, ValueError, KeyError)
PATIENCE = 5  # of a client: an answer that gets lost is none


class Wrong(Exception):
    pass


class Hub:
    """A hub on a folder, and what a client can do with it. What it acknowledges is remembered."""

    def __init__(self, folder, program, fault=None):
        self.folder, self.data, self.fault = folder, os.path.join(folder, "hub"), fault
        self.said = os.path.join(folder, f"said-{'faulty' if fault else 'clean'}")
        env = {**os.environ, "HOME": folder, "D2D_FAULT": fault or "",
               "D2D_FAULT_COUNTS": os.path.join(folder, "counts")}
        self.ports, self.ready = {}, False
        with open(self.said, "w") as said:
            self.process = subprocess.Popen([program, "run", "--data", self.data, "-o", "json", "--log-level", "info",
                                             *PORTS],
                                            stdout=subprocess.PIPE, stderr=said, text=True, env=env)
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == "ready":
                self.ready = True
                break
            self.ports[event["protocol"]] = event["port"]
        try:
            with open(os.path.join(self.data, "hub.json")) as f:
                self.facts = json.load(f)
            whole = all("SharedAccessKey=" in s for s in self.facts["connection_strings"].values())
        except ValueError:
            whole = False
        if not whole:
            self.process.kill()
            self.process.wait()
            raise Wrong("hub.json is not whole")
        self.context = ssl.create_default_context(cafile=os.path.join(self.data, "tls", "ca.pem"))
        self.https = None

    def log(self):
        with open(self.said, errors="replace") as f:
            return f.read()

    def stop(self):
        """What it ended with. One that hangs is as bad as one that crashes."""
        if self.https:
            self.https.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            raise Wrong("it does not stop") from None
        finally:
            self.process.stdout.close()
        return status

    def ask(self, method, path, body=None, policy="iothubowner", auth=None, version=V, headers=None):
        """The status and the answer; (None, b"") if none came."""
        for again in range(2):  # a connection that an earlier fault has ended
            try:
                if not self.https:
                    self.https = http.client.HTTPSConnection("localhost", self.ports["https"], timeout=PATIENCE,
                                                             context=self.context)
                key = base64.b64decode(self.facts["connection_strings"][policy].split("SharedAccessKey=")[1])
                self.https.request(method, path + version,
                                   body if body is None or isinstance(body, str) else json.dumps(body),
                                   {"Authorization": auth or token("localhost", key, policy),
                                    "Content-Type": "application/json", **(headers or {})})
                answer = self.https.getresponse()
                return answer.status, answer.read(), answer.headers
            except GAVE_UP:
                if self.https:
                    self.https.close()
                self.https = None
        return None, b"", {}

    def mqtt(self, name):
        raw = socket.create_connection(("127.0.0.1", self.ports["mqtts"]), PATIENCE)
        s = self.context.wrap_socket(raw, server_hostname="localhost")
        s.sendall(connect_packet(name, KEY))
        if read(s, b"", 4)[3]:
            raise OSError("refused")
        return s

    def d2d(self, *args, program="d2d", env=None, who="owner"):
        return subprocess.run([os.path.join(BUILD, program), *args, "--connection-string-file",
                               os.path.join(self.folder, f"{who}.cs"),
                               "--ca-file", os.path.join(self.data, "tls", "ca.pem"), "--timeout", f"{PATIENCE}s",
                               *(x for p in self.ports for x in (f"--{p}-port", str(self.ports[p])))],
                              capture_output=True, text=True, errors="replace", timeout=30, check=False,
                              env={**os.environ, "HOME": self.folder, "XDG_CONFIG_HOME": self.folder, **(env or {})})


def sas(name):
    return {"authentication": {"type": "sas",
                               "symmetricKey": dict.fromkeys(("primaryKey", "secondaryKey"),
                                                             base64.b64encode(KEY).decode())}}


def make_template():
    folder = tempfile.mkdtemp(prefix="d2d-faults-")
    data = os.path.join(folder, "hub")
    subprocess.run([os.path.join(BUILD, "d2dhub"), "init", "--data", data, "--name", "localhost", "--no-context",
                    "--partitions", "2", "--segment-size", "64k"], check=True, capture_output=True)
    hub = Hub(folder, os.path.join(BUILD, "d2dhub"))
    with open(os.path.join(folder, "owner.cs"), "w") as f:
        f.write(hub.facts["connection_strings"]["iothubowner"])
    for name in "phone", "door", "bell":
        assert hub.ask("PUT", f"/devices/{name}", sas(name))[0] == 200
        with open(os.path.join(folder, f"{name}.cs"), "w") as f:
            f.write(f"HostName=localhost;DeviceId={name};SharedAccessKey={base64.b64encode(KEY).decode()}")
    keys = dict.fromkeys(("primaryKey", "secondaryKey"), base64.b64encode(KEY).decode())
    entry = {"registrationId": "pump", "attestation": {"type": "symmetricKey", "symmetricKey": keys}}
    assert hub.ask("PUT", "/enrollments/pump", entry, version=DPS, policy="provisioningserviceowner")[0] == 200
    for n in range(3):
        assert hub.ask("POST", "/devices/phone/messages/events", f"<old-{n}")[0] == 204
    assert hub.ask("POST", "/devices/door/messages/devicebound", "<old mail")[0] == 204
    assert hub.stop() == 0
    return folder


class Scenario:
    """Through every front; each step goes on where the one before got no answer."""

    def __init__(self, hub):
        self.hub, self.events, self.devices, self.posted, self.got = hub, set(), {"phone", "door", "bell", }, 1, 0

    def run(self):
        for step in self.registry, self.https_device, self.mqtt_device, self.amqp, self.websocket, self.provisioning:
            try:
                step()
            except GAVE_UP:
                pass

    def registry(self):
        ask = self.hub.ask
        if ask("PUT", "/devices/new", sas("new"))[0] == 200:
            self.devices.add("new")
        ask("GET", "/devices/new")
        ask("POST", "/devices/query",
            {"query": "SELECT * FROM devices WHERE deviceId = 'new' AND NOT status = 'disabled'"})
        if ask("DELETE", "/devices/bell", headers={"If-Match": "*"})[0] == 204:
            self.devices.discard("bell")
        else:
            self.devices.discard("bell")  # either way: an answer may be lost
            self.either = "bell"
        ask("GET", "/statistics/devices")

    def https_device(self):
        if self.hub.ask("POST", "/devices/phone/messages/events", "<https")[0] == 204:
            self.events.add("https")
        if self.hub.ask("POST", "/devices/door/messages/devicebound", "<mail")[0] == 204:
            self.posted += 1
        status, _, headers = self.hub.ask("GET", "/devices/door/messages/devicebound")
        if status == 200:
            lock = headers["ETag"].strip('"')
            self.got += 1  # whether or not this answer arrives
            self.hub.ask("DELETE", f"/devices/door/messages/devicebound/{lock}")

    def mqtt_device(self):
        s = self.hub.mqtt("door")
        with s:
            s.sendall(packet(0x82, b"\x00\x01" + text("devices/door/messages/devicebound/#") + b"\x01"))
            for n in range(2):
                topic = text("devices/door/messages/events/a=b")
                s.sendall(packet(0x32, topic + (n + 2).to_bytes(2, "big") + f"<mqtt-{n}".encode()))
            have, acks = b"", 0
            while acks < 2:
                have = read(s, have, 2)
                n, used = have[1] & 0x7F, 2
                if have[1] & 0x80:
                    have = read(s, have, 3)
                    n, used = n | have[2] << 7, 3
                have = read(s, have, used + n)
                kind, body, have = have[0] >> 4, have[used:used + n], have[used + n:]
                if kind == 4:
                    self.events.add(f"mqtt-{int.from_bytes(body, 'big') - 2}")
                    acks += 1
                elif kind == 3:
                    topic = int.from_bytes(body[:2], "big")
                    self.got += 1
                    s.sendall(b"\x40\x02" + body[2 + topic:4 + topic])
            s.sendall(b"\xe0\x00")

    def amqp(self):
        self.hub.d2d("events", "--since", "earliest", "-n", "3", "-o", "raw")
        if self.hub.d2d("send", "--to", "phone", "ring").returncode == 0:
            self.hub.posted_phone = True

    def websocket(self):
        if self.hub.d2d("send", "--transport", "amqp-ws", "<ws", who="phone").returncode == 0:
            self.events.add("ws")

    def provisioning(self):
        scope = self.hub.facts["scope_id"]
        auth = token(f"{scope}/registrations/pump", KEY, "registration")
        self.hub.ask("PUT", f"/{scope}/registrations/pump/register", {"registrationId": "pump"}, auth=auth, version=DPS)


SANITIZER = re.compile(r"ERROR: (Address|Leak)Sanitizer|runtime error:|Assertion .* failed")


def judge_end(hub, status):
    log = hub.log()
    if SANITIZER.search(log):
        raise Wrong("a sanitizer has found something")
    if status < 0:
        raise Wrong(f"ended by {signal.Signals(-status).name}")
    lines = [line for line in log.splitlines() if not line.startswith("fault ")]
    if status and not lines:
        raise Wrong(f"ended with {status} and said nothing")


def hub_run(template, fault):
    """One fault in the hub. Raises Wrong."""
    folder = tempfile.mkdtemp(prefix="d2d-fault-")
    try:
        shutil.copytree(template, folder, dirs_exist_ok=True)
        hub = Hub(folder, os.path.join(BUILD, "test", "faulty_d2dhub"), fault)
        s = Scenario(hub)
        if hub.ready:
            s.run()
        judge_end(hub, hub.stop())
        counts = os.path.join(folder, "counts")
        if os.path.exists(counts):
            with open(counts) as f:
                hub.counts = dict((k, int(n)) for k, n in (line.split() for line in f))
        after = Hub(folder, os.path.join(BUILD, "d2dhub"))
        try:
            if not after.ready:
                raise Wrong("the next start fails: " + after.log())
            for name in s.devices:
                if after.ask("GET", f"/devices/{name}")[0] != 200:
                    raise Wrong(f"the device {name} was acknowledged and is gone")
            waiting = json.loads(after.ask("GET", "/devices/door")[1])["cloudToDeviceMessageCount"]
            if waiting + s.got < s.posted:
                raise Wrong(f"{s.posted} messages were posted, {s.got} given out, {waiting} are left")
        finally:
            status = after.stop()
        if status:
            raise Wrong(f"the next run ended with {status}: {after.log()}")
        stored = subprocess.run([os.path.join(BUILD, "test", "kill9_store"), "events", after.data], capture_output=True,
                                text=True, check=False)
        if stored.returncode:
            raise Wrong(f"the stores cannot be read afterwards: {stored.stderr}")
        there = {line.split(" ", 1)[1] for line in stored.stdout.splitlines()}
        lost = (s.events | {"old-0", "old-1", "old-2"}) - there
        if lost:
            raise Wrong(f"acknowledged and lost: {sorted(lost)}")
        return getattr(hub, "counts", {})
    except Wrong as e:
        said = os.path.join(folder, "said-faulty")
        with open(said, errors="replace") as f:
            raise Wrong(f"{e}\n{f.read()[-6000:]}") from None
    finally:
        shutil.rmtree(folder)


CLIENT = {
    "send": ("phone", "send", "<sent"),
    "send-ws": ("phone", "send", "--transport", "mqtt-ws", "<sent"),
    "send-amqp": ("phone", "send", "--transport", "amqp", "<sent"),
    "send-to": ("owner", "send", "--to", "phone", "ring"),
    "events": ("owner", "events", "--since", "earliest", "-n", "2"),
    "listen": ("door", "listen", "-n", "1"),
    "device": ("owner", "device", "list"),
    "enroll": ("owner", "enroll", "list"),
    "register": ("owner", "register", "--id", "pump", "--key-file", "pump.key"),
}


def client_run(hub, name, fault):
    """One fault in d2d. Raises Wrong."""
    who, *args = [os.path.join(hub.folder, a) if a == "pump.key" else a for a in CLIENT[name]]
    if name == "listen":
        hub.ask("POST", "/devices/door/messages/devicebound", "mail")
    counts = os.path.join(hub.folder, "counts-d2d")
    try:
        done = hub.d2d(*args, program="test/faulty_d2d", who=who, env={"D2D_FAULT": fault, "D2D_FAULT_COUNTS": counts})
    except subprocess.TimeoutExpired:
        raise Wrong("d2d hangs") from None
    told = f"{done.returncode}\n{done.stdout[-1000:]}\n{done.stderr[-6000:]}"
    if done.returncode < 0 or SANITIZER.search(done.stderr):
        raise Wrong(f"d2d ended with {told}")
    said = [line for line in done.stderr.splitlines() if not line.startswith("fault ")]
    if done.returncode and not said:
        raise Wrong(f"d2d failed and said nothing: {told}")
    if done.returncode == 0 and name in ("events", "listen", "device") and not done.stdout:
        raise Wrong(f"d2d succeeded without a result: {told}")
    with open(counts) as f:
        return dict((k, int(n)) for k, n in (line.split() for line in f))


def all_of(counts):
    """OpenSSL allocates by the ten thousand when it begins: of those each hundredth, from where the seed says."""
    steps = {"crypto": 100}
    return [f"{kind}:{n}" for kind, most in counts.items()
            for n in range(1 + SEED % steps.get(kind, 1), most + 1, steps.get(kind, 1))]


def main():
    template = make_template()
    failed, n = [], 0
    try:
        with open(os.path.join(template, "pump.key"), "w") as f:
            f.write(base64.b64encode(KEY).decode())
        one = os.environ.pop("D2D_FAULT", None)
        clean = Hub(template, os.path.join(BUILD, "d2dhub"))
        jobs = [(name, fault) for name in CLIENT for fault in all_of(client_run(clean, name, ""))]
        clean.stop()
        jobs += [("hub", fault) for fault in all_of(hub_run(template, "none:0"))]
        jobs = [job for job in jobs if re.search(os.environ.get("D2D_FAULTS", ""), "=".join(job))]
        if one:
            jobs = [tuple(one.split("=", 1))]
        elif SECONDS:
            by_kind = {}
            for job in jobs:  # each kind of each program as often as another, however many there are of it
                by_kind.setdefault((job[0] == "hub", job[1].split(":")[0]), []).append(job)
            mixer = random.Random(SEED)
            for group in by_kind.values():
                mixer.shuffle(group)
            jobs = [group[i] for i in range(max(map(len, by_kind.values())))
                    for group in by_kind.values() if i < len(group)]
        print(f"faults: {len(jobs)} of them, seed {SEED}")
        clean, until = None, time.monotonic() + SECONDS if SECONDS else None
        for who, fault in jobs:
            if until and time.monotonic() > until:
                break
            n += 1
            try:
                if who == "hub":
                    if clean:
                        clean.stop()
                        clean = None
                    hub_run(template, fault)
                else:
                    folder = os.path.join(template, "client")
                    if not clean:
                        shutil.rmtree(folder, ignore_errors=True)
                        shutil.copytree(template, folder)
                        clean = Hub(folder, os.path.join(BUILD, "d2dhub"))
                    client_run(clean, who, fault)
            except Wrong as e:
                failed.append(f"{who}={fault}")
                print(f"D2D_FAULT={who}={fault}: {e}", flush=True)
        if clean:
            clean.stop()
    finally:
        shutil.rmtree(template)
    print(f"{n} faults, {len(failed)} failed{': ' if failed else ''}{' '.join(failed)}")
    return bool(failed)


sys.exit(main())
