"""log.py BUILD: what the log tells at its level `info`: who came and left, who was not let in and why, who changed
what."""
import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import shlex
import shutil
import socket
import ssl
import sys
import tempfile
import time
import unittest
import urllib.parse

from started import Hub

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from killing import packet, read, text, token  # noqa: E402

BUILD = os.path.abspath(sys.argv.pop(1))
WRONG = b"w" * 32
V = "?api-version=2021-04-12"


def pairs(line):
    """{"event": …, "level": …, "device": …} of a line."""
    words = shlex.split(line)
    found = dict(w.split("=", 1) for w in words if "=" in w)
    found["event"] = next(w for w in words if "=" not in w)
    return found


class Log(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="d2d-log-")
        cls.hub = Hub(BUILD, cls.folder, "--segment-size", "1m")
        with open(os.path.join(cls.hub.data, "hub.json")) as f:
            cls.facts = json.load(f)
        cls.context = ssl.create_default_context(cafile=os.path.join(cls.hub.data, "tls", "ca.pem"))

    @classmethod
    def tearDownClass(cls):
        cls.hub.stop()
        shutil.rmtree(cls.folder)

    def setUp(self):
        self.seen = len(self.hub.logged())

    def lines(self):
        return [pairs(line) for line in self.hub.logged()[self.seen:].splitlines()]

    def expect(self, **wanted):
        """A line that has all of this; the log is written by another process."""
        for _ in range(200):
            for line in self.lines():
                if all(re.fullmatch(v, line.get(k, "")) for k, v in wanted.items()):
                    return line
            time.sleep(0.02)
        self.fail(f"no line with {wanted} in\n{self.hub.logged()[self.seen:]}")

    def expect_change(self, change, kind, name, detail=None, by="iothubowner"):
        wanted = {"event": "audit", "level": "info", "change": change, "by": by, "address": r"127\.0\.0\.1:\d+",
                  kind: re.escape(name)}
        if detail is not None:
            wanted["detail"] = detail
        self.expect(**wanted)

    def key_of(self, policy):
        return base64.b64decode(self.facts["connection_strings"][policy].split("SharedAccessKey=")[1])

    def ask(self, method, path, body=None, policy="iothubowner", auth=None, headers=None):
        https = http.client.HTTPSConnection("localhost", self.hub.ports["https"], timeout=30, context=self.context)
        auth = auth or token("localhost", self.key_of(policy), policy)
        https.request(method, path + V, None if body is None else json.dumps(body),
                      {"Authorization": auth, "Content-Type": "application/json", **(headers or {})})
        answer = https.getresponse()
        found = answer.status, answer.read()
        https.close()
        return found

    def add(self, name, key=b"k" * 32, **more):
        keys = dict.fromkeys(("primaryKey", "secondaryKey"), base64.b64encode(key).decode())
        status, body = self.ask("PUT", f"/devices/{name}",
                                {"authentication": {"type": "sas", "symmetricKey": keys}, **more})
        self.assertEqual(status, 200, body)
        return key

    def mqtt(self, name, password, user=None, client=None):
        """The socket, and the code of its CONNACK."""
        s = self.context.wrap_socket(socket.create_connection(("127.0.0.1", self.hub.ports["mqtts"]), 30),
                                     server_hostname="localhost")
        user = user or f"localhost/{name}/?api-version=2021-04-12"
        s.sendall(packet(0x10, text("MQTT") + b"\x04\xc2\x00\xf0" + text(client or name) + text(user) + text(password)))
        return s, read(s, b"", 4)[3]

    def test_each_change_of_an_operator_is_told_with_who_made_it(self):
        d2d = self.hub.d2d
        d2d("device", "add", "phone")
        self.expect_change("device-created", "device", "phone")
        d2d("device", "disable", "phone", "--reason", "lost")
        self.expect_change("device-updated", "device", "phone", "disabled, reason")
        d2d("device", "enable", "phone")
        self.expect_change("device-updated", "device", "phone", "enabled, reason")
        d2d("device", "key", "phone", "--rotate", "--out", os.path.join(self.folder, "phone.cs"))
        self.expect_change("device-updated", "device", "phone", "keys")
        d2d("device", "auth", "phone", "--x509-thumbprint", "A" * 40)
        self.expect_change("device-updated", "device", "phone", ".*thumbprints, authentication")
        d2d("device", "purge", "phone")
        self.expect_change("mailbox-purged", "device", "phone", "0 messages")
        d2d("device", "rm", "phone")
        self.expect_change("device-deleted", "device", "phone")
        d2d("device", "add", "door")
        d2d("module", "add", "door/camera")
        self.expect_change("module-created", "module", "door/camera")
        d2d("twin", "set", "door", '{"open":1}', "--tags", '{"floor":2}')
        self.expect_change("twin-updated", "device", "door", "tags, desired properties")
        d2d("twin", "set", "door", "--tags", '{"floor":3}')
        self.expect_change("twin-updated", "device", "door", "tags")
        d2d("twin", "set", "door/camera", '{"on":true}')
        self.expect_change("twin-updated", "module", "door/camera", "desired properties")
        entry = {"id": "door", "importMode": "updateTwin", "properties": {"desired": {"open": 2}}}
        seen = len(self.lines())
        self.assertEqual(self.ask("POST", "/devices", [entry])[0], 200)
        self.assertEqual([line.get("change") for line in self.lines()[seen:] if line["event"] == "audit"],
                         ["twin-updated"])
        d2d("configuration", "add", "doors", '{"deviceContent":{"properties.desired.slow":true}}', "--where",
            "tags.floor = 3")
        self.expect_change("configuration-set", "configuration", "doors")
        d2d("configuration", "rm", "doors")
        self.expect_change("configuration-deleted", "configuration", "doors")
        d2d("job", "start", "sweep", "--where", "deviceId = 'door'", "--desired", '{"open":3}')
        self.expect_change("job-created", "job", "sweep")
        d2d("device", "rm", "door")
        d2d("group", "add", "alarms")
        self.expect_change("group-created", "group", "alarms")
        d2d("group", "rm", "alarms")
        self.expect_change("group-deleted", "group", "alarms")
        with open(os.path.join(self.folder, "phone.cs")) as f:
            key = f.read().strip().split("SharedAccessKey=")[1]
        self.assertNotIn(key, self.hub.logged())

    def test_so_is_each_change_of_many_at_once(self):
        entries = [{"id": f"many-{i}", "importMode": "create"} for i in range(100)]
        for _ in range(4):  # more lines in a second than the log takes of others
            self.assertEqual(self.ask("POST", "/devices", entries, policy="registryReadWrite")[0], 200)
            for e in entries:
                e["importMode"] = "delete"
            self.assertEqual(self.ask("POST", "/devices", entries, policy="registryReadWrite")[0], 200)
            for e in entries:
                e["importMode"] = "create"
        self.hub.wait_for_log("change=device-deleted by=registryReadWrite", times=400)
        self.expect_change("device-deleted", "device", "many-99", by="registryReadWrite")
        self.assertEqual(sum(line["event"] == "audit" for line in self.lines()), 800)

    def test_so_is_each_change_of_authorities_and_enrollments(self):
        d2d = self.hub.d2d
        ca = os.path.join(self.hub.data, "tls", "ca.pem")
        d2d("ca", "add", "factory", ca)
        self.expect_change("ca-created", "ca", "factory", "not verified")
        self.expect_change("ca-code-made", "ca", "factory", "not verified")
        d2d("ca", "rm", "factory")
        self.expect_change("ca-deleted", "ca", "factory")
        d2d("ca", "add", "trusted", ca, "--verified")
        self.expect_change("ca-created", "ca", "trusted", "verified")
        d2d("enroll", "add", "pump")
        self.expect_change("enrollment-created", "enrollment", "pump")
        d2d("enroll", "key", "pump", "--out", os.path.join(self.folder, "pump.key"))
        d2d("register", "--id", "pump", "--key-file", os.path.join(self.folder, "pump.key"), "--out",
            os.path.join(self.folder, "pump.cs"))
        self.expect(event="registered", registration="pump", device="pump")
        self.assertEqual(self.ask("DELETE", "/registrations/pump", policy="provisioningserviceowner")[0], 204)
        self.expect_change("registration-deleted", "registration", "pump", by="provisioningserviceowner")
        d2d("enroll", "rm", "pump")
        self.expect_change("enrollment-deleted", "enrollment", "pump")
        d2d("enroll", "add", "pumps", "--group", "--disabled")
        self.expect_change("enrollment-group-created", "enrollment-group", "pumps", "disabled")
        d2d("enroll", "rm", "pumps", "--group")
        self.expect_change("enrollment-group-deleted", "enrollment-group", "pumps")

    def test_what_was_refused_is_no_change(self):
        self.assertEqual(self.ask("PUT", "/devices/refused", {}, policy="registryRead")[0], 401)
        self.assertEqual(self.ask("DELETE", "/devices/refused", headers={"If-Match": "*"})[0], 404)
        self.assertEqual(self.ask("PUT", "/devices/refused", {}, headers={"If-Match": "*"})[0], 404)
        self.expect(event="request-refused", who="iothubowner", status="404")
        self.assertFalse([line for line in self.lines() if line["event"] == "audit"])

    def test_who_came_and_left_is_told_with_why_and_how_long(self):
        key = self.add("guest")
        password = token("localhost/devices/guest", key)
        first, code = self.mqtt("guest", password)
        self.assertEqual(code, 0)
        here = self.expect(event="connected", level="info", device="guest", protocol="mqtt",
                           address=r"127\.0\.0\.1:\d+")
        second, code = self.mqtt("guest", password)
        self.expect(event="left", device="guest", address=re.escape(here["address"]), reason="stolen", seconds=r"\d+")
        second.sendall(b"\xe0\x00")
        self.expect(event="left", device="guest", reason="disconnected", seconds=r"\d+")
        first.close()
        second.close()
        self.hub.d2d("send", "--as", "guest", "--transport", "amqp-ws", "x")
        self.expect(event="connected", device="guest", protocol="amqp-ws")
        self.expect(event="left", device="guest", protocol="amqp-ws", reason="disconnected|closed")
        self.hub.d2d("events", "--since", "earliest", "-n", "1", "--timeout", "20s")
        self.expect(event="connected", policy="iothubowner", protocol="amqp")
        self.expect(event="left", policy="iothubowner", protocol="amqp", seconds=r"\d+")
        self.assertNotIn(password.split("sig=")[1][:20], self.hub.logged())

    def test_a_device_that_is_thrown_out_leaves_with_the_reason(self):
        s, code = self.mqtt("evicted", token("localhost/devices/evicted", self.add("evicted")))
        self.addCleanup(s.close)
        self.assertEqual(code, 0)
        self.hub.d2d("device", "disable", "evicted")
        self.expect(event="left", device="evicted", reason="disabled")

    def refused(self, name, why, password=None, reason="unauthorized", **more):
        s, code = self.mqtt(name, password, **more)
        self.assertNotEqual(code, 0)
        s.close()
        return self.expect(event="login-failed", level="warn", device=re.escape(name), protocol="mqtt", reason=reason,
                           address=r"127\.0\.0\.1:\d+", detail=f".*{why}.*")

    @staticmethod
    def expired(name, key):
        scope = urllib.parse.quote(f"localhost/devices/{name}", safe="")
        signature = hmac.new(key, f"{scope}\n1000000000".encode(), hashlib.sha256).digest()
        signed = urllib.parse.quote(base64.b64encode(signature), safe="")
        return f"SharedAccessSignature sr={scope}&sig={signed}&se=1000000000"

    def test_why_a_device_was_not_let_in_is_told(self):
        key = self.add("d1")
        good = token("localhost/devices/d1", key)
        self.refused("unknown", "device does not exist", token("localhost/devices/unknown", key), "not-found")
        self.refused("d1", "not signed with a key of the device", token("localhost/devices/d1", WRONG))
        self.refused("d1", "another resource: localhost%2Fdevices%2Fother", token("localhost/devices/other", key))
        self.refused("d1", "not a shared access signature", "password")
        self.refused("d1", "another hub", good, user="elsewhere/d1/?api-version=2021-04-12")
        self.refused("d1", "client id", good, client="d2")
        self.refused("d1", r"expired \d+ s ago", self.expired("d1", key), "expired")
        self.add("off", status="disabled")
        self.refused("off", "disabled", token("localhost/devices/off", key), "disabled")
        status, body = self.ask("PUT", "/devices/x", {"authentication": {"type": "selfSigned", "x509Thumbprint": {
            "primaryThumbprint": "A" * 40}}})
        self.assertEqual(status, 200, body)
        self.refused("x", "must authenticate by certificate", "x")

    def test_why_somebody_was_not_let_in_over_https_and_amqp_is_told(self):
        self.assertEqual(self.ask("GET", "/devices", auth=token("localhost", WRONG, "iothubowner"))[0], 401)
        self.expect(event="login-failed", policy="iothubowner", protocol="https",
                    detail=".*not signed with a key of the policy.*")
        self.assertEqual(self.ask("GET", "/devices", auth=token("localhost", WRONG, "nobody"))[0], 401)
        self.expect(event="login-failed", policy="nobody", protocol="https", detail=".*no policy.*")
        self.assertEqual(self.ask("POST", "/devices/none/messages/events", {},
                                  auth=token("localhost/devices/none", WRONG))[0], 401)
        self.expect(event="login-failed", device="none", protocol="https", reason="not-found")
        with open(os.path.join(self.folder, "wrong.cs"), "w") as f:
            f.write("HostName=localhost;SharedAccessKeyName=service;"
                    f"SharedAccessKey={base64.b64encode(WRONG).decode()}\n")
        self.hub.d2d("events", "-n", "1", "--timeout", "20s", "--connection-string-file",
                     os.path.join(self.folder, "wrong.cs"), status=3)
        self.expect(event="login-failed", policy="service", protocol="amqp",
                    detail=".*not signed with a key of the policy.*")

    def test_why_a_registration_was_not_let_in_is_told(self):
        keys = [os.path.join(self.folder, "good.key"), os.path.join(self.folder, "bad.key")]
        self.hub.d2d("enroll", "add", "meter")
        self.hub.d2d("enroll", "key", "meter", "--out", keys[0])
        with open(keys[1], "w") as f:
            f.write(base64.b64encode(WRONG).decode() + "\n")
        for transport in ("mqtt", "amqp", "https"):
            def register(name, key, status):
                self.hub.d2d("register", "--id", name, "--key-file", key, "--transport", transport, status=status)
            register("meter", keys[1], 3)
            self.expect(event="login-failed", registration="meter", protocol=transport,
                        detail=".*not signed with a key of the enrollment.*")
            register("stranger", keys[0], 3)
            self.expect(event="login-failed", registration="stranger", protocol=transport,
                        detail=".*no enrollment has this registration id.*")
        self.hub.d2d("enroll", "rm", "meter")
        self.hub.d2d("enroll", "add", "meter", "--key-file", keys[0], "--disabled")
        self.hub.d2d("register", "--id", "meter", "--key-file", keys[0], status=3)
        self.expect(event="login-failed", registration="meter", protocol="mqtt", detail="the enrollment is disabled")

    def test_no_name_forges_a_line(self):
        s, code = self.mqtt("d\nlevel=info audit change=device-deleted by=iothubowner", "x",
                            user="localhost/d\nlevel=info audit change=forged by=\"iothubowner\"/"
                                 "?api-version=2021-04-12")
        self.assertNotEqual(code, 0)
        s.close()
        self.expect(event="login-failed")
        self.assertFalse([line for line in self.hub.logged()[self.seen:].splitlines() if not line.startswith("time=")])

    def test_a_flood_of_failures_is_a_few_lines(self):
        for _ in range(60):
            s, code = self.mqtt("flood", "x", user="elsewhere/flood")
            self.assertNotEqual(code, 0)
            s.close()
        self.expect(event="login-failed", device="flood")
        told = [line for line in self.lines() if line.get("device") == "flood"]
        self.assertLessEqual(len(told), 15)


unittest.main()
