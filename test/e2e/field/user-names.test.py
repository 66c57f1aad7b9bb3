"""User names of the first years: Node's device SDK 1.0 wrote no api-version and no question mark, and much was copied
from it. They still stand in the field."""
from hub import HOST, Device, check, done
from mqtt import Mqtt

d = Device()
TAKEN = [
    "{h}/{d}/DeviceClientType=azure-iot-device%2F1.0.14",
    "{h}/{d}/DeviceClientType=iothubclient%2F1.0.6&api-version=2016-02-03",
    "{h}/{d}/api-version=2016-02-03&DeviceClientType=x%2F1",
    "{h}/{d}/api-version=2016-11-14/",
    "{h}/{d}/?DeviceClientType=MyBoard%201.0",
    "{h}/{d}/?",
    "{h}/{d}",
]
REFUSED = ["{h}/{d}/mod1", "{h}/{d}/mod1/?api-version=2021-04-12", "{h}", "{d}", ""]
for user in TAKEN:
    with Mqtt() as m:
        code = m.connect(d.id, user.format(h=HOST, d=d.id), d.sas())
        check(f"{user} connects and sends", code == 0 and m.published(f"devices/{d.id}/messages/events/"), code)
for user in REFUSED:
    with Mqtt() as m:
        code = m.connect(d.id, user.format(h=HOST, d=d.id), d.sas())
    check(f"{user or 'an empty user name'} is refused with CONNACK 5", code == 5, code)
done()
