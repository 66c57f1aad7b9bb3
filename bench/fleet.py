"""fleet.py HOST-PORT CA OWNER COUNT TWIN: registers COUNT devices, each with a twin of about TWIN bytes, a hundred at a
time over one connection."""
import base64
import hashlib
import hmac
import http.client
import json
import ssl
import sys
import time
import urllib.parse

port, ca, owner, count, twin = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
AT_ONCE = 100

with open(owner) as f:
    parts = dict(part.split("=", 1) for part in f.read().strip().split(";"))
resource = urllib.parse.quote(parts["HostName"], safe="")
expires = int(time.time()) + 24 * 3600
signed = hmac.new(base64.b64decode(parts["SharedAccessKey"]), f"{resource}\n{expires}".encode(), hashlib.sha256).digest()
token = "SharedAccessSignature sr=" + resource + "&sig=" + urllib.parse.quote(base64.b64encode(signed), safe="") + \
    f"&se={expires}&skn={parts['SharedAccessKeyName']}"
headers = {"Authorization": token, "Content-Type": "application/json; charset=utf-8"}

# About as many bytes as were asked for, once the hub has added its time stamps and versions.
members = {f"setting{i:02}": "x" * 40 for i in range(max(1, twin // 100))}
key = {"symmetricKey": {"primaryKey": base64.b64encode(b"k" * 32).decode(),
                        "secondaryKey": base64.b64encode(b"s" * 32).decode()}}


def entry(i):
    return {"id": f"fleet-{i:07}", "importMode": "create", "status": "enabled", "authentication": key,
            "tags": {"floor": i % 100}, "properties": {"desired": members}}


connection = http.client.HTTPSConnection("localhost", port, context=ssl.create_default_context(cafile=ca))
for first in range(0, count, AT_ONCE):
    body = json.dumps([entry(i) for i in range(first, min(count, first + AT_ONCE))])
    connection.request("POST", "/devices?api-version=2021-04-12", body, headers)
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != 200 or not json.loads(said)["isSuccessful"]:
        raise SystemExit(f"{answer.status}: {said[:500]}")
