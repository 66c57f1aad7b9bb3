"""queries.py HOST-STRING CA PORT fill N | scan SECONDS | ask QUERY: twins for queries.sh, and queries over them."""
import base64
import hashlib
import hmac
import http.client
import json
import ssl
import sys
import time
import urllib.parse

parts = dict(pair.split("=", 1) for pair in open(sys.argv[1]).read().strip().split(";"))
expiry = str(int(time.time()) + 3600)
key = base64.b64decode(parts["SharedAccessKey"])
signature = base64.b64encode(hmac.new(key, f"localhost\n{expiry}".encode(), hashlib.sha256).digest())
headers = {
    "Authorization": f"SharedAccessSignature sr=localhost&sig={urllib.parse.quote_plus(signature)}&se={expiry}"
    f"&skn={parts['SharedAccessKeyName']}",
    "Content-Type": "application/json",
}
hub = http.client.HTTPSConnection("localhost", int(sys.argv[3]), context=ssl.create_default_context(cafile=sys.argv[2]))


def post(path, body, more={}):
    hub.request("POST", path + "?api-version=2021-04-12", json.dumps(body), {**headers, **more})
    answer = hub.getresponse()
    text = answer.read()
    if answer.status != 200:
        sys.exit(f"{path}: {answer.status} {text[:300]}")
    return json.loads(text), answer.headers


def ask(query):
    """All rows, the time of the first page, and of all of them."""
    began, rows, first, place = time.monotonic(), [], None, {}
    while True:
        page, heads = post("/devices/query", {"query": query}, place)
        rows += page
        first = first or time.monotonic() - began
        if "x-ms-continuation" not in heads:
            return rows, first, time.monotonic() - began
        place = {"x-ms-continuation": heads["x-ms-continuation"]}


def fill(n):
    for start in range(0, n, 100):
        post("/devices", [{
            "id": f"twin{i:06}", "importMode": "create",
            "tags": {"floor": i % 1000, "building": {"name": f"b{i % 7}"}, "owner": "somebody"},
            "properties": {"desired": {"level": i % 10, "interval": 60}},
        } for i in range(start, start + 100)])


what, rest = sys.argv[4], sys.argv[5]
if what == "fill":
    fill(int(rest))
elif what == "scan":
    ends, n = time.monotonic() + float(rest), 0
    while time.monotonic() < ends:
        # The floors are an expression: no index answers that.
        ask("SELECT COUNT() AS n FROM devices WHERE tags.floor + 1 > 500 AND properties.desired.level != 11")
        n += 1
    print(n)
else:
    rows, first, all_ = ask(rest)
    print(json.dumps({"rows": len(rows), "first_ms": round(first * 1e3, 2), "all_ms": round(all_ * 1e3, 2)}))
