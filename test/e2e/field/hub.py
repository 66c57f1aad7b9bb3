"""The hub that the field tests are run against, tokens for it, and HTTPS by hand. Each check is a line of TAP."""
import base64
import hashlib
import hmac
import json
import os
import random
import socket
import ssl
import string
import sys
import time
from urllib.parse import quote

with open(os.path.join(os.environ["D2D_DATA"], "hub.json")) as _file:
    FACTS = json.load(_file)
HOST = "localhost"
CA = FACTS["ca_file"]
MQTTS, AMQPS, HTTPS = FACTS["mqtts_port"], FACTS["amqps_port"], FACTS["https_port"]
ENTITY, SCOPE, PARTITIONS = FACTS["entity_path"], FACTS["scope_id"], FACTS["partitions"]
VERSION = "api-version=2021-04-12"
PATIENCE = 20

# ---- checks ----------------------------------------------------------------------------------------------------------

_results = []


def check(name, good, detail=""):
    _results.append(bool(good))
    print(f"{'ok' if good else 'not ok'} {len(_results)} - {name}", flush=True)
    if not good and detail != "":
        print(f"  # {detail}", flush=True)
    return bool(good)


def done():
    failed = _results.count(False)
    print(f"1..{len(_results)}\n{len(_results) - failed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed or not _results else 0)


def until(condition, seconds=PATIENCE):
    """Asks again and again; gives the last answer. The time only ends a test that hangs."""
    end = time.monotonic() + seconds
    answer = condition()
    while not answer and time.monotonic() < end:
        time.sleep(0.05)
        answer = condition()
    return answer


# ---- names and tokens ------------------------------------------------------------------------------------------------


def members(connection_string):
    return dict(part.split("=", 1) for part in connection_string.strip().split(";") if part)


def policy(name):
    return members(FACTS["connection_strings"][name])


OWNER = policy("iothubowner")


def some(n=8):
    return "".join(random.choice(string.ascii_lowercase + string.digits) for _ in range(n))


def new_key():
    return base64.b64encode(os.urandom(32)).decode()


def signature(key, text):
    return base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()


def sas(resource, key, skn=None, expiry=None):
    """The resource is escaped, and that text is what is signed."""
    scope, expiry = quote(resource, safe=""), expiry or int(time.time()) + 3600
    signed = quote(signature(key, f"{scope}\n{expiry}"), safe="")
    return f"SharedAccessSignature sr={scope}&sig={signed}&se={expiry}" + ("" if skn is None else f"&skn={skn}")


def owner(resource=HOST):
    return sas(resource, OWNER["SharedAccessKey"], OWNER["SharedAccessKeyName"])


# ---- HTTPS -----------------------------------------------------------------------------------------------------------


def tls(port):
    raw = socket.create_connection((HOST, port), PATIENCE)
    return ssl.create_default_context(cafile=CA).wrap_socket(raw, server_hostname=HOST)


class Answer:
    """What came back, whole."""

    def __init__(self, raw):
        self.raw = raw
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin1").split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0].startswith("HTTP/") else 0
        named = (line.split(":", 1) for line in lines[1:] if ":" in line)
        self.headers = {name.strip().lower(): value.strip() for name, value in named}
        if self.headers.get("transfer-encoding") == "chunked":
            self.body = b"".join(_chunks(self.body))
        try:
            self.json = json.loads(self.body)
        except ValueError:
            self.json = None

    def __repr__(self):
        return f"{self.status} {self.body[:200]!r}"


def _chunks(rest):
    while rest:
        length, _, rest = rest.partition(b"\r\n")
        n = int(length or b"0", 16)
        if not n:
            return
        yield rest[:n]
        rest = rest[n + 2 :]


def ask(raw):
    """Exactly these bytes, on a connection of their own, which the hub closes when it has answered."""
    with tls(HTTPS) as s:
        s.sendall(raw)
        answer = b""
        try:
            while data := s.recv(65536):
                answer += data
        except OSError:
            pass
    return Answer(answer)


def http(method, path, body=None, auth=None, headers=None):
    if body is not None and not isinstance(body, (bytes, str)):
        body = json.dumps(body)
    body = body.encode() if isinstance(body, str) else body
    all_of_them = {"Host": HOST, "Connection": "close"}
    if auth:
        all_of_them["Authorization"] = auth
    if body is not None:
        all_of_them.update({"Content-Length": str(len(body)), "Content-Type": "application/json"})
    all_of_them.update(headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in all_of_them.items())
    return ask(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + (body or b""))


class Device:
    """One that is registered now."""

    def __init__(self, prefix="field-"):
        self.id = prefix + some()
        self.uri = f"{HOST}/devices/{self.id}"
        made = http("PUT", f"/devices/{self.id}?{VERSION}", {"deviceId": self.id}, owner())
        if made.status != 200:
            raise SystemExit(f"the device was not made: {made}")
        self.key = made.json["authentication"]["symmetricKey"]["primaryKey"]
        self.user = f"{HOST}/{self.id}/?{VERSION}"
        self.connection_string = f"HostName={HOST};DeviceId={self.id};SharedAccessKey={self.key}"

    def sas(self, **how):
        return sas(self.uri, self.key, **how)


def c2d(device, body, app=None, **system):
    """A message to the device by REST; gives the status."""
    headers = {"iothub-" + name: value for name, value in system.items()}
    headers.update({"iothub-app-" + name: value for name, value in (app or {}).items()})
    return http("POST", f"/devices/{device.id}/messages/devicebound?{VERSION}", body, owner(), headers).status
