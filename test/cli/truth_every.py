#!/usr/bin/env python3
"""truth_every.py BUILD [COMMAND…]: each command that `d2d --help` lists has a row here, with a disk that is full, a
reader that is gone, and Ctrl-C while the hub says nothing, over each protocol that it speaks. What must be so
afterwards stands beside it; truth.py, truth_state.py and truth_jobs.py tell more. A command without a row fails the
test."""
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading

import programs
from programs import Hub, Pipe, Running, check, into_full_disk, poll_until, to_closed_pipe

DEVICE = (["--transport", "mqtt"], ["--transport", "amqp"])
CONTENT = '{"deviceContent":{"properties.desired.n":1}}'
MANIFEST = '{"modulesContent":{"camera":{"properties.desired":{"fps":5}}}}'


class Row:
    """args: what is run. before: what makes the hub ready for it, each time, whatever comes of that. after: commands
    and how they end once it was run and could not be told. silent: on success it prints nothing to standard output.
    local: it asks no hub, or none once it has its key. over: it is run with each of these. ready: it goes on from when
    it says so."""

    def __init__(self, *args, before=(), after=(), silent=False, local=None, over=((),), ready=None):
        self.args, self.before, self.after = list(args), before, after
        self.silent, self.local, self.over, self.ready = silent, local, over, ready


def made(kind, name, *more):
    """What is made and could not be told is there."""
    return Row(kind, "add", name, *more, before=[[kind, "rm", name]], after=[([kind, "show", name], 0)])


def deleted(kind, name, *more):
    return Row(kind, "rm", name, before=[[kind, "add", name, *more]], after=[([kind, "show", name], 4)], silent=True)


ROWS = {
    "send": [Row("send", "--as", "door", "x", over=DEVICE), Row("send", "--to", "door", "x")],
    "listen": [Row("listen", "--as", "door", "-n", "1", over=DEVICE,
                   before=[["device", "purge", "door"], ["send", "--to", "door", "m"]],
                   after=[(["listen", "--as", "door", "-n", "1", "--timeout", "20s"], 0)])],
    "call": [Row("call", "robot", "open")],
    "answer": [Row("answer", "open", "--as", "door", "--exec", "true", over=DEVICE, ready="listening", silent=True)],
    "events": [Row("events", "--since", "earliest", "-n", "1")],
    "twin get": [Row("twin", "get", "door"), Row("twin", "get", "--as", "door", over=DEVICE)],
    "twin set": [Row("twin", "set", "door", '{"n":1}')],
    "twin watch": [Row("twin", "watch", "door", "-n", "1"),
                   Row("twin", "watch", "--as", "door", "-n", "1", over=DEVICE)],
    "twin report": [Row("twin", "report", "--as", "door", '{"n":1}', over=DEVICE)],
    "device add": [made("device", "new")],
    "device list": [Row("device", "list")],
    "device show": [Row("device", "show", "door")],
    "device rm": [deleted("device", "gone")],
    "device key": [Row("device", "key", "door"), Row("device", "key", "--rotate", "spare")],
    "device auth": [Row("device", "auth", "spare", "--x509-ca", before=[["device", "auth", "spare", "--sas"]])],
    "device cert": [Row("device", "cert", "spare", "--out", "FOLDER/cert", "--replace", local="all")],
    "device enable": [Row("device", "enable", "spare", before=[["device", "disable", "spare"]])],
    "device disable": [Row("device", "disable", "spare", before=[["device", "enable", "spare"]])],
    "device purge": [Row("device", "purge", "spare", silent=True)],
    "device export": [Row("device", "export", "box")],
    "device import": [Row("device", "import", "box", before=[["device", "export", "box"]])],
    "module add": [made("module", "door/new")],
    "module list": [Row("module", "list", "door", before=[["module", "add", "door/lock"]])],
    "module show": [Row("module", "show", "door/lock", before=[["module", "add", "door/lock"]])],
    "module rm": [deleted("module", "door/gone")],
    "module key": [Row("module", "key", "door/lock", before=[["module", "add", "door/lock"]])],
    "query": [Row("query", "SELECT * FROM devices")],
    "configuration add": [made("configuration", "new", CONTENT)],
    "configuration list": [Row("configuration", "list", before=[["configuration", "add", "old", CONTENT]])],
    "configuration show": [Row("configuration", "show", "old", before=[["configuration", "add", "old", CONTENT]])],
    "configuration rm": [deleted("configuration", "gone", CONTENT)],
    "configuration apply": [Row("configuration", "apply", "edge", MANIFEST, silent=True,
                                before=[["module", "rm", "edge/camera"]],
                                after=[(["module", "show", "edge/camera"], 0)])],
    "job start": [Row("job", "start", "NEW", "--where", "*", "--tags", '{"n":1}', after=[(["job", "show", "NEW"], 0)])],
    "job list": [Row("job", "list")],
    "job show": [Row("job", "show", "old", before=[["job", "start", "old", "--where", "*", "--tags", '{"n":1}']])],
    "job cancel": [Row("job", "cancel", "NEW",
                       before=[["job", "start", "NEW", "--where", "*", "--method", "m", "--in", "1h"]])],
    "group add": [Row("group", "add", "new", silent=True, before=[["group", "rm", "new"]],
                      after=[(["group", "add", "new"], 7)])],
    "group list": [Row("group", "list")],
    "group rm": [Row("group", "rm", "gone", silent=True, before=[["group", "add", "gone"]],
                     after=[(["group", "rm", "gone"], 4)])],
    "ca add": [Row("ca", "add", "new", "CA", before=[["ca", "rm", "new"]], after=[(["ca", "add", "new", "CA"], 7)])],
    "ca verify": [Row("ca", "verify", "old", before=[["ca", "add", "old", "CA"]])],
    "ca list": [Row("ca", "list", before=[["ca", "add", "old", "CA"]])],
    "ca rm": [Row("ca", "rm", "gone", silent=True, before=[["ca", "add", "gone", "CA"]],
                  after=[(["ca", "rm", "gone"], 4)])],
    "enroll add": [made("enroll", "new")],
    "enroll list": [Row("enroll", "list", before=[["enroll", "add", "hall"]])],
    "enroll show": [Row("enroll", "show", "hall", before=[["enroll", "add", "hall"]])],
    "enroll key": [Row("enroll", "key", "hall", before=[["enroll", "add", "hall"]])],
    "enroll rm": [deleted("enroll", "gone")],
    "register": [Row("register", "--id", "hall", "--key-file", "FOLDER/hall.key", over=DEVICE,
                     before=[["enroll", "add", "hall"],
                             ["enroll", "key", "hall", "--out", "FOLDER/hall.key", "--replace"]])],
    "token": [Row("token", "--as", "door", local="key")],
    "context add": [Row("context", "add", "new", "--connection-string-file", "FOLDER/owner.cs", "--ca-file", "CA",
                        local="all", silent=True,
                        before=[["context", "rm", "new"]])],
    "context list": [Row("context", "list", local="all")],
    "context use": [Row("context", "use", "test", local="all", silent=True)],
    "context rm": [Row("context", "rm", "gone", local="all", silent=True, before=[
        ["context", "add", "gone", "--connection-string-file", "FOLDER/owner.cs", "--ca-file", "CA"]])],
    "check": [Row("check"), Row("check", "--as", "door", over=DEVICE)],
    "hub status": [Row("hub", "status")],
    "bench": [Row("bench", "--as", "door", "-n", "10", over=DEVICE)],
}
# They need a chip: run.sh has one.
ELSEWHERE = {"tpm status", "tpm provision", "tpm erase"}


# How a change is told that stands although its output is lost.
DEEDS = {
    "send": "the message was accepted by the hub",
    "call": 'device "robot" was called',
    "twin set": 'device "door" was changed',
    "twin report": 'device "door" was changed',
    "device add": 'device "new" was added',
    "device auth": 'device "spare" was changed',
    "device cert": "cert.pem was written",
    "device enable": 'device "spare" was enabled',
    "device disable": 'device "spare" was disabled',
    "device export": '" was started',
    "device import": '" was started',
    "module add": 'module "door/new" was added',
    "configuration add": 'configuration "new" was saved',
    "job start": '" was started',
    "job cancel": '" was cancelled',
    "ca add": 'CA "new" was added',
    "ca verify": 'CA "old" was changed',
    "enroll add": 'enrollment "new" was added',
    "register": 'device "hall" was registered',
}


class Mute:
    """A hub that takes connections and says nothing."""

    def __init__(self):
        self.came = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = str(self.socket.getsockname()[1])
        threading.Thread(target=self.take, daemon=True).start()

    def take(self):
        peers = []
        while True:
            peers.append(self.socket.accept())
            self.came += 1

    def ports(self):
        return [x for protocol in ("mqtts", "amqps", "https") for x in (f"--{protocol}-port", self.port)]


class Every:
    def __init__(self, hub):
        self.hub, self.mute, self.n = hub, Mute(), 0

    def words(self, args):
        known = {"CA": os.path.join(self.hub.data, "tls", "ca.pem"), "NEW": f"new-{self.n}"}
        return [known.get(a, a.replace("FOLDER", self.hub.folder)) for a in args]

    def ready(self, row):
        self.n += 1
        for args in row.before:
            self.hub.d2d(*self.words(args), status=None)

    def untold(self, command, row, over):
        """It could not be told: the status says so, and what was done is done, and said to be."""
        for tell in (into_full_disk, to_closed_pipe):
            self.ready(row)
            args = self.words([*row.args, *over])
            said = tell(self.hub, *args)
            deed = DEEDS.get(command)
            wanted = f"{deed}, but standard output cannot be written" if deed else ""
            check(f"{args}: a change is told", wanted in said if deed else ", but" not in said, said)
            for then, status in row.after:
                self.hub.d2d(*self.words(then), status=status)

    def quiet(self, row, over):
        """It prints nothing, and needs no place for it."""
        self.ready(row)
        with open("/dev/full", "wb") as full:
            running = Running(self.hub, self.words([*row.args, *over]), full)
            if row.ready:
                poll_until(row.ready, lambda: row.ready in running.said())
                running.process.send_signal(signal.SIGINT)
            running.ended(130 if row.ready else 0, "nothing is printed")
        for then, status in row.after:
            self.hub.d2d(*self.words(then), status=status)

    def interrupted(self, row, over):
        """Ctrl-C while the hub says nothing, and with --as while it does not say whose key that is."""
        self.ready(row)
        came, args = self.mute.came, self.words([*row.args, *over, *self.mute.ports(), "--timeout", "50s"])
        running = Running(self.hub, args, subprocess.DEVNULL)
        poll_until("a connection", lambda: self.mute.came > came)
        running.process.send_signal(signal.SIGINT)
        running.ended(130, "Ctrl-C while the hub says nothing")

    def key_given(self, row, over):
        """The same with a key of one's own, so that the conversation of the device is what is interrupted."""
        if "--as" not in row.args:
            return
        at, path = row.args.index("--as"), os.path.join(self.hub.folder, "key")
        self.hub.d2d("device", "key", row.args[at + 1], "--out", path, "--replace")
        own = ["--connection-string-file", path, "--ca-file", "CA"]
        self.interrupted(Row(*row.args[:at], *row.args[at + 2:], *own, before=row.before), over)

    def row(self, command, row):
        for over in row.over:
            self.quiet(row, over) if row.silent else self.untold(command, row, over)
            if row.local != "all":
                self.interrupted(row, over)
            if not row.local:
                self.key_given(row, over)


def several(hub):
    """Of several devices those behind the one that could not be told are as they were, and that is said."""
    said = into_full_disk(hub, "device", "add", "first", "second", "third")
    check("the first", 'device "first" was added, but standard output' in said, said)
    check("the others", 'nothing was done with the last 2 of the 3, from "second" on' in said, said)
    hub.d2d("device", "show", "first")
    hub.d2d("device", "show", "second", status=4)


def hub_is_made(hub):
    data = os.path.join(hub.folder, "other")
    with open("/dev/full", "wb") as full:
        said = Running(hub, ["init", "--data", data, "--name", "localhost", "--no-context", "-o", "json"], full,
                       program="d2dhub").ended(1, "a full disk")
    check("the hub is there", "the hub was made, but standard output cannot be written: No space left" in said, said)
    check("the hub is there", os.path.exists(os.path.join(data, "hub.json")))


def listed(hub):
    """The commands that the program itself tells of."""
    part = re.search(r"\ncommands:\n(.*?)\n\n", hub.d2d("--help").stdout, re.S).group(1)
    return {re.match(r"  ([a-z]+( [a-z]+)?)  ", line).group(1) for line in part.splitlines()}


def add_edge(hub):
    """No command makes an edge device: an import does."""
    hub.d2d("device", "export", "edge")
    with open(os.path.join(hub.data, "blobs", "edge", "devices.txt"), "w", encoding="utf-8") as f:
        f.write('{"id":"edge","importMode":"create","capabilities":{"iotEdge":true}}\n')
    hub.d2d("device", "import", "edge")


def main():
    if not os.path.exists("/dev/full"):
        raise SystemExit("truth_every.py: there is no /dev/full")
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub(os.path.realpath(sys.argv[1]), folder)
        robot = None
        try:
            commands, rows = listed(hub), set(ROWS) | ELSEWHERE
            check("each command has a row, and each row is of a command", commands == rows, commands ^ rows)
            hub.d2d("device", "add", "door", "robot", "spare")
            hub.d2d("send", "--as", "door", "x")
            add_edge(hub)
            robot = Running(hub, ["answer", "open", "--as", "robot", "--exec", "echo 1"], subprocess.DEVNULL)
            poll_until("the robot", lambda: "listening" in robot.said())
            every, only = Every(hub), sys.argv[2:]
            for command, rows in ROWS.items():
                if not only or command in only:
                    for row in rows:
                        every.row(command, row)
            if not only:
                several(hub)
                hub_is_made(hub)
        finally:
            if robot:
                robot.process.kill()
                robot.process.wait()
            hub.stop()
    print(f"{programs.passed} passed, 0 failed")


main()
