"""queries.py HOST-STRING CA PORT fill N | scan SECONDS | ask QUERY: twins for queries.sh, and queries over them."""
import json
import sys
import time

from owner import Owner

post = Owner(sys.argv[1], sys.argv[2], int(sys.argv[3])).post


def ask(query):
    """All rows, the time of the first page, and of all of them."""
    began, rows, first, place = time.monotonic(), [], None, None
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
