"""A local mosquitto with a bridge to the hub: what local clients publish becomes events of one device, and its
messages come in. The bridge first says that it is one (protocol level 0x84), which is answered with CONNACK 1, and
then comes back as a client."""
import os
import shutil
import socket
import subprocess
import tempfile
import time

from amqp import Events
from hub import CA, MQTTS, Device, c2d, check, done, until
from mqtt import Mqtt, code_of

d = Device()


class Broker:
    """mosquitto on a port of its own, with a bridge to the hub, until the end of the block."""

    def __init__(self, *options):
        self.folder, self.options = tempfile.mkdtemp(prefix="d2d-bridge-"), options
        os.chmod(self.folder, 0o755)  # it may run as a user of its own
        self.log = os.path.join(self.folder, "log")

    def __enter__(self):
        shutil.copy(CA, self.folder + "/ca.pem")
        os.chmod(self.folder + "/ca.pem", 0o644)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        with open(self.folder + "/conf", "w") as conf:
            conf.write(
                "\n".join(
                    [
                        f"listener {self.port} 127.0.0.1",
                        "allow_anonymous true",
                        "persistence false",
                        "log_type all",
                        "connection hub",
                        f"address 127.0.0.1:{MQTTS}",  # of "localhost" it takes one address, which may be ::1
                        f"bridge_cafile {self.folder}/ca.pem",
                        "bridge_insecure false",
                        "bridge_protocol_version mqttv311",
                        "bridge_tls_version tlsv1.2",
                        f"remote_clientid {d.id}",
                        f"remote_username {d.user}",
                        f"remote_password {d.sas()}",
                        "cleansession true",
                        "start_type automatic",
                        "notifications false",
                        *self.options,
                        f"topic messages/events/ out 1 hub/ devices/{d.id}/",
                        f"topic messages/devicebound/# in 1 hub/ devices/{d.id}/",
                        "",
                    ]
                )
            )
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(["mosquitto", "-c", self.folder + "/conf"], stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)

    def said(self):
        with open(self.log) as log:
            return log.read()

    def client(self, name):
        until(lambda: socket.socket().connect_ex(("127.0.0.1", self.port)) == 0)
        m = Mqtt(socket.create_connection(("127.0.0.1", self.port), 5))
        assert m.connect(name, None) == 0
        return m


events = Events()


def bodies(count):
    return [m.data.decode() for m in events.of(d, count)]


with Broker("try_private false", "keepalive_interval 5") as broker:
    with broker.client("listens") as listens, broker.client("speaks") as speaks:
        listens.subscribe("hub/messages/devicebound/#")
        until(lambda: "Received CONNACK on connection" in broker.said())
        for i in range(5):
            speaks.published("hub/messages/events/", f"event {i}", packet_id=10 + i)
        speaks.published("hub/messages/events/", "retained", packet_id=30, retain=True)
        wanted = [f"event {i}" for i in range(5)] + ["retained"]
        got = bodies(6)
        check("mosquitto, MQTT: what is published to the bridge comes out of the hub, in order", got == wanted, got)
        until(lambda: "Received SUBACK" in broker.said())
        status = c2d(d, "open", {"k": "v"}, messageid="m1")
        got = listens.message()
        check(
            "mosquitto, MQTT: a message to the device comes in by the bridge",
            isinstance(got, tuple) and got[1] == b"open",
            (status, got),
        )
        until(lambda: broker.said().count("Received PINGRESP") > 0)
        speaks.published("hub/messages/events/", "later", packet_id=40)
        check(
            "mosquitto, MQTT: the bridge stays with pings between", bodies(7)[-1:] == ["later"], broker.said()[-2000:]
        )
    said = broker.said()
check(
    "mosquitto, MQTT: it has connected once",
    said.count("Received CONNACK on connection") == 1 and "Socket error" not in said,
    said[-2000:],
)

with Broker("restart_timeout 1 2") as broker, broker.client("speaks") as speaks:
    end = time.monotonic() + 60
    while "private" not in (got := bodies(0)) and time.monotonic() < end:
        speaks.published("hub/messages/events/", "private")
        events.of(d, 10**6, 0.5)
check("mosquitto, MQTT: as it is by default, a bridge of its own kind first, it gets through", "private" in got, got)
code = code_of(d.id, d.user, d.sas(), level=0x84)
check("mosquitto, MQTT: the level of a bridge is answered with CONNACK 1", code == 1, code)
done()
