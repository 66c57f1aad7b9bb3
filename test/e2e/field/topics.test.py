"""Topics and property bags as clients in the field write them, and the bags of messages to devices as they can be
read."""
from amqp import Events
from hub import Device, c2d, check, done
from mqtt import CLOSED, PUBACK, connected

d = Device()
events = Events()
BASE = f"devices/{d.id}/messages/events/"
m = connected(d)
count = 0


def event(bag, body="b", **how):
    """What became of a message with this bag; None when the hub has closed the connection, which is opened again."""
    global m, count
    m.publish(BASE + bag, body, packet_id=100 + count, **how)
    if not isinstance(m.want(PUBACK), tuple):
        m.sock.close()
        m = connected(d)
        return None
    count += 1
    return events.of(d, count)[count - 1]


APPS = {
    "topic=stat%2Fplug%2FRESULT": {"topic": "stat/plug/RESULT"},
    "ts=2019-02-15T15:11:31Z&%24.mid=00:11:22:33": {"ts": "2019-02-15T15:11:31Z"},
    "a=b/": {"a": "b"},
    "?a=b&c=d": {"a": "b", "c": "d"},
    "a=1%2B2": {"a": "1+2"},
    "a=100%&b=%zz": {"a": "100%", "b": "%zz"},
    "ort=Küche unten": {"ort": "Küche unten"},
    "k=a=b==": {"k": "a=b=="},
    "a=1&&b=2&": {"a": "1", "b": "2"},
    "%24.on=out1&a=1": {"a": "1"},
}
for bag, wanted in APPS.items():
    e = event(bag)
    check(
        f"the bag {bag}",
        e and wanted.items() <= e.app.items() and not (set(e.app) - set(wanted) - {"$.on"}),
        e and e.app,
    )
MESSAGE_ID, USER_ID, CONTENT_TYPE, CONTENT_ENCODING = 0, 1, 6, 7
PROPERTIES = [
    ("ts=2019-02-15T15:11:31Z&%24.mid=00:11:22:33", MESSAGE_ID, ("00:11:22:33",)),
    ("$.ct=application%2Fjson&$.ce=utf-8", CONTENT_TYPE, ("application/json",)),
    ("$.ct=application%2Fjson%3Bcharset%3Dutf-8", CONTENT_TYPE, ("application/json;charset=utf-8",)),
    ("%24.ct=application/json&%24.ce=utf-8", CONTENT_ENCODING, ("utf-8",)),
    ("$.uid=me", USER_ID, ("me", b"me")),
]
for bag, field, wanted in PROPERTIES:
    e = event(bag)
    check(f"the system property of {bag}", e and e.property(field) in wanted, e and e.properties)
e = event("LWT", retain=True)
check(
    "a name without a value, retained",
    e and e.app.get("LWT", 0) in ("", None) and e.app.get("mqtt-retain") == "true",
    e and e.app,
)
e = event("x&y=&z=1")
check("null, empty and text", e and "x" in e.app and e.app.get("y") == "" and e.app.get("z") == "1", e and e.app)
e = event("$.sub=child1")
check("$.sub becomes dt-subject", e and e.annotations.get("dt-subject") == "child1", e and e.annotations)
e = event("$.cdid=other&$.cmid=m&iothub-connection-device-id=other")
check(
    "a device cannot say that it is another",
    e and e.annotations.get("iothub-connection-device-id") == d.id,
    e and e.annotations,
)
check("a raw + in a topic is a wildcard and closes the connection", event("a=1+2") is None)
check("a topic without its last slash", m.published(BASE[:-1], "no slash", packet_id=900))
count += 1

WRONG = {
    "a slash in front": ("/" + BASE, 1),
    "QoS 2": (BASE, 2),
    "a topic of a broker": ("home/temp", 1),
    "the id in capitals": (BASE.replace(d.id, d.id.upper()), 1),
}
for name, (topic, qos) in WRONG.items():
    with connected(d) as x:
        x.publish(topic, "x", qos, 5)
        got = x.next()
    check(f"{name} closes the connection without a PUBACK", got == CLOSED, got)

with connected(d) as m:
    m.subscribe(f"devices/{d.id}/messages/devicebound/#")
    c2d(
        d,
        "x",
        {"k": "v=1&2", "p": "a b+c"},
        contenttype="text/plain; charset=UTF-8",
        contentencoding="utf-8",
        messageid="a/b&c",
    )
    got = m.message()
bag = got[0].split("/devicebound/", 1)[-1] if isinstance(got, tuple) else ""
check("in a bag to a device all is escaped", bag and all(c.isalnum() or c in "%=&.-_~" for c in bag), bag)
check(
    "the hub's own properties come first, $.to among them",
    "%24.to=" in bag and bag.startswith("%24.") and bag.rindex("%24.") < bag.index("&k="),
    bag,
)
check(
    "no part of it is without a name or a value's sign",
    all("=" in part and part.split("=", 1)[0] for part in bag.split("&")),
    bag,
)
done()
