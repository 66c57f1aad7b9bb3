"""Every character that a device id may have, over every protocol: it is registered, sends, gets a message and settles
it; where a registration id may have it too, it registers."""
import json
from urllib.parse import quote

from amqp import ACCEPTED, Amqp, Events
from hub import HOST, SCOPE, VERSION, Device, check, done, http, new_key, owner, sas, some, until
from mqtt import PUBACK, Mqtt

SPECIAL = "-:.+%_#*?!(),=@;$'"
IDS = [f"a{c}B9" for c in SPECIAL] + ["%41%2B%25", "?api-version=1", ("x" + SPECIAL) * 6 + "y"]


class Named(Device):
    def __init__(self, name):
        self.id, self.path = name, "/devices/" + quote(name, safe="")
        made = http("PUT", f"{self.path}?{VERSION}", {"deviceId": name}, owner())
        assert made.status == 200, made
        self.key = made.json["authentication"]["symmetricKey"]["primaryKey"]
        self.user = f"{HOST}/{name}/?{VERSION}"

    def sas(self):
        return sas(f"{HOST}/devices/{quote(self.id, safe='')}", self.key)

    def is_sent(self, body):
        return http("POST", f"{self.path}/messages/devicebound?{VERSION}", body, owner()).status == 204


def over_https(d):
    sent = http("POST", f"{d.path}/messages/events?{VERSION}", b"https", d.sas())
    d.is_sent("to https")
    got = http("GET", f"{d.path}/messages/devicebound?{VERSION}", None, d.sas())
    lock = got.headers.get("etag", "").strip('"')
    settled = http("DELETE", f"{d.path}/messages/devicebound/{lock}?{VERSION}", None, d.sas())
    return sent.status == 204 and got.body == b"to https" and settled.status == 204, (sent, got, settled)


def over_amqp(d):
    with Amqp() as c:
        status = c.put_token(f"{HOST}/devices/{quote(d.id, safe='')}", d.sas())
        outcome = c.send(c.attach(f"/devices/{quote(d.id, safe='')}/messages/events"), b"amqp")
        c.attach(f"/devices/{quote(d.id, safe='')}/messages/devicebound", True, credit=5)
        d.is_sent("to amqp")
        got = c.get()
        body = got and got.data
        c.accept(got)
        return status == 200 and outcome == ACCEPTED and body == b"to amqp", (status, outcome, body)


def over_mqtt(d):
    with Mqtt() as m:
        code = m.connect(d.id, d.user, d.sas())
        subscribed = m.subscribe(f"devices/{d.id}/messages/devicebound/#")
        d.is_sent("to mqtt")
        got = m.message()
        sent = m.published(f"devices/{d.id}/messages/events/", "mqtt")
        # Some clients escape it: + and # are wildcards elsewhere in MQTT.
        sent = sent and m.published(f"devices/{quote(d.id, safe='')}/messages/events/", "escaped")
        return code == 0 and subscribed and got[1] == b"to mqtt" and sent, (code, subscribed, got, sent)


events = Events()
for name in IDS:
    d = Named(name)
    shown = name if len(name) < 20 else "all of them, 115 characters"
    for protocol, over in (("HTTPS", over_https), ("AMQP", over_amqp), ("MQTT", over_mqtt)):
        good, detail = over(d)
        check(f"{protocol}: {shown}", good, detail)
    heard = [m.data for m in events.of(d, 4)]
    check(f"the events of {shown}", heard == [b"https", b"amqp", b"mqtt", b"escaped"], heard)
API = "api-version=2019-03-31"
REGISTRATIONS = [f"a{c}b9{some(4)}" for c in "-._:"]


def assigned(answer):
    return answer.json["registrationState"]["deviceId"] if answer.json.get("status") == "assigned" else None


def registers_over_https(name, token):
    place = f"/{SCOPE}/registrations/{quote(name, safe='')}"
    made = http("PUT", f"{place}/register?{API}", {"registrationId": name}, token)
    status = f"{place}/operations/{made.json['operationId']}?{API}"
    return until(lambda: assigned(http("GET", status, None, token)))


def registers_over_mqtt(name, token):
    with Mqtt() as m:
        if m.connect(name, f"{SCOPE}/registrations/{name}/{API}", token) != 0:
            return None
        m.subscribe("$dps/registrations/res/#")
        m.publish("$dps/registrations/PUT/iotdps-register/?$rid=1", json.dumps({"registrationId": name}))
        m.want(PUBACK)
        operation = json.loads(m.message()[1])["operationId"]

        def status():
            m.publish(f"$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1&operationId={operation}")
            m.want(PUBACK)
            return json.loads(m.message()[1]).get("registrationState", {}).get("deviceId")

        return until(status)


for name in REGISTRATIONS:
    key = new_key()
    keys = {"type": "symmetricKey", "symmetricKey": {"primaryKey": key, "secondaryKey": new_key()}}
    enrollment = {"registrationId": name, "attestation": keys}
    made = http("PUT", f"/enrollments/{quote(name, safe='')}?{API}", enrollment, owner())
    check(f"an enrollment of {name[:-4]}…", made.status == 200, made)
    token = sas(f"{SCOPE}/registrations/{name}", key, "registration")
    for protocol, registers in (("HTTPS", registers_over_https), ("MQTT", registers_over_mqtt)):
        device = registers(name, token)
        check(f"{protocol}: {name[:-4]}… registers", device == name, device)
done()
