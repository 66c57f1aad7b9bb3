"""make.py D2DHUB DUMP NAME: a hub with something of everything, as NAME.tar.xz, and what is in it, as NAME.txt.

Made once for each form that data on disk ever had, by the program that wrote that form (CONTRIBUTING.md); never again:
that later programs read it is what samples.py shows. The keys in it are of no other hub."""
import base64
import json
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "daemon"))
from peers import Site, connect_once  # noqa: E402
from killing import packet, read, text, token  # noqa: E402
from restarted import Restarted  # noqa: E402

KEY = b"k" * 32
CHECKPOINT = 8  # seconds, within which a hub that runs makes one
X509 = {"x509Thumbprint": {"primaryThumbprint": "A" * 64, "secondaryThumbprint": "B" * 40}, "type": "selfSigned"}


def ask(site, method, path, body=None, key=None, **headers):
    if key:
        headers["Authorization"] = key
    site.https.request(method, path + ("&" if "?" in path else "?") + "api-version=2021-04-12",
                       json.dumps(body) if isinstance(body, dict) else body, {**site.headers, **headers})
    answer = site.https.getresponse()
    said = answer.read()
    assert answer.status < 300, (path, answer.status, said)
    return answer, said


def identities(site):
    site.add(["phone", "door", "gate", "bell", "away"], KEY)
    keys = dict.fromkeys(("primaryKey", "secondaryKey"), base64.b64encode(KEY).decode())
    ask(site, "PUT", "/devices/off", {"deviceId": "off", "status": "disabled", "statusReason": "lost",
                                      "authentication": {"type": "sas", "symmetricKey": keys}})
    ask(site, "PUT", "/devices/thumb", {"deviceId": "thumb", "status": "enabled", "authentication": X509})
    ask(site, "PUT", "/devices/signed",
        {"deviceId": "signed", "status": "enabled", "authentication": {"type": "certificateAuthority"}})
    site.add(["gone"], KEY)
    ask(site, "DELETE", "/devices/gone", **{"If-Match": "*"})
    with open(site.ca) as pem:
        ask(site, "PUT", "/certificates/house", {"properties": {"certificate": pem.read(), "isVerified": True}})
    key = site.facts["connection_strings"]["provisioningserviceowner"].split("SharedAccessKey=")[1]
    owner = token("localhost", base64.b64decode(key), "provisioningserviceowner")
    one = {"registrationId": "pump", "deviceId": "pump",
           "attestation": {"type": "symmetricKey", "symmetricKey": keys}, "provisioningStatus": "enabled"}
    ask(site, "PUT", "/enrollments/pump", one, owner)
    many = {"enrollmentGroupId": "pumps", "attestation": one["attestation"], "provisioningStatus": "disabled"}
    ask(site, "PUT", "/enrollmentGroups/pumps", many, owner)
    scope = site.facts["scope_id"]
    device = token(f"{scope}/registrations/pump", KEY, "registration")
    ask(site, "PUT", f"/{scope}/registrations/pump/register", {"registrationId": "pump"}, device)


def events(site, first, count):
    for name in ["phone", "door", "gate", "bell"]:
        with connect_once(site, name, KEY) as s:
            for i in range(first, first + count):
                body = f"{name} {i} ".encode() + b"." * 200
                topic = f"devices/{name}/messages/events/number={i}&%24.mid=m-{i}"
                s.sendall(packet(0x32, text(topic) + struct.pack(">H", i % 65535 + 1) + body))
                assert read(s, b"", 4)[:2] == b"\x40\x02"


def session(site):
    """One that stays: a subscription of the door."""
    s = site.mqtt()
    user = "localhost/door/?api-version=2021-04-12"
    s.sendall(packet(0x10, text("MQTT") + b"\x04\xc0\x00\xf0" + text("door") + text(user) +
                     text(token("localhost/devices/door", KEY))))
    assert read(s, b"", 4)[:4] == b"\x20\x02\x00\x00"
    s.sendall(packet(0x82, b"\x00\x01" + text("devices/door/messages/devicebound/#") + b"\x01"))
    read(s, b"", 5)
    s.sendall(b"\xe0\x00")
    s.close()


def letters(site, number):
    """Some wait; of one there is feedback, and one was abandoned."""
    for i in range(3):
        ask(site, "POST", "/devices/away/messages/devicebound", f"letter {number} {i}",
            **{"iothub-messageid": f"l-{number}-{i}", "iothub-ack": ["none", "full", "negative"][i]})
    ask(site, "POST", "/devices/phone/messages/devicebound", "done",
        **{"iothub-messageid": f"d-{number}", "iothub-ack": "full"})
    device = token("localhost/devices/phone", KEY)
    answer, _ = ask(site, "GET", "/devices/phone/messages/devicebound", key=device)
    ask(site, "DELETE", f"/devices/phone/messages/devicebound/{answer.getheader('ETag').strip(chr(34))}", key=device)
    device = token("localhost/devices/away", KEY)
    answer, _ = ask(site, "GET", "/devices/away/messages/devicebound", key=device)
    lock = answer.getheader("ETag").strip('"')
    ask(site, "POST", f"/devices/away/messages/devicebound/{lock}/abandon", key=device)


def fill(hub):
    """Half of it is in the checkpoint, half only in the log; the last write is not followed by a stop."""
    hub.start()
    site = Site(hub.data, hub.ports)
    identities(site)
    session(site)
    events(site, 0, 24)
    letters(site, 1)
    state(site, 1)
    site.https.close()
    hub.stop()
    hub.start("--connection-events", "on")
    site = Site(hub.data, hub.ports)
    site.add(["left"], KEY)
    left = connect_once(site, "left", KEY)
    transfer(site, hub.data)
    time.sleep(CHECKPOINT)
    ask(site, "PUT", "/devices/late", {"deviceId": "late", "status": "enabled", "authentication": {"type": "sas"}})
    events(site, 24, 4)
    letters(site, 2)
    state(site, 2)
    call(site)
    site.https.close()
    hub.kill()
    left.close()


def state(site, turn):
    """Twins from both sides, modules, configurations of which one is deleted, jobs: one at its end, one whose time is
    to come."""
    for i, name in enumerate(["phone", "door", "gate"]):
        ask(site, "PATCH", f"/twins/{name}",
            {"tags": {"room": name, "nested": {"turn": turn, "list": [1, "two", {"three": 3.5}]}},
             "properties": {"desired": {"level": i, "text": "\u00e4" * 40 * i}}}, **{"If-Match": "*"})
    if turn == 1:
        ask(site, "PUT", "/devices/door/modules/lock",
            {"deviceId": "door", "moduleId": "lock", "authentication": {"type": "sas"}})
        ask(site, "PUT", "/devices/edge",
            {"deviceId": "edge", "capabilities": {"iotEdge": True}, "authentication": {"type": "sas"}})
        ask(site, "PUT", "/devices/gate/modules/gone", {"deviceId": "gate", "moduleId": "gone"})
        ask(site, "DELETE", "/devices/gate/modules/gone", **{"If-Match": "*"})
        for name, priority in (("winter", 1), ("summer", 2), ("away", 3)):
            ask(site, "PUT", f"/configurations/{name}", {
                "id": name, "priority": priority, "targetCondition": "tags.room='gate'", "labels": {"by": "hand"},
                "content": {"deviceContent": {f"properties.desired.{name}": priority,
                                              "properties.desired.heat": priority}}})
        ask(site, "DELETE", "/configurations/away", **{"If-Match": "*"})
    else:
        ask(site, "PUT", "/devices/late/modules/only",
            {"deviceId": "late", "moduleId": "only", "authentication": {"type": "sas"}})
    ask(site, "PATCH", "/twins/door/modules/lock", {"tags": {"turn": turn}, "properties": {"desired": {"code": turn}}},
        **{"If-Match": "*"})
    report(site, turn)
    job = {"type": "scheduleUpdateTwin", "queryCondition": "tags.room IN ['phone', 'door']",
           "maxExecutionTimeInSeconds": 600, "updateTwin": {"etag": "*", "properties": {"desired": {"job": turn}}}}
    ask(site, "PUT", f"/jobs/v2/done-{turn}", {"jobId": f"done-{turn}", **job})
    ask(site, "PUT", f"/jobs/v2/later-{turn}",
        {"jobId": f"later-{turn}", **job, "queryCondition": "tags.room='nowhere'",
         "startTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 6 * 86400))})
    while json.loads(ask(site, "GET", f"/jobs/v2/done-{turn}")[1])["status"] != "completed" or "heat" not in json.loads(
            ask(site, "GET", "/twins/gate")[1])["properties"]["desired"]:
        time.sleep(0.05)


def transfer(site, data):
    """An import of which two lines fail."""
    box = os.path.join(data, "blobs", "box")
    os.makedirs(box, exist_ok=True)
    with open(os.path.join(box, "devices.txt"), "w", encoding="utf-8") as f:
        f.write('{"id":"moved","importMode":"create"}\nno JSON\n{"id":"gone","importMode":"delete"}\n')
    where = {f"{way}BlobContainerUri": "https://blobs/box" for way in ("input", "output")}
    job = json.loads(ask(site, "POST", "/jobs/create", {"type": "import", **where})[1])["jobId"]
    while json.loads(ask(site, "GET", f"/jobs/{job}")[1])["status"] != "completed":
        time.sleep(0.05)


def report(site, turn):
    with connect_once(site, "door", KEY) as s:
        s.sendall(packet(0x82, b"\x00\x01" + text("$iothub/twin/res/#") + b"\x00"))
        read(s, b"", 5)
        topic = text("$iothub/twin/PATCH/properties/reported/?$rid=1")
        s.sendall(packet(0x30, topic + b'{"open":true,"turn":%d,"was":null}' % turn))
        assert b"/204/" in read(s, b"", 30)


def call(site):
    """A call that nobody answers before the end."""
    key = site.headers["Authorization"]
    site.https.request("POST", "/twins/away/methods?api-version=2021-04-12", json.dumps(
        {"methodName": "open", "payload": {}, "connectTimeoutInSeconds": 100, "responseTimeoutInSeconds": 100}),
        {**site.headers, "Authorization": key})
    time.sleep(0.3)


def of_nobody(member):
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def main():
    program, dump, name = sys.argv[1:4]
    folder = tempfile.mkdtemp(prefix="d2d-sample-")
    hub = Restarted(program, folder, "--segment-size", "16k", "--partitions", "2", "--group", "readers")
    try:
        fill(hub)
    finally:
        hub.kill()
    os.remove(os.path.join(hub.data, "state", "lock.mdb"))
    for left in os.listdir(os.path.join(hub.data, "log")):
        if not left.endswith(".log"):
            os.remove(os.path.join(hub.data, "log", left))
    with tarfile.open(os.path.join(HERE, f"{name}.tar.xz"), "w:xz") as tar:
        tar.add(hub.data, name, filter=of_nobody)
    with open(os.path.join(HERE, f"{name}.txt"), "w+") as out:
        subprocess.run([dump, hub.data], stdout=out, check=True)
        out.seek(0)
        said = out.read()
    assert "\nleft left\n" in said and " failed=2 " in said, said
    shutil.rmtree(folder)


main()
