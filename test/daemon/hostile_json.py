"""hostile_json.py BUILD: JSON that is deep, huge, has a name twice, is no UTF-8, or has numbers beyond every limit, at
every door that takes it: the documented refusal, bounded memory, and what was there stays."""
import json
import os
import shutil
import sys
import tempfile
import unittest

from peers import Site
from proton import Message, SSLDomain, symbol
from proton.reactor import LinkOption
from proton.utils import BlockingConnection
from restarted import Restarted

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from killing import Mqtt, token  # noqa: E402

BUILD = os.path.realpath(sys.argv.pop(1))
N = 60000
BAD = {
    "deep arrays": b"[" * N + b"]" * N,
    "deep objects": b'{"a":' * (N // 2) + b"1" + b"}" * (N // 2),
    "deep, without an end": b'{"a":[' * (N // 2),
    "eleven levels": b'{"a":' * 11 + b"1" + b"}" * 11,
    "wide": b"[" + b",".join([b"0"] * N) + b"]",
    "many names": b"{" + b",".join(b'"k%d":0' % i for i in range(9000)) + b"}",
    "one name often": b"{" + b",".join(b'"k":0' for _ in range(9000)) + b"}",
    "no UTF-8": b'"\xff"',
    "half a character": b'"\\ud800"',
    "a large number": b"1e999",
    "an integer of 400 digits": b"9" * 400,
    "beyond the integers": b"4503599627370496",
    "a long text": b'"' + b"x" * 100000 + b'"',
    "a null in an array": b"[null]",
}
GOOD = [b"1e-999", b"-0", b"4503599627370495", b"-4503599627370496", b'{"a":' * 9 + b"1" + b"}" * 9]
TWIN = "com.microsoft:channel-correlation-id"


class Channel(LinkOption):
    """The properties that make two links one (device 3.5)."""

    def apply(self, link):
        link.properties = {symbol(TWIN): "twin:1", symbol("com.microsoft:api-version"): "2021-04-12"}


class HostileJson(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="d2d-hostile-json-")
        self.hub = Restarted(os.path.join(BUILD, "d2dhub"), self.folder, "--segment-size", "1m")
        self.hub.start()
        self.site = Site(self.hub.data, self.hub.ports)
        self.key = self.site.add(["door"])
        self.highest = self.memory()

    def tearDown(self):
        self.site.https.close()
        self.hub.kill()
        shutil.rmtree(self.folder)

    def memory(self):
        with open(f"/proc/{self.hub.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))

    def still_there(self, versions):
        twin = json.loads(self.site.ask("GET", "/twins/door")[1])
        self.assertEqual((twin["version"], twin["properties"]["desired"]["$version"],
                          twin["properties"]["reported"]["$version"]), versions)
        self.assertLess(self.memory() - self.highest, 160 << 10, "KiB")
        self.hub.stop()

    def ask(self, method, path, body):
        status, said = self.site.ask(method, path, body)
        return status, said[:200]

    def test_what_services_write(self):
        calls = [("PATCH", "/twins/door", b'{"tags":{"v":%s}}'),
                 ("PUT", "/twins/door", b'{"properties":{"desired":{"v":%s}}}'),
                 ("POST", "/devices", b'[{"id":"door","importMode":"updateTwin","tags":{"v":%s}}]'),
                 ("PUT", "/configurations/c", b'{"id":"c","content":{"deviceContent":{"properties.desired.v":%s}},'
                                              b'"targetCondition":"","priority":1}')]
        for method, path, text in calls:
            for name, value in BAD.items():
                status, said = self.ask(method, path, text % value)
                self.assertIn(status, (400, 403, 413), (method, path, name, said))
        changes = 0
        for value in GOOD:
            for method, path, text in calls[:3]:
                changes += 1
                status, said = self.ask(method, path, text % value)
                self.assertEqual(status, 200, (method, path, value, said))
        self.still_there((2 + changes, 1 + changes // 3, 1))

    def test_what_services_send(self):
        for method, path, text in [("POST", "/twins/door/methods", b'{"methodName":"open","payload":%s}'),
                                   ("PUT", "/jobs/v2/j",
                                    b'{"jobId":"j","type":"scheduleUpdateTwin","queryCondition":"*",'
                                    b'"updateTwin":{"tags":{"v":%s}},"maxExecutionTimeInSeconds":60}'),
                                   ("POST", "/devices/query", b'{"query":"SELECT * FROM devices","x":%s}')]:
            for name in ("deep arrays", "deep objects", "deep, without an end", "one name often", "no UTF-8",
                         "half a character", "a large number", "an integer of 400 digits"):
                status, said = self.ask(method, path, text % BAD[name])
                self.assertEqual(status, 400, (method, path, name, said))
        self.still_there((2, 1, 1))

    def test_what_a_device_reports_over_mqtt(self):
        mqtt = Mqtt("door", self.hub.ports, self.site.context, self.key)
        mqtt.subscribe("$iothub/twin/res/#")
        for value, wanted in [(v, ("400", "403")) for v in BAD.values()] + [(v, ("204",)) for v in GOOD]:
            mqtt.publish("$iothub/twin/PATCH/properties/reported/?$rid=1", b'{"v":' + value + b"}")
            topic, body = mqtt.publication()
            self.assertIn(topic.split("/")[3], wanted, (value[:40], topic, body))
        mqtt.s.close()
        self.still_there((2 + len(GOOD), 1, 1 + len(GOOD)))

    def test_what_a_device_reports_over_amqp(self):
        domain = SSLDomain(SSLDomain.MODE_CLIENT)
        domain.set_trusted_ca_db(self.site.ca)
        domain.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME)
        connection = BlockingConnection(f"amqps://localhost:{self.hub.ports['amqps']}", timeout=30, ssl_domain=domain,
                                        user="door@sas.localhost", allowed_mechs="PLAIN",
                                        password=token("localhost/devices/door", self.key), heartbeat=60)
        receiver = connection.create_receiver("/devices/door/twin", credit=10, options=[Channel()])
        sender = connection.create_sender("/devices/door/twin", options=[Channel()])
        for value, wanted in [(v, (400, 403)) for v in BAD.values()] + [(v, (204,)) for v in GOOD]:
            sender.send(Message(body=b'{"v":' + value + b"}", inferred=True, correlation_id="1", annotations={
                symbol("operation"): "PATCH", symbol("resource"): "/properties/reported"}), timeout=30)
            answer = receiver.receive(timeout=30)
            self.assertIn(answer.annotations["status"], wanted, (value[:40], answer.body))
        connection.close()
        self.still_there((2 + len(GOOD), 1, 1 + len(GOOD)))


unittest.main()
