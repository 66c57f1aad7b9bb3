"""Tokens that are signed with a device's key and name its hub, or what lies between. Clients in Go make them, some
with an empty skn: the key itself tells whose it is. The key of another identity goes no further than before."""
from amqp import Amqp, Refused
from hub import HOST, VERSION, Device, check, done, http, sas
from mqtt import code_of

d, other = Device(), Device()
SCOPES = [
    ("{hub}, empty skn", HOST, ""),
    ("{hub}", HOST, None),
    ("{hub}/devices", HOST + "/devices", None),
    ("{hub}/", HOST + "/", None),
]
for name, scope, skn in SCOPES:
    code = code_of(d.id, f"{HOST}/{d.id}/api-version=2016-11-14", sas(scope, d.key, skn))
    check(f"MQTT: the device's key for {name}", code == 0, code)
r = http("POST", f"/devices/{d.id}/messages/events?api-version=2016-11-14", b"{}", sas(HOST, d.key, ""))
check("HTTPS: the device's key for {hub}", r.status == 204, r)
r = http("POST", f"/devices/{d.id}/messages/events?api-version=2016-11-14", b"{}", sas(f"{HOST}/{d.id}", d.key))
check("HTTPS: the device's key for {hub}/{id}", r.status == 204, r)
try:
    with Amqp(f"{d.id}@sas.{HOST}", sas(HOST, d.key)):
        refused = None
except Refused as e:
    refused = e
check("AMQP: SASL PLAIN with the device's key for {hub}", not refused, refused)
with Amqp() as c:
    status = c.put_token(d.uri, sas(HOST, d.key))
check("AMQP: put-token with the device's key for {hub}", status == 200, status)

REFUSED = [
    ("another device's key for {hub}", sas(HOST, other.key)),
    ("the own key for another device", sas(other.uri, d.key)),
    ("the own key for a foreign hub", sas("hub.elsewhere.example", d.key)),
    ("the own key for a device whose name begins alike", sas(d.uri[:-1], d.key)),
]
for name, token in REFUSED:
    code = code_of(d.id, d.user, token)
    check(f"MQTT: {name} is refused", code == 5, code)
    r = http("POST", f"/devices/{d.id}/messages/events?{VERSION}", b"{}", token)
    check(f"HTTPS: {name} is refused", r.status == 401, r)
done()
