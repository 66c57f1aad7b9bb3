#!/usr/bin/env python3
"""terminal.py BUILD: what a person sees on a terminal, and a program in a pipe: tables and colours here, JSON there."""
import json
import os
import pty
import re
import subprocess
import sys
import tempfile

import programs
from programs import LIMIT_S, Hub, check

BOLD, RED, PLAIN = "\033[1m", "\033[31m", "\033[0m"
COLOUR = re.compile("\033\\[[0-9;]*m")


def on_terminal(hub, *args, status=0, **env):
    """All that a terminal is given, standard error with it. A name that is None is not in the environment."""
    ours, theirs = pty.openpty()
    whole = {**hub.env, "TERM": "xterm", **env}
    process = subprocess.Popen([os.path.join(hub.build, "d2d"), *args], stdin=theirs, stdout=theirs, stderr=theirs,
                               env={name: value for name, value in whole.items() if value is not None})
    os.close(theirs)
    shown = b""
    try:
        while more := os.read(ours, 4096):
            shown += more
    except OSError:  # its other end is closed
        pass
    os.close(ours)
    got = process.wait(LIMIT_S)
    check(f"{args} on a terminal ends with {status}", got == status, f"{got}\n{shown}")
    return shown.decode().replace("\r\n", "\n")


def tables(hub):
    """A table for people, JSON in a pipe; -o decides where it is given."""
    table = on_terminal(hub, "device", "list", NO_COLOR="1")
    check("a title and a row", re.search(r"^DEVICE.*\n(door) ", table, re.M), table)
    piped = hub.d2d("device", "list").stdout
    check("a line of JSON", json.loads(piped.splitlines()[0])["deviceId"] == "door", piped)
    chosen = on_terminal(hub, "device", "list", "-o", "json")
    check("JSON where it is asked for", json.loads(chosen)["deviceId"] == "door", chosen)
    check("a table where it is asked for", hub.d2d("device", "list", "-o", "table").stdout == table)


def colours(hub):
    """A title is bold and an error is red, on a terminal that can and for a person who wants it."""
    for none in (None, ""):
        shown = on_terminal(hub, "device", "list", NO_COLOR=none)
        check("a bold title", shown.startswith(BOLD) and shown.splitlines()[0].endswith(PLAIN), shown)
        check("nothing but the title", len(COLOUR.findall(shown)) == 2, shown)
        shown = on_terminal(hub, "device", "show", "nobody", status=4, NO_COLOR=none)
        check("a red error", RED in shown and shown.count(RED) == shown.count(PLAIN), shown)
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": ""}, {"TERM": None}):
        for args, status in ((["device", "list"], 0), (["device", "show", "nobody"], 4)):
            shown = on_terminal(hub, *args, status=status, **env)
            check(f"no colour with {env}", not COLOUR.search(shown), shown)
    for args in (["device", "list", "-o", "table"], ["device", "list"]):
        done = hub.d2d(*args)
        check("no colour in a pipe", not COLOUR.search(done.stdout + done.stderr), done)
    check("none in what is told", not COLOUR.search(hub.d2d("device", "show", "nobody", status=4).stderr))


def controls(hub):
    """What a stranger sends does not reach the terminal as a command to it."""
    hub.d2d("send", "--as", "door", "\033]0;gotcha\007")
    shown = on_terminal(hub, "events", "--from", "door", "--since", "earliest", "-n", "1", NO_COLOR="1")
    check("no escape", "\033" not in shown and "\007" not in shown and "gotcha" in shown, shown)


def main():
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub(os.path.realpath(sys.argv[1]), folder)
        try:
            hub.d2d("device", "add", "door")
            tables(hub)
            colours(hub)
            controls(hub)
        finally:
            hub.stop()
    print(f"{programs.passed} passed, 0 failed")


main()
