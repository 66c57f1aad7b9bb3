"""The calls of the command line of the cloud, with the exact codes that it takes for success, its ETags in quotes, its
headers, and the order in which it asks."""
import datetime

from hub import check, done, http, owner, some

API = "api-version=2024-03-31"
USUAL = {"x-ms-client-request-id": "1f6b9e0a", "Accept-Language": "en-US", "Content-Type": "application/json"}
device, module, configuration, job = "cli-" + some(), "pump", "cli-" + some(), "cli-" + some()


def call(method, path, body=None, **headers):
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return http(method, f"{path}{'&' if '?' in path else '?'}{API}", body, owner(), {**USUAL, **more})


def takes(name, code, answer):
    return check(f"{name}: {code}", answer.status == code, answer)


def refuses(name, code, answer):
    text = (answer.json or {}).get("Message") or (answer.json or {}).get("ExceptionMessage")
    check(f"{name}: {code} with a message in JSON", answer.status == code and text, answer)


# ---- identities ------------------------------------------------------------------------------------------------------

made = call("PUT", f"/devices/{device}", {"deviceId": device, "status": "enabled"})
takes("device-identity create", 200, made)
takes("device-identity show", 200, call("GET", f"/devices/{device}"))
etag = f"\"{made.json['etag']}\""
takes("device-identity update with its etag", 200, call("PUT", f"/devices/{device}", made.json, If_Match=etag))
refuses("device-identity update with an old etag", 412, call("PUT", f"/devices/{device}", made.json, If_Match='"AAAA"'))
refuses("device-identity show of nobody", 404, call("GET", "/devices/nobody"))
refuses("device-identity create again", 409, call("PUT", f"/devices/{device}", {"deviceId": device}))
path = f"/devices/{device}/modules/{module}"
takes("module-identity create", 200, call("PUT", path, {"deviceId": device, "moduleId": module}))
takes("module-identity show", 200, call("GET", path))
takes("module-identity list", 200, call("GET", f"/devices/{device}/modules"))
refuses("module-identity show of none", 404, call("GET", f"/devices/{device}/modules/none"))
r = call("POST", "/devices/keys/regenerate", {"policyKey": "primaryKey", "devices": [{"id": device}]})
takes("device-identity renew-key", 200, r)
rotated = ((r.json or {}).get("rotatedKeys") or [{}])[0]
check(
    "renew-key gives another first key",
    rotated.get("primaryKey", "") != made.json["authentication"]["symmetricKey"]["primaryKey"],
    r,
)
takes("the statistics", 200, call("GET", "/statistics/devices"))

# ---- twins -----------------------------------------------------------------------------------------------------------

twin = f"/twins/{device}"
takes("device-twin show", 200, call("GET", twin))
r = call("PATCH", twin, {"tags": {"a": 1, "b": {"c": 2}}, "properties": {"desired": {"k": 1}}}, If_Match='"*"')
takes("device-twin update", 200, r)
check("desired is 2 after the first change", r.json["properties"]["desired"]["$version"] == 2, r)
r = call("PATCH", twin, {"tags": {"a": 2}}, If_Match=f"\"{r.json['etag']}\"")
takes("device-twin update with the etag in quotes", 200, r)
check("tags do not count as desired", r.json["properties"]["desired"]["$version"] == 2, r)
r = call("PATCH", twin, {**r.json, "tags": {"a": 3}})
takes("device-twin update with the whole twin and no etag", 200, r)
r = call("PATCH", twin, {"tags": {"a": None, "b": None}}, If_Match='"*"')
check("without tags there is no member of that name", r.status == 200 and "tags" not in r.json, r)
r = call("PUT", twin, {"properties": {"desired": {"new": True}}, "tags": {}}, If_Match='"*"')
takes("device-twin replace", 200, r)
check("what is not in a replacement is gone", "k" not in r.json["properties"]["desired"], r)
refuses(
    "device-twin replace with a null in it",
    400,
    call("PUT", twin, {"properties": {"desired": {"k": None}}}, If_Match='"*"'),
)
refuses("device-twin update with an old etag", 412, call("PATCH", twin, {"tags": {}}, If_Match='"AAAAAAAAAAk="'))
takes("module-twin show", 200, call("GET", f"{twin}/modules/{module}"))
r = call("PATCH", twin, {"properties": {"desired": {"azureiot*com^dtracing^1": {"sampling_mode": 1}}}}, If_Match='"*"')
takes("distributed-tracing update", 200, r)

# ---- methods, queries ------------------------------------------------------------------------------------------------

question = {"methodName": "open", "payload": None, "connectTimeoutInSeconds": 10, "responseTimeoutInSeconds": 10}
question["connectTimeoutInSeconds"] = 0
refuses("invoke-device-method of a device that is away", 404, call("POST", f"{twin}/methods", question))
refuses(
    "invoke-module-method of a module that is not there", 404, call("POST", f"{twin}/modules/none/methods", question)
)
many = [{"id": f"{device}-{n}", "importMode": "create"} for n in range(100)]
r = call("POST", "/devices", many)
takes("a hundred devices at once", 200, r)
check("there are no errors, and the list of them is there", (r.json or {}).get("errors") == [], r)
text = {"query": f"select * from devices where startswith(deviceId, '{device}')"}
r = call("POST", "/devices/query", text, x_ms_max_item_count="1000", Cache_Control="no-cache, must-revalidate")
takes("query", 200, r)
check("a thousand rows are asked for and a hundred come", len(r.json) == 100 and r.headers.get("x-ms-continuation"), r)
r = call("POST", "/devices/query", text, x_ms_max_item_count="1000", x_ms_continuation=r.headers["x-ms-continuation"])
check("the next page is the last and says so", len(r.json) == 1 and "x-ms-continuation" not in r.headers, r)
refuses("query without a text", 400, call("POST", "/devices/query", {}))
r = call("POST", "/devices", [{**entry, "importMode": "delete"} for entry in many])
takes("and a hundred are deleted at once", 200, r)

# ---- configurations --------------------------------------------------------------------------------------------------

wanted = {
    "id": configuration,
    "schemaVersion": "2.0",
    "labels": None,
    "content": {"deviceContent": {"properties.desired.heat": {"on": True}}},
    "targetCondition": "",
    "priority": 0,
    "metrics": {"queries": {}},
    "etag": "*",
}
r = call("PUT", f"/configurations/{configuration}", wanted)
takes("configuration create", 200, r)
check(
    "labels of null, no condition and priority 0 are kept",
    r.json and r.json["labels"] is None and r.json["targetCondition"] == "" and r.json["priority"] == 0,
    r,
)
check("its content comes back as it was", r.json and r.json["content"] == wanted["content"], r)
check("without metrics the queries are empty", r.json and r.json["metrics"]["queries"] == {}, r)
takes("configuration show", 200, call("GET", f"/configurations/{configuration}"))
takes("configuration list", 200, call("GET", "/configurations?top=100"))
update = {**wanted, "priority": 3}
takes("configuration update", 200, call("PUT", f"/configurations/{configuration}", update, If_Match='"*"'))
takes("configuration delete", 204, call("DELETE", f"/configurations/{configuration}", If_Match='"*"'))
refuses("configuration show of none", 404, call("GET", f"/configurations/{configuration}"))
queries = {"targetCondition": "tags.a = 1", "customMetricQueries": {"all": "SELECT deviceId FROM devices"}}
takes("configuration queries are tried", 200, call("POST", "/configurations/testQueries", queries))

# ---- jobs ------------------------------------------------------------------------------------------------------------

start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=6)
task = {
    "jobId": job,
    "type": "scheduleUpdateTwin",
    "updateTwin": {"etag": "*", "tags": {"a": 1}},
    "queryCondition": f"deviceId = '{device}'",
    "startTime": f"{start:%Y-%m-%dT%H:%M:%S.123456}",  # no zone: UTC
    "maxExecutionTimeInSeconds": 3600,
}
r = call("PUT", f"/jobs/v2/{job}", task)
takes("job create", 200, r)
check("a job is queued at first", r.json and r.json["status"] == "queued", r)
r = call("GET", f"/jobs/v2/{job}")
check("then it is scheduled", r.status == 200 and r.json["status"] == "scheduled", r)
check("its condition is as it was written", r.json and r.json["queryCondition"] == task["queryCondition"], r)
takes("job list", 200, call("GET", "/jobs/v2/query?jobType=scheduleUpdateTwin&jobStatus=scheduled"))
r = call("POST", f"/jobs/v2/{job}/cancel")
check("job cancel without a body: 200, cancelled", r.status == 200 and r.json["status"] == "cancelled", r)
r = call("GET", "/jobs/v2/none")
check("a job that is not known is unknown, with 200", r.status == 200 and r.json["status"] == "unknown", r)
refuses("job cancel of none", 404, call("POST", "/jobs/v2/none/cancel", {}))

# ---- messages, and the end -------------------------------------------------------------------------------------------

takes("feedback when there is none", 204, call("GET", "/messages/serviceBound/feedback"))
r = call("DELETE", f"/devices/{device}/commands")
takes("purge", 200, r)
takes("module-identity delete", 204, call("DELETE", path, If_Match='"*"'))
takes("device-identity delete", 204, call("DELETE", f"/devices/{device}", If_Match='"*"'))
refuses("device-identity delete again", 404, call("DELETE", f"/devices/{device}", If_Match='"*"'))
done()
