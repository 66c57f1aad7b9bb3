"""fleet.py PORT CA OWNER-FILE COUNT TWIN: registers COUNT devices, each with a twin of about TWIN bytes, a hundred at a
time over one connection."""
import base64
import sys

from owner import Owner

port, ca, string, count, twin = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
AT_ONCE = 100

# About as many bytes as were asked for, once the hub has added its time stamps and versions.
members = {f"setting{i:02}": "x" * 40 for i in range(max(1, twin // 100))}
key = {"symmetricKey": {"primaryKey": base64.b64encode(b"k" * 32).decode(),
                        "secondaryKey": base64.b64encode(b"s" * 32).decode()}}


def entry(i):
    return {"id": f"fleet-{i:07}", "importMode": "create", "status": "enabled", "authentication": key,
            "tags": {"floor": i % 100}, "properties": {"desired": members}}


owner = Owner(string, ca, port)
for first in range(0, count, AT_ONCE):
    answer, _ = owner.post("/devices", [entry(i) for i in range(first, min(count, first + AT_ONCE))])
    if not answer["isSuccessful"]:
        raise SystemExit(str(answer)[:500])
