"""Types and names of put-token. `azure-devices.net:sastoken` is that of the classic arrangement with AMQPNetLite and
of Java's service client, the other one that of all device SDKs; both in any case. SASL may be missing, or be one that
proves nothing."""
from amqp import ACCEPTED, Amqp, Refused
from hub import HOST, Device, check, done, owner

KINDS = ["azure-devices.net:sastoken", "servicebus.windows.net:sastoken", "Azure-Devices.NET:SasToken"]
SHARED = KINDS[1]
d, other = Device(), Device()


def sends(address, name, token, kind, properties=None):
    """What came of a token and a message."""
    with Amqp() as c:
        status = c.put_token(name, token, kind)
        try:
            return status, c.send(c.attach(address), b"x", properties=properties)
        except Refused as e:
            return status, e


for kind in KINDS:
    got = sends(f"devices/{d.id}/messages/events", d.uri, d.sas(), kind)
    check(f"a device puts a token of type {kind} and sends", got == (200, ACCEPTED), got)
    got = sends("/messages/devicebound", HOST, owner(), kind, ["m", None, f"/devices/{d.id}/messages/devicebound"])
    check(f"a service puts a token of type {kind} and sends to a device", got == (200, ACCEPTED), got)

NAMES = {
    "amqps://{host}:5671/devices/{id}": f"amqps://{HOST}:5671/devices/{d.id}",
    "{host}%2Fdevices%2F{id}": f"{HOST}%2Fdevices%2F{d.id}",
    "https://{host}/devices/{id}": "https://" + d.uri,
    "{host}/devices/{id}/": d.uri + "/",
}
for form, name in NAMES.items():
    got = sends(f"devices/{d.id}/messages/events", name, d.sas(), SHARED)
    check(f"the name {form}", got == (200, ACCEPTED), got)

for mechanism in ("MSSBCBS", "ANONYMOUS"):
    with Amqp(mechanism=mechanism) as c:
        status = c.put_token(d.uri, d.sas())
    check(f"after SASL {mechanism}", status == 200, status)

with Amqp() as c:
    first = c.put_token(HOST, "eyJhbGciOiJub25lIn0.e30.", "jwt")
    second = c.put_token(d.uri, d.sas())
check("a type that is none is answered 4xx, and the link lives", 400 <= first < 500 and second == 200, (first, second))

with Amqp() as c:
    status = c.put_token(d.uri, other.sas())
    try:
        c.attach(f"devices/{d.id}/messages/events")
        got = "attached"
    except Refused:
        got = None
check("another device's token in this device's name gives no right to it", got is None, (status, got))
done()
