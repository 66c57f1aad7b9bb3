"""allocation.py BUILD: where devices are assigned to: this hub, another one, or where a webhook says; and what fails."""
import http.server
import json
import os
import shutil
import sys
import tempfile
import threading
import unittest

from peers import Site
from started import Hub

BUILD = sys.argv.pop(1)
OTHER = "other.localhost"  # which libcurl knows to be this computer


class Webhook(http.server.BaseHTTPRequestHandler):
    answer, status, asked = {}, 200, []

    def do_POST(self):
        Webhook.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
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
            f.write(f"# other hubs\n\n{string}\nHostName=nobody.localhost:1;SharedAccessKeyName=a;SharedAccessKey={'A' * 44}\n")
        os.environ["D2DHUB_LINKED_HUBS_FILE"] = linked
        os.environ["D2DHUB_OUTSIDE_CA_FILE"] = os.path.join(cls.other.data, "tls", "ca.pem")
        cls.hub = Hub(BUILD, os.path.join(cls.folder, "a"))
        cls.here, cls.there = Site(cls.hub.data, cls.hub.ports), Site(cls.other.data, cls.other.ports)
        cls.web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
        threading.Thread(target=cls.web.serve_forever, daemon=True).start()
        cls.hook = {"webhookUrl": f"http://127.0.0.1:{cls.web.server_port}/choose?code=secret", "apiVersion": "2019-03-31"}

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
        Webhook.answer, Webhook.status, Webhook.asked = {}, 200, []

    def enroll(self, name, group=False, **more):
        kind = "enrollmentGroups" if group else "enrollments"
        _, body = self.here.ask("GET", f"/{kind}/{name}")
        if json.loads(body).get("etag"):
            self.here.ask("DELETE", f"/{kind}/{name}")
        status, body = self.here.ask("PUT", f"/{kind}/{name}", json.dumps({"attestation": {"type": "symmetricKey"}, **more}))
        self.assertEqual(status, 200, body)
        key = os.path.join(self.folder, f"{name}.key")
        with open(key, "w") as f:
            f.write(self.hub.d2d("enroll", "key", name, *(["--group"] if group else [])).stdout)
        return key

    def register(self, name, key, status=0, *more):
        return self.hub.d2d("register", "--id", name, "--key-file", key, "--transport", "https", *more, status=status)

    def state(self, name):
        status, body = self.here.ask("GET", f"/registrations/{name}")
        self.assertEqual(status, 200)
        return json.loads(body)

    def device(self, site, name):
        status, body = site.ask("GET", f"/devices/{name}")
        return json.loads(body) if status == 200 else None

    def test_static_goes_to_its_hub_with_its_keys_and_back_again(self):
        key = self.enroll("mover", allocationPolicy="static", iotHubs=[OTHER])
        for transport in ("https", "mqtt", "amqp"):
            done = self.hub.d2d("register", "--id", "mover", "--key-file", key, "--transport", transport)
            self.assertIn(f"HostName={OTHER};DeviceId=mover;", done.stdout)
        with open(key) as f:
            self.assertEqual(self.device(self.there, "mover")["authentication"]["symmetricKey"]["primaryKey"], f.read().strip())
        self.assertIsNone(self.device(self.here, "mover"))
        first = self.state("mover")
        self.assertEqual((first["assignedHub"], first["substatus"]), (OTHER, "initialAssignment"))
        key = self.enroll("mover", iotHubHostName="localhost")
        self.register("mover", key)
        self.assertIsNotNone(self.device(self.here, "mover"))
        self.assertIsNone(self.device(self.there, "mover"))
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
        self.enroll("many", group=True, iotHubs=["localhost", OTHER])
        key = os.path.join(self.folder, "many.key")
        where = {}
        for i in range(12):
            done = self.hub.d2d("register", "--id", f"m-{i}", "--group-key-file", key, "--transport", "https")
            where[f"m-{i}"] = done.stdout.split(";")[0]
        self.assertEqual(set(where.values()), {"HostName=localhost", f"HostName={OTHER}"})
        done = self.hub.d2d("register", "--id", "M-3", "--group-key-file", key, "--transport", "https")
        self.assertEqual(done.stdout.split(";")[0], where["m-3"])

    def test_a_webhook_decides_and_is_told_what_it_needs(self):
        key = self.enroll("asker", allocationPolicy="custom", customAllocationDefinition=self.hook,
                          optionalDeviceInformation={"floor": 3})
        Webhook.answer = {"iotHubHostName": OTHER, "payload": {"door": "left"}}
        done = self.register("asker", key, 0, "--payload", '{"size":2}')
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
        self.assertIsNone(self.device(self.there, "asker"))
        self.assertIsNotNone(self.device(self.here, "asker"))
        self.assertNotIn("payload", self.state("asker"))

    def test_what_fails_is_told_and_may_be_tried_again(self):
        key = self.enroll("failing", allocationPolicy="custom", customAllocationDefinition=self.hook)
        for status, answer, code in ((500, {}, 400207), (200, b"{", 400207), (200, {"iotHubHostName": 7}, 400207),
                                     (200, b"[" * 100000, 400207), (200, {"iotHubHostName": "elsewhere"}, 400209),
                                     (200, {"iotHubHostName": "nobody.localhost"}, 400209)):
            Webhook.status, Webhook.answer = status, answer
            self.assertIn(str(code), self.register("failing", key, 7).stderr)
            self.assertEqual((self.state("failing")["status"], self.state("failing")["errorCode"]), ("failed", code))
        self.assertNotIn("secret", self.hub.logged())
        Webhook.status, Webhook.answer = 200, {"iotHubHostName": "localhost"}
        self.register("failing", key)
        self.assertEqual(self.state("failing")["status"], "assigned")
        key = self.enroll("failing", iotHubs=["elsewhere"])
        for transport in ("https", "mqtt", "amqp"):
            done = self.hub.d2d("register", "--id", "failing", "--key-file", key, "--transport", transport, status=7)
            self.assertIn("400209", done.stderr)

    def test_a_group_takes_no_device_of_another_hub(self):
        self.there.add(["taken"])
        before = self.device(self.there, "taken")
        self.enroll("thieves", group=True, iotHubs=[OTHER])
        key = os.path.join(self.folder, "thieves.key")
        done = self.hub.d2d("register", "--id", "taken", "--group-key-file", key, "--transport", "https", status=7)
        self.assertIn("400209", done.stderr)
        self.assertEqual(self.device(self.there, "taken")["authentication"], before["authentication"])

    def test_what_is_no_allocation_is_not_taken(self):
        for wrong in ({"allocationPolicy": "best"}, {"iotHubs": "localhost"}, {"iotHubs": [1]}, {"allocationPolicy": "custom"},
                      {"allocationPolicy": "custom", "customAllocationDefinition": {"webhookUrl": "ftp://a"}}):
            status, _ = self.here.ask("PUT", "/enrollments/wrong", json.dumps({"attestation": {"type": "symmetricKey"}, **wrong}))
            self.assertEqual(status, 400, wrong)


if __name__ == "__main__":
    unittest.main(verbosity=1)
