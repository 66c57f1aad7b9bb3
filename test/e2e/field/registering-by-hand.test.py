"""Provisioning over MQTT by hand: every spelling of the token, either key, groups with ids in any case, and what ends
the connection."""
import base64
import hashlib
import hmac
import json
import time
from urllib.parse import quote

from hub import HOST, SCOPE, check, done, http, new_key, owner, sas, signature, some
from mqtt import CLOSED, PUBACK, Mqtt, code_of

API = "api-version=2019-03-31"
key, second, group_key = new_key(), new_key(), new_key()
one, group = "field-" + some(), "fields-" + some()


def symmetric(primary, other):
    return {"attestation": {"type": "symmetricKey", "symmetricKey": {"primaryKey": primary, "secondaryKey": other}}}


r = http("PUT", f"/enrollments/{one}?{API}", {"registrationId": one, **symmetric(key, second)}, owner())
g = http(
    "PUT", f"/enrollmentGroups/{group}?{API}", {"enrollmentGroupId": group, **symmetric(group_key, new_key())}, owner()
)
check("an enrollment and a group are made", (r.status, g.status) == (200, 200), (r, g))


def token(signing, registration, lower=False, raw=False, skn="registration"):
    """In the order of the documentation's example: sr, skn, sig, se."""
    scope, expiry = f"{SCOPE}/registrations/{registration}", int(time.time()) + 3600
    scope = scope if raw else quote(scope, safe="")
    scope = scope.replace("%2F", "%2f") if lower else scope
    signed = quote(signature(signing, f"{scope}\n{expiry}"), safe="")
    return f"SharedAccessSignature sr={scope}&skn={skn}&sig={signed}&se={expiry}"


def user_of(registration, more=""):
    return f"{SCOPE}/registrations/{registration}/{API}{more}"


def question(m, topic, body, qos):
    m.publish(topic, body, qos, 3)
    if qos and not isinstance(m.want(PUBACK), tuple):
        return "no PUBACK", None
    got = m.message()
    return (got[0], json.loads(got[1] or b"null")) if isinstance(got, tuple) else (got, None)


def register(m, registration, number="1", body=None, qos=0):
    """The topics of the first and the last answer, and what is in the last."""
    m.subscribe("$dps/registrations/res/#")
    body = json.dumps({"registrationId": registration}) if body is None else body
    topic, answer = question(m, f"$dps/registrations/PUT/iotdps-register/?$rid={number}", body, qos)
    first, tries = topic, 0
    while topic.startswith("$dps/registrations/res/202/") and tries < 50:
        status = f"$dps/registrations/GET/iotdps-get-operationstatus/?$rid={number}&operationId={answer['operationId']}"
        tries += 1
        time.sleep(0.1)
        topic, answer = question(m, status, b"", qos)
    return first, topic, answer


def registered(name, registration, signing, number="1", qos=0, **spelling):
    """Registers, and connects as the device that came of it."""
    with Mqtt() as m:
        code = m.connect(registration, user_of(registration), token(signing, registration, **spelling))
        first, last, answer = register(m, registration, number, qos=qos) if code == 0 else (None, None, None)
    good = code == 0 and f"/res/202/?$rid={number}&retry-after=" in first and f"/res/200/?$rid={number}" in last
    check(f"{name}: assigned", good and answer["status"] == "assigned", (code, first, last, answer))
    device = ((answer or {}).get("registrationState") or {}).get("deviceId")
    code = device and code_of(
        device, f"{HOST}/{device}/?api-version=2021-04-12", sas(f"{HOST}/devices/{device}", signing)
    )
    check(f"{name}: the device connects with its key", code == 0, code)


registered("the primary key", one, key)
registered("the secondary key", one, second)
registered("escapes in lower case", one, key, lower=True)
registered("a scope that is not escaped, an empty skn", one, key, raw=True, skn="")
registered("the id in capitals", one.upper(), key)


def derived(registration):
    raw = hmac.new(base64.b64decode(group_key), registration.encode(), hashlib.sha256).digest()
    return base64.b64encode(raw).decode()


for registration in ("fd-" + some(), "FD-" + some().upper(), "AC67B2" + some(6).upper(), "f.d_1:" + some()):
    shape = registration[:-6] + "…"
    registered(f"group, {shape}, its key as the id is written", registration, derived(registration), "abc-1", qos=1)
    if registration != registration.lower():
        registered(
            f"group, {shape}, its key of the id in lower case",
            registration,
            derived(registration.lower()),
            "abc-1",
            qos=1,
        )

with Mqtt() as m:
    code = m.connect(one, user_of(one, "&ClientVersion=azsdk-c%2F1.4.0-beta.1"), token(key, one))
    check("a user name with the client's version", code == 0, code)
    bodies = {
        "an empty body": b"",
        "a payload": json.dumps({"registrationId": one, "payload": {"modelId": "dtmi:com:example:x;1"}}),
    }
    for name, body in bodies.items():
        got = register(m, one, "7", body)
        check(f"registering with {name}", isinstance(got[2], dict) and got[2].get("status") == "assigned", got)
    m.publish(f"devices/{one}/messages/events/", b"x")
    got = m.want(PUBACK)
    check("a telemetry topic on a provisioning connection closes it", got == CLOSED, got)

REFUSED = {
    "a client id that is not the registration id": ("other", user_of(one), token(key, one)),
    "a foreign scope": (one, user_of(one).replace(SCOPE, "0ne00000000"), token(key, one)),
    "a wrong key": (one, user_of(one), token(new_key(), one)),
}
for name, connect in REFUSED.items():
    code = code_of(*connect)
    check(f"{name} gets CONNACK 5", code == 5, code)
done()
