"""The owner of a hub, who asks it over one HTTPS connection."""
import base64
import http.client
import json
import os
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "test", "crash"))
from killing import token  # noqa: E402

DAY_S = 24 * 3600


class Owner:
    def __init__(self, string_file, ca, port):
        with open(string_file) as f:
            parts = dict(part.split("=", 1) for part in f.read().strip().split(";"))
        self.hub = http.client.HTTPSConnection("localhost", port, context=ssl.create_default_context(cafile=ca))
        self.headers = {
            "Authorization": token(parts["HostName"], base64.b64decode(parts["SharedAccessKey"]),
                                   parts["SharedAccessKeyName"], DAY_S),
            "Content-Type": "application/json; charset=utf-8"}

    def post(self, path, body, more=None):
        """The answer as JSON, and its headers."""
        self.hub.request("POST", path + "?api-version=2021-04-12", json.dumps(body), {**self.headers, **(more or {})})
        answer = self.hub.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status} {text[:300]}")
        return json.loads(text), answer.headers
