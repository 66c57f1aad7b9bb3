"""A consumer that comes back with a position that this hub never gave out: waiting in silence would mean that it
never gets an event again, and that nobody is told."""
import time

from amqp import Events, Refused, partition_of, reader
from hub import Device, check, done
from mqtt import connected

d = Device()
with connected(d) as m:
    for i in range(3):
        m.published(f"devices/{d.id}/messages/events/", f"e{i}", packet_id=i + 1)
mine = Events().of(d, 3)
check("three events are there", len(mine) == 3, mine)
last = max(int(m.annotations["x-opt-offset"]) for m in mine)
number = max(int(m.annotations["x-opt-sequence-number"]) for m in mine)


def opens(selector):
    """The error with which the link is detached, or what comes in a moment."""
    with reader() as c:
        try:
            handle = c.attach(partition_of(0), True, selector, 50)
        except Refused as e:
            return e.args[0]
        got = c.get(0.5)
        return c.detached.get(handle, got)


BEYOND = {
    "an offset": f"x-opt-offset > '{last + 10 ** 9}'",
    "an offset, inclusive": f"x-opt-offset >= '{last + 10 ** 9}'",
    "a sequence number": f"x-opt-sequence-number > '{number + 10 ** 6}'",
}
for name, selector in BEYOND.items():
    got = opens("amqp.annotation." + selector)
    check(
        f"{name} beyond the end is refused as an argument error",
        isinstance(got, list) and got and got[0] == "com.microsoft:argument-error",
        got,
    )

FINE = {
    "the beginning": "x-opt-offset > '-1'",
    "the beginning as the Go client says it": "x-opt-offset >= '-1'",
    "the end": "x-opt-offset > '@latest'",
    "the last one there is": f"x-opt-offset > '{last}'",
    "a time to come": f"x-opt-enqueued-time > '{int((time.time() + 3600) * 1000)}'",
}
for name, selector in FINE.items():
    got = opens("amqp.annotation." + selector)
    check(f"{name} is taken", not isinstance(got, list), got)
done()
