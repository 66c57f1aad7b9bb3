"""allocation.py BUILD: where devices are assigned to: this hub, another one, or where a webhook says; and what
fails."""
import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import shutil
import sys
import tempfile
import threading
import time
import unittest

from peers import Site, token
from started import Hub

BUILD = sys.argv.pop(1)
OTHER = "other.localhost"  # which libcurl knows to be this computer


class Webhook(http.server.BaseHTTPRequestHandler):
    answer, status, asked, hold = {}, 200, [], None

    def do_POST(self):
        Webhook.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        if Webhook.hold:
            Webhook.hold.wait(10)
        body = Webhook.answer if isinstance(Webhook.answer, bytes) else json.dumps(Webhook.answer).encode()
        self.send_response(Webhook.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except BrokenPipeError:
            pass  # the hub took as much as it wants

    def log_message(self, *_):
        pass


class Allocation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="d2d-allocation-")
        for name in ("a", "b"):
            os.mkdir(os.path.join(cls.folder, name))
        cls.other = Hub(BUILD, os.path.join(cls.folder, "b"), "--name", OTHER, "--also", "localhost")
        with open(os.path.join(cls.folder, "b", "owner.cs")) as f:
            string = f.read().replace(OTHER, f"{OTHER}:{cls.other.ports['https']}")
        linked = os.path.join(cls.folder, "linked.cs")
        with open(linked, "w") as f:
            f.write(f"# other hubs\n\n{string}\n"
                    f"HostName=nobody.localhost:1;SharedAccessKeyName=a;SharedAccessKey={'A' * 44}\n")
        os.environ["D2DHUB_LINKED_HUBS_FILE"] = linked
        os.environ["D2DHUB_OUTSIDE_CA_FILE"] = os.path.join(cls.other.data, "tls", "ca.pem")
        cls.hub = Hub(BUILD, os.path.join(cls.folder, "a"))
        cls.here, cls.there = Site(cls.hub.data, cls.hub.ports), Site(cls.other.data, cls.other.ports)
        cls.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
        threading.Thread(target=cls.web.serve_forever, daemon=True).start()
        cls.hook = {"webhookUrl": f"http://127.0.0.1:{cls.web.server_port}/choose?code=secret",
                    "apiVersion": "2019-03-31"}

    @classmethod
    def tearDownClass(cls):
        cls.web.shutdown()
        cls.web.server_close()
        for site in (cls.here, cls.there):
            site.https.close()
        statuses = [cls.hub.stop(), cls.other.stop()]
        shutil.rmtree(cls.folder)
        assert statuses == [0, 0], statuses

    def setUp(self):
        Webhook.answer, Webhook.status, Webhook.asked, Webhook.hold = {}, 200, [], None

    def change(self, site, path, **more):
        """What is there, with something else in it."""
        status, body = site.ask("GET", path)
        self.assertEqual(status, 200, body)
        site.headers["If-Match"] = "*"
        status, body = site.ask("PUT", path, json.dumps({**json.loads(body), **more}))
        del site.headers["If-Match"]
        self.assertEqual(status, 200, body)

    def custom(self, **more):
        return dict(allocationPolicy="custom", customAllocationDefinition=self.hook, **more)

    def enroll(self, name, group=False, **more):
        kind = "enrollmentGroups" if group else "enrollments"
        _, body = self.here.ask("GET", f"/{kind}/{name}")
        if json.loads(body).get("etag"):
            self.here.ask("DELETE", f"/{kind}/{name}")
        status, body = self.here.ask("PUT", f"/{kind}/{name}",
                                     json.dumps({"attestation": {"type": "symmetricKey"}, **more}))
        self.assertEqual(status, 200, body)
        key = os.path.join(self.folder, f"{name}.key")
        with open(key, "w") as f:
            f.write(self.hub.d2d("enroll", "key", name, *(["--group"] if group else [])).stdout)
        return key

    def register(self, name, key, code=None, payload=None):
        """What `d2d register` does, without its pauses. With a code it has to fail with that."""
        with open(key) as f:
            secret = base64.b64decode(f.read())
        scope = self.here.facts["scope_id"]
        headers = {"Authorization": token(f"{scope}/registrations/{name}", secret, "registration")}
        path = f"/{scope}/registrations/{name}"
        connection = http.client.HTTPSConnection("localhost", self.hub.ports["https"], timeout=60,
                                                 context=self.here.context)

        def ask(method, below, body=None):
            connection.request(method, path + below + "?api-version=2021-06-01", body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

        status, begun = ask("PUT", "/register", json.dumps({"payload": payload}))
        self.assertEqual(status, 202, begun)
        while True:
            status, body = ask("GET", f"/operations/{begun['operationId']}")
            if status != 202:
                break
            time.sleep(0.01)
        connection.close()
        state = body.get("registrationState", {})
        if status == 200:
            self.assertEqual(state.get("errorCode"), code, body)
        return state

    def d2d_register(self, name, key, transport, status=0, *more):
        return self.hub.d2d("register", "--id", name, "--key-file", key, "--transport", transport, *more, status=status)

    def state(self, name):
        status, body = self.here.ask("GET", f"/registrations/{name}")
        self.assertEqual(status, 200)
        return json.loads(body)

    def device(self, site, name):
        status, body = site.ask("GET", f"/devices/{name}")
        return json.loads(body) if status == 200 else None

    def gone(self, site, name):
        """It leaves once it has arrived elsewhere."""
        deadline = time.monotonic() + 30
        while self.device(site, name):
            self.assertLess(time.monotonic(), deadline, f"{name} is still there")
            time.sleep(0.01)

    def test_static_goes_to_its_hub_with_its_keys_and_back_again(self):
        key = self.enroll("mover", allocationPolicy="static", iotHubs=[OTHER])
        for transport in ("https", "mqtt", "amqp"):
            done = self.d2d_register("mover", key, transport)
            self.assertIn(f"HostName={OTHER};DeviceId=mover;", done.stdout)
        with open(key) as f:
            self.assertEqual(self.device(self.there, "mover")["authentication"]["symmetricKey"]["primaryKey"],
                             f.read().strip())
        self.assertIsNone(self.device(self.here, "mover"))
        first = self.state("mover")
        self.assertEqual((first["assignedHub"], first["substatus"]), (OTHER, "initialAssignment"))
        key = self.enroll("mover", iotHubHostName="localhost")
        self.register("mover", key)
        self.assertIsNotNone(self.device(self.here, "mover"))
        self.gone(self.there, "mover")
        self.assertEqual(self.state("mover")["substatus"], "deviceDataMigrated")
        key = self.enroll("mover", iotHubHostName=OTHER, reprovisionPolicy={"updateHubAssignment": False})
        self.register("mover", key)
        self.assertEqual(self.state("mover")["assignedHub"], "localhost")
        key = self.enroll("mover", iotHubHostName=OTHER)
        self.register("mover", key)
        self.assertIsNone(self.device(self.here, "mover"))
        self.assertIsNotNone(self.device(self.there, "mover"))
        again = self.state("mover")
        self.assertEqual(again["substatus"], "reprovisionedToInitialAssignment")
        self.assertEqual(again["createdDateTimeUtc"], first["createdDateTimeUtc"])
        self.assertFalse({"was", "entry", "operationId", "initialHub", "migrate", "hubKey"} & set(again))

    def test_hashed_spreads_a_group_and_always_the_same_way(self):
        with open(self.enroll("many", group=True, iotHubs=["localhost", OTHER])) as f:
            group = base64.b64decode(f.read())
        where = {}
        for name in [f"m-{i}" for i in range(12)] + ["M-3"]:
            where[name] = self.register(name, self.derived(group, name))["assignedHub"]
        self.assertEqual(set(where.values()), {"localhost", OTHER})
        self.assertEqual(where["M-3"], where["m-3"])

    def derived(self, group, name):
        path = os.path.join(self.folder, f"{name}.key")
        with open(path, "w") as f:
            f.write(base64.b64encode(hmac.new(group, name.encode(), hashlib.sha256).digest()).decode())
        return path

    def test_a_webhook_decides_and_is_told_what_it_needs(self):
        key = self.enroll("asker", allocationPolicy="custom", customAllocationDefinition=self.hook,
                          optionalDeviceInformation={"floor": 3})
        Webhook.answer = {"iotHubHostName": OTHER, "payload": {"door": "left"}}
        done = self.d2d_register("asker", key, "https", 0, "--payload", '{"size":2}')
        self.assertIn('{"door":"left"}', done.stderr)
        self.assertIsNotNone(self.device(self.there, "asker"))
        asked = Webhook.asked[0]
        self.assertEqual(asked["deviceRuntimeContext"],
                         {"registrationId": "asker", "symmetricKey": {}, "payload": {"size": 2}})
        self.assertEqual(asked["linkedHubs"], ["localhost", OTHER, "nobody.localhost"])
        self.assertEqual(asked["individualEnrollment"]["optionalDeviceInformation"], {"floor": 3})
        self.assertNotIn("primaryKey", json.dumps(asked))
        Webhook.answer = {"iotHubHostName": "localhost", "payload": "a text"}
        self.register("asker", key)
        self.assertEqual(Webhook.asked[1]["deviceRuntimeContext"]["currentIotHubHostName"], OTHER)
        self.gone(self.there, "asker")
        self.assertIsNotNone(self.device(self.here, "asker"))
        self.assertNotIn("payload", self.state("asker"))

    def test_what_fails_is_told_and_may_be_tried_again(self):
        key = self.enroll("failing", allocationPolicy="custom", customAllocationDefinition=self.hook)
        for status, answer, code in ((500, {}, 400207), (200, b"{", 400207), (200, {"iotHubHostName": 7}, 400207),
                                     (200, b"[" * 100000, 400207), (200, {"iotHubHostName": "elsewhere"}, 400209),
                                     (200, {"iotHubHostName": "nobody.localhost"}, 400209)):
            Webhook.status, Webhook.answer = status, answer
            self.register("failing", key, code)
            self.assertEqual((self.state("failing")["status"], self.state("failing")["errorCode"]), ("failed", code))
        self.assertNotIn("secret", self.hub.logged())
        Webhook.status, Webhook.answer = 200, {"iotHubHostName": "localhost"}
        self.register("failing", key)
        self.assertEqual(self.state("failing")["status"], "assigned")
        key = self.enroll("failing", iotHubs=["elsewhere"])
        for transport in ("https", "mqtt", "amqp"):
            self.assertIn("400209", self.d2d_register("failing", key, transport, 7).stderr)

    def test_a_group_takes_no_device_of_another_hub(self):
        self.there.add(["taken"])
        before = self.device(self.there, "taken")
        with open(self.enroll("thieves", group=True, iotHubs=[OTHER])) as f:
            self.register("taken", self.derived(base64.b64decode(f.read()), "taken"), 400209)
        self.assertEqual(self.device(self.there, "taken")["authentication"], before["authentication"])

    def test_a_device_that_was_disabled_there_stays_so(self):
        key = self.enroll("lost", iotHubHostName=OTHER)
        self.register("lost", key)
        self.change(self.there, "/devices/lost", status="disabled")
        key = self.enroll("lost", iotHubHostName=OTHER)
        self.register("lost", key)
        device = self.device(self.there, "lost")
        with open(key) as f:
            self.assertEqual(device["authentication"]["symmetricKey"]["primaryKey"], f.read().strip())
        self.assertEqual(device["status"], "disabled")

    def test_a_webhook_is_bound_to_the_hubs_of_the_entry(self):
        key = self.enroll("bound", **self.custom(iotHubs=["localhost"]))
        Webhook.answer = {"iotHubHostName": OTHER}
        self.register("bound", key, 400209)
        self.assertEqual(Webhook.asked[0]["linkedHubs"], ["localhost"])
        self.assertIsNone(self.device(self.there, "bound"))

    def test_a_move_under_another_id_takes_its_own_device_away_and_no_other(self):
        self.here.add(["victim"])
        self.register("renamed", self.enroll("renamed", iotHubHostName="localhost", deviceId="first-name"))
        self.register("renamed", self.enroll("renamed", iotHubHostName=OTHER, deviceId="victim"))
        self.assertIsNotNone(self.device(self.here, "victim"))
        self.assertIsNone(self.device(self.here, "first-name"))

    def test_what_was_overtaken_makes_nothing(self):
        key, Webhook.hold = self.enroll("late", **self.custom()), threading.Event()
        Webhook.answer = {"iotHubHostName": OTHER}
        waiting = threading.Thread(target=lambda: self.register("late", key))
        waiting.start()
        while not Webhook.asked:
            threading.Event().wait(0.01)
        with open(key) as f:
            text = f.read().strip()
        self.change(self.here, "/enrollments/late", allocationPolicy="static", iotHubs=["localhost"], attestation={
            "type": "symmetricKey", "symmetricKey": {"primaryKey": text, "secondaryKey": text}})
        self.register("late", key)
        Webhook.hold.set()
        waiting.join()
        self.register("late", key)  # whatever the thread had to do for the first is done before that
        self.assertEqual(self.state("late")["assignedHub"], "localhost")
        self.assertIsNone(self.device(self.there, "late"))

    def test_without_tls_nothing_goes_to_a_name_that_looks_like_this_computer(self):
        hook = {"webhookUrl": f"http://127.stranger.localhost:{self.web.server_port}/"}
        key = self.enroll("plain", allocationPolicy="custom", customAllocationDefinition=hook)
        Webhook.answer = {"iotHubHostName": "localhost"}
        self.register("plain", key, 400207)
        self.assertEqual(Webhook.asked, [])

    def test_a_payload_that_cannot_be_kept_is_a_failure(self):
        key = self.enroll("wordy", **self.custom())
        Webhook.answer = {"iotHubHostName": "localhost", "payload": {"x": "x" * 40000}}
        self.register("wordy", key, 400207)

    def test_what_is_no_allocation_is_not_taken(self):
        for wrong in ({"allocationPolicy": "best"}, {"iotHubs": "localhost"}, {"iotHubs": [1]},
                      {"allocationPolicy": "custom"},
                      {"allocationPolicy": "custom", "customAllocationDefinition": {"webhookUrl": "ftp://a"}}):
            status, _ = self.here.ask("PUT", "/enrollments/wrong",
                                      json.dumps({"attestation": {"type": "symmetricKey"}, **wrong}))
            self.assertEqual(status, 400, wrong)


if __name__ == "__main__":
    unittest.main(verbosity=1)
