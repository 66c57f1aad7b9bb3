"""The calls of the explorers of 2019 to now: whole paths that arrive escaped, their list with aliases, their filters,
their bulk delete, and one policy token for every path."""
from hub import HOST, OWNER, VERSION, Device, check, done, http, owner, sas, some

LIST = """
    SELECT deviceId as DeviceId,
    status as Status,
    lastActivityTime as LastActivityTime,
    statusUpdatedTime as StatusUpdatedTime,
    authenticationType as AuthenticationType,
    cloudToDeviceMessageCount as CloudToDeviceMessageCount,
    connectionState as ConnectionState,
    capabilities.iotEdge as IotEdge FROM devices """
API = "api-version=2020-09-30"
devices = [Device("xp-") for _ in range(5)]


def query(where="", **headers):
    usual = {"x-ms-max-item-count": "3", "Accept": "application/json", "If-Match": "", **headers}
    return http("POST", f"/devices%2Fquery?{API}", {"query": LIST + where}, owner(), usual)


first = query()
check("a list by a path that is escaped", first.status == 200 and len(first.json) == 3, first)
columns = {"DeviceId", "Status", "ConnectionState", "CloudToDeviceMessageCount", "AuthenticationType"}
check("its columns have their aliases", columns <= set(first.json[0]), first)
more = query(**{"x-ms-continuation": first.headers.get("x-ms-continuation", "")})
check(
    "the second page has others",
    more.status == 200
    and more.json
    and not {row["DeviceId"] for row in first.json} & {row["DeviceId"] for row in more.json},
    more,
)
r = query("WHERE STARTSWITH(devices.deviceId, 'xp-')")
check(
    "a filter by the beginning of the id",
    r.status == 200 and r.json and all(x["DeviceId"].startswith("xp-") for x in r.json),
    r,
)
for where in ("(capabilities.iotEdge=false AND status='enabled')", "(status != 'disabled')"):
    r = query("WHERE " + where)
    check(f"the filter {where}", r.status == 200 and r.json, r)
r = query("WHERE (lastActivityTime > '2020-01-01T00:00:00Z')")
check("a filter by time is no error", r.status == 200, r)

one = devices[0].id
r = http("GET", f"/devices%2F{one}?{API}", None, owner())
check("a device by a path that is escaped", r.status == 200 and r.json["deviceId"] == one, r)
document = {**(r.json or {}), "status": "disabled"}
r = http("PUT", f"/devices%2F{one}?{API}", document, owner(), {"If-Match": f"\"{document.get('etag')}\""})
check("the document that was read is put again", r.status == 200 and r.json["status"] == "disabled", r)

r = http(
    "POST",
    f"/devices?{API}",
    [{"id": d.id, "etag": "*", "importMode": "deleteIfMatchEtag"} for d in devices[:2]],
    owner(),
)
check("a bulk delete with any etag", r.status == 200 and r.json.get("isSuccessful") is True, r)
r = http("GET", f"/devices/{devices[1].id}?{VERSION}", None, owner())
check("what was deleted is gone", r.status == 404, r)

token = sas(HOST + "/devices/query", OWNER["SharedAccessKey"], OWNER["SharedAccessKeyName"])
r = http("GET", f"/devices/{devices[2].id}?api-version=2018-06-30", None, token)
check("a policy's token for {hub}/devices/query reads a device", r.status == 200, r)
r = http("PUT", f"/devices/xp-new{some(4)}?api-version=2018-06-30", {"deviceId": "x"}, token)
check("and is not refused for its resource elsewhere", r.status == 400, r)
done()
