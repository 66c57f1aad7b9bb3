"""HTTPS by hand, as sketches and scripts speak it: old api-versions, HTTP/1.0, absolute targets, Expect:
100-continue, mixed case, ETags with and without their quotes, batches."""
import base64
import json
from urllib.parse import quote

from amqp import Events
from hub import HOST, HTTPS, Device, ask, c2d, check, done, http, tls

d = Device()
events = Events()
EVENTS = f"/devices/{d.id}/messages/events?api-version="
PATH = EVENTS + "2016-02-03"
BATCH = "application/vnd.microsoft.iothub.json"


def post(body=b'{"t":1}', version="2016-02-03", auth=None, headers=None):
    return http("POST", EVENTS + version, body, auth or d.sas(skn=""), headers)


for version in ("2015-08-15-preview", "2016-02-03", "2016-11-14", "2018-06-30", "2020-03-13", "2021-04-12"):
    r = post(version=version)
    check(f"an event with api-version {version}", r.status == 204, r)

login = f"Authorization: {d.sas(skn='')}\r\n"
RAW = {
    "HTTP/1.0 without a host": f"POST {PATH} HTTP/1.0\r\n{login}Content-Length: 2\r\n\r\n{{}}",
    "an absolute target": f"POST https://{HOST}{PATH} HTTP/1.1\r\nHost: {HOST}\r\n{login}"
                          "Content-Length: 2\r\nConnection: close\r\n\r\n{}",
    "a host with a port": f"POST {PATH} HTTP/1.1\r\nHost: {HOST}:443\r\n{login}"
                          "Content-Length: 2\r\nConnection: close\r\n\r\n{}",
    "headers in lower case without blanks": f"POST {PATH} HTTP/1.1\r\nhost:{HOST}\r\nauthorization:{d.sas(skn='')}\r\n"
                                            "content-length:2\r\nconnection:close\r\n\r\n{}",
}
for name, raw in RAW.items():
    r = ask(raw.encode())
    check(name, r.status == 204, r)

with tls(HTTPS) as s:
    s.settimeout(20)
    s.sendall(
        f"POST {PATH} HTTP/1.1\r\nHost: {HOST}\r\n{login}Content-Length: 3000\r\nExpect: 100-continue\r\n\r\n".encode()
    )
    go_on = s.recv(4096)
    s.sendall(b"x" * 3000)
    answer = go_on.partition(b"\r\n\r\n")[2] or s.recv(4096)
check("Expect: 100-continue is answered 100, then 204", b" 100 " in go_on and b" 204 " in answer, (go_on, answer))
got = len(events.of(d, 11))
check("all of them are events", got == 11, got)

check(
    "two messages are sent to the device",
    (c2d(d, "open", messageid="m-1"), c2d(d, "shut", messageid="m-2")) == (204, 204),
)
MAILBOX = f"/devices/{d.id}/messages/deviceBound"
API = "?api-version=2020-03-13"
r = http("GET", MAILBOX + API, None, d.sas(skn=""))
etag = r.headers.get("etag", "")
check(
    "GET …/deviceBound gives one with an ETag in quotes",
    r.status == 200 and r.body == b"open" and etag.startswith('"'),
    r,
)
r = http("DELETE", f"{MAILBOX}/{etag[1:-1]}{API}", None, d.sas(skn=""))
check("it is completed by its ETag without the quotes", r.status == 204, r)
etag = http("GET", MAILBOX + API, None, d.sas()).headers.get("etag", "")
escaped = http("DELETE", f"{MAILBOX}/{quote(etag)}{API}", None, d.sas())
plain = http("DELETE", f"{MAILBOX.lower().replace(d.id.lower(), d.id)}/{etag[1:-1]}{API}&reject", None, d.sas())
check(
    "an ETag whose quotes are escaped completes it, or leaves its lock",
    204 in (escaped.status, plain.status),
    (escaped, plain),
)
r = http("GET", MAILBOX + API, None, d.sas())
check("an empty mailbox is answered 204", r.status == 204, r)


def batch(content, kind=BATCH):
    return post(
        content if isinstance(content, bytes) else json.dumps(content).encode(), headers={"Content-Type": kind}
    ).status


def base64_of(text):
    return base64.b64encode(text).decode()


check(
    "a batch in base64 and as plain text",
    batch([{"body": base64_of(b"b1")}, {"body": "b2", "base64Encoded": False, "properties": {"iothub-app-x": "1"}}])
    == 204,
)
check("a batch whose content type has a charset", batch([{"body": base64_of(b"b3")}], BATCH + "; charset=utf-8") == 204)
check("a batch that is no JSON is 400", batch(b'[{"body":"{"a":[1]}"}]') == 400)
check("a batch that is no list is 400", batch({"body": base64_of(b"x")}) == 400)
check("the same JSON as application/json is one event", batch(b'[{"body":"eA=="}]', "application/json") == 204)
got = [m.data for m in events.of(d, 15)][11:]
check("what came of the batches", got == [b"b1", b"b2", b"b3", b'[{"body":"eA=="}]'], got)

r = http("POST", EVENTS.split("?")[0], b"{}", d.sas())
check("no api-version is 400, with a reason", r.status == 400 and "Message" in (r.json or {}), r)
r = post(auth="Bearer abc")
check("a bearer token is 401", r.status == 401, r)
done()
