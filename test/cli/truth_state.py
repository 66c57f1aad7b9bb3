#!/usr/bin/env python3
"""truth_state.py BUILD: of calls and twins, too, nothing is said that was not done, and what was done is said: with a
reader that goes, a disk that is full, and Ctrl-C in the middle."""
import json
import os
import signal
import subprocess
import sys
import tempfile

import programs
from programs import Hub, Pipe, Running, check, into_full_disk, lines_of, poll_until, to_closed_pipe


class Answering:
    """A device that answers "open", and what it ran."""

    def __init__(self, hub, over, command="echo opened; cat"):
        self.ran = os.path.join(hub.folder, "answered")
        open(self.ran, "w").close()
        script = f"echo ran >>{self.ran}; {command}"
        self.running = Running(hub, ["answer", "open", "--as", "door", "--exec", script, *over], subprocess.DEVNULL)
        poll_until("listening", lambda: "listening" in self.running.said())

    def times(self):
        return len(lines_of(self.ran))

    def stop(self):
        self.running.process.send_signal(signal.SIGINT)
        return self.running.ended(130, "Ctrl-C of a device that answers")


# ---- calls ----------------------------------------------------------------------------------------------------------


def call_output(hub, over):
    """A call whose answer cannot be shown was made once, and is not made again."""
    door = Answering(hub, over)
    into_full_disk(hub, "call", "door", "open")
    to_closed_pipe(hub, "call", "door", "open")
    check("each call was made once", door.times() == 2, door.times())
    got = json.loads(hub.d2d("call", "door", "open").stdout)
    check("the answer", got == {"status": 200, "payload": "opened"}, got)
    door.stop()


def call_interrupted(hub, over):
    """The caller goes while the device works: the device ends its work, and answers the next one."""
    go, done = os.path.join(hub.folder, "go"), os.path.join(hub.folder, "done")
    os.mkfifo(go)
    open(done, "w").close()
    door = Answering(hub, over, command=f"read line <{go}; echo done >>{done}; echo $line")
    caller = Running(hub, ["call", "door", "open"], subprocess.DEVNULL)
    poll_until("the command", lambda: door.times() == 1)
    caller.process.send_signal(signal.SIGINT)
    caller.ended(130, "Ctrl-C in a call")
    with open(go, "w") as f:
        f.write("1\n")
    poll_until("the end of its work", lambda: lines_of(done) == ["done"])
    pipe = Pipe()
    caller = pipe.start(hub, "call", "door", "open", "-o", "raw")
    with open(go, "w") as f:
        f.write("2\n")
    check("the answer is the second one's", pipe.line() == "2")
    pipe.close()
    caller.ended(0, "the second call")
    door.stop()
    os.unlink(go)
    os.unlink(done)


def answer_interrupted(hub, over):
    """The command that runs is waited for and its answer sent; no other is begun."""
    door = Answering(hub, over, command="kill -INT $PPID; echo late")
    got = json.loads(hub.d2d("call", "door", "open").stdout)
    check("the answer was sent", got == {"status": 200, "payload": "late"}, got)
    door.running.ended(130, "Ctrl-C while a command runs")
    said = hub.d2d("call", "door", "open", status=5).stderr
    check("nobody answers", "not connected" in said, said)


def answer_fails(hub, over):
    """A command that fails is no answer of 200."""
    door = Answering(hub, over, command="echo half; exit 3")
    done = hub.d2d("call", "door", "open", status=7)
    check("its status", json.loads(done.stdout)["status"] == 500 and "status 500" in done.stderr, done)
    door.stop()


# ---- twins ----------------------------------------------------------------------------------------------------------


def twin_of(hub):
    return json.loads(hub.d2d("twin", "get", "door").stdout)


def twin_printing(hub, over):
    for args in (["twin", "get", "door"], ["twin", "get", "--as", "door", *over],
                 ["twin", "watch", "door", "-n", "1"], ["twin", "watch", "--as", "door", "-n", "1", *over],
                 ["query", "SELECT * FROM devices"]):
        into_full_disk(hub, *args)
        to_closed_pipe(hub, *args)


def twin_changes(hub, over):
    """What was changed and could not be told is changed once, and the status says that it was not told."""
    hub.d2d("twin", "set", "door", '{"n":0}')
    before = twin_of(hub)["properties"]
    into_full_disk(hub, "twin", "report", "--as", "door", '{"n":1}', *over)
    to_closed_pipe(hub, "twin", "report", "--as", "door", '{"n":2}', *over)
    into_full_disk(hub, "twin", "set", "door", '{"n":1}')
    to_closed_pipe(hub, "twin", "set", "door", '{"n":2}')
    after = twin_of(hub)["properties"]
    for part in ("desired", "reported"):
        versions = after[part]["$version"] - before[part]["$version"]
        check(f"{part}: two changes", after[part]["n"] == 2 and versions == 2, after)


def twin_watch_interrupted(hub, over):
    """Ctrl-C and a reader that goes end a watch; whoever watches again sees what came meanwhile."""
    pipe = Pipe()
    watch = pipe.start(hub, "twin", "watch", "--as", "door", *over)
    pipe.line()
    watch.process.send_signal(signal.SIGINT)
    watch.ended(130, "Ctrl-C in a watch")
    pipe.close()
    hub.d2d("twin", "set", "door", '{"seen":"%s"}' % over[-1])
    pipe = Pipe()
    watch = pipe.start(hub, "twin", "watch", "--as", "door", *over)
    got = json.loads(pipe.line())
    check("the change that came meanwhile", over[-1] in json.dumps(got), got)
    hub.d2d("twin", "set", "door", '{"seen":"later"}')
    poll_until("the next change", pipe.waits)
    pipe.close()
    watch.ended(1, "a reader that goes while a twin is watched")


# ---- what is made and told ------------------------------------------------------------------------------------------


def made_once(hub):
    """What was made and could not be told is there: the same command says so, and another shows it."""
    for make, show in ((["module", "add", "door/lock"], ["module", "show", "door/lock"]),
                       (["enroll", "add", "hall"], ["enroll", "show", "hall"])):
        hub.d2d(*show, status=4)
        into_full_disk(hub, *make)
        hub.d2d(*make, status=7)
        hub.d2d(*show)


def registration(hub):
    """A device that could not be told its connection string registers once more, and gets the same one."""
    key = os.path.join(hub.folder, "hall.key")
    hub.d2d("enroll", "key", "hall", "--out", key)
    args = ["register", "--id", "hall", "--key-file", key]
    into_full_disk(hub, *args)
    to_closed_pipe(hub, *args)
    first, second = hub.d2d(*args).stdout, hub.d2d(*args).stdout
    check("the same connection string", "DeviceId=hall" in first and first == second, (first, second))


def main():
    if not os.path.exists("/dev/full"):
        raise SystemExit("truth_state.py: there is no /dev/full")
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub(os.path.realpath(sys.argv[1]), folder)
        try:
            hub.d2d("device", "add", "door")
            for transport in ("mqtt", "amqp"):
                for part in (call_output, call_interrupted, answer_interrupted, answer_fails, twin_printing,
                             twin_changes, twin_watch_interrupted):
                    part(hub, ["--transport", transport])
            made_once(hub)
            registration(hub)
        finally:
            hub.stop()
    print(f"{programs.passed} passed, 0 failed")


main()
