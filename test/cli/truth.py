#!/usr/bin/env python3
"""truth.py BUILD: nothing is settled, moved or rotated that was not written. Each command that prints and changes
something, with a reader that goes, a disk that is full, and Ctrl-C in the middle."""
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time

import programs
from programs import LIMIT_S, Hub, Pipe, Running, check, lines_of, poll_until, small_file


# ---- listen ---------------------------------------------------------------------------------------------------------


def fill(hub):
    """Five messages of five bytes with their newline."""
    names = [f"m-{i:02}" for i in range(1, 6)]
    hub.d2d("send", "--to", "door", "-q", *names)
    return names


def mailbox_has(hub, wanted, what):
    got = hub.d2d("listen", "--as", "door", "-q", "-o", "raw", "-n", str(len(wanted)), "--timeout", "20s")
    got = got.stdout.split()
    check(f"{what}: what is left", got == wanted, got)
    poll_until("the last one is settled",
               lambda: '"cloudToDeviceMessageCount":0' in hub.d2d("twin", "get", "door").stdout)
    left = hub.d2d("device", "purge", "door").stderr
    check(f"{what}: and nothing more", "(0 " in left, left)


def listen_closed_pipe(hub, over):
    for n in (0, 1, 2):
        names, pipe = fill(hub), Pipe()
        running = pipe.start(hub, "listen", "--as", "door", "-o", "raw", *over)
        check("the first lines", [pipe.line() for _ in range(n)] == names[:n])
        poll_until("the next line", pipe.waits)
        pipe.close()
        running.ended(1, f"a reader that goes after {n}")
        mailbox_has(hub, names[n:], f"listen {over}, a reader that takes {n}")


def listen_head(hub, over):
    """What the shell's users write."""
    names = fill(hub)
    got = subprocess.run(["sh", "-c", f"{hub.build}/d2d listen --as door -q -o raw {' '.join(over)} | head -1"],
                         capture_output=True, text=True, timeout=LIMIT_S, check=True, env=hub.env)
    check("head -1", got.stdout.split() == names[:1], got.stdout)
    mailbox_has(hub, names[1:], f"listen {over} | head -1")


def listen_idle(hub, over):
    """Nothing comes, and the reader goes."""
    pipe = Pipe()
    running = pipe.start(hub, "listen", "--as", "door", *over)
    poll_until("listening", lambda: "listening" in running.said())
    pipe.close()
    running.ended(1, "a reader that goes while nothing comes")


def closed_at_start(hub, over):
    """What waits for something to print does not begin when it could not print it."""
    for args in (["listen", "--as", "door", *over], ["events", "--since", "earliest"], ["events"],
                 ["twin", "watch", "door"], ["twin", "watch", "--as", "door", *over],
                 ["call", "door", "open", "--wait", "50s"], ["send", "--to", "door", "never", "--until-acked"]):
        began = time.monotonic()
        said = Running(hub, args, subprocess.DEVNULL, prepare=lambda: os.close(1)).ended(1, "a closed output")
        check("it says why", "d2d: standard output cannot be written: it is closed" in said, said)
        check("it does not wait", time.monotonic() - began < 30, args)
    left = hub.d2d("device", "purge", "door").stderr
    check("nothing was sent", "(0 " in left, left)


def listen_full_disk(hub, over):
    names = fill(hub)
    with open("/dev/full", "wb") as full:
        Running(hub, ["listen", "--as", "door", "-n", "3", *over], full).ended(1, "a full disk")
    mailbox_has(hub, names, f"listen {over} >/dev/full")
    names, path = fill(hub), os.path.join(hub.folder, "small")
    with open(path, "wb") as small:
        running = Running(hub, ["listen", "--as", "door", "-o", "raw", *over], small, prepare=small_file)
        said = running.ended(1, "a small file")
    check("it says why", "standard output cannot be written" in said and "not shown" in said, said)
    check("two lines fit", lines_of(path) == names[:2], lines_of(path))
    mailbox_has(hub, names[2:], f"listen {over} into a full file")


def listen_full_mount(hub, over):
    """A file system of one page: two messages and a half."""
    inside = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    place, copy = os.path.join(hub.folder, "page"), os.path.join(hub.folder, "page.copy")
    os.makedirs(place, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "none", place]
    if subprocess.run([*inside, *mount], capture_output=True, check=False).returncode:
        print("truth.py: no file system may be mounted here: that part is skipped", file=sys.stderr)
        return
    names = [letter * 1500 for letter in "abcde"]
    hub.d2d("send", "--to", "door", "-q", *names)
    listen = f"{hub.build}/d2d listen --as door -q -o raw {' '.join(over)} >{place}/out"
    done = subprocess.run([*inside, "sh", "-c", f"{' '.join(mount)} && {listen}; s=$?; cp {place}/out {copy}; exit $s"],
                          env=hub.env, timeout=LIMIT_S, capture_output=True, text=True, check=False)
    check("a full file system", done.returncode == 1 and "No space left" in done.stderr, done)
    check("two messages fit", lines_of(copy) == names[:2], lines_of(copy))
    mailbox_has(hub, names[2:], f"listen {over} into a full file system")


def listen_interrupted(hub, over):
    for n in (0, 2):
        names, pipe = fill(hub), Pipe()
        running = pipe.start(hub, "listen", "--as", "door", "-o", "raw", *over)
        check("the first lines", [pipe.line() for _ in range(n)] == names[:n])
        poll_until("the next line", pipe.waits)
        running.process.send_signal(signal.SIGINT)
        running.ended(130, f"Ctrl-C after {n}")
        pipe.close()
        mailbox_has(hub, names[n:], f"listen {over}, Ctrl-C after {n}")


def listen_exec(hub, over):
    """The command that runs is waited for and counts; no other is begun."""
    for status, left in (("0", 1), ("1", 0)):
        names, path = fill(hub), os.path.join(hub.folder, "ran")
        command = f"cat; echo; kill -INT $PPID; exit {status}"
        with open(path, "wb") as ran:
            running = Running(hub, ["listen", "--as", "door", "--exec", command, *over], ran)
            running.ended(130, "Ctrl-C while a command runs")
        check("one command ran", lines_of(path) == names[:1], lines_of(path))
        mailbox_has(hub, names[left:], f"listen {over} --exec, Ctrl-C, status {status}")


def listen_auto(hub, over):
    """--auto completes what CMD is started for, and not what waits behind it."""
    names = fill(hub)
    hub.d2d("listen", "--as", "door", "-q", "--auto", "--exec", "kill -INT $PPID; exit 1", *over, status=130)
    mailbox_has(hub, names[1:], f"listen {over} --auto")


# ---- events ---------------------------------------------------------------------------------------------------------


class Log:
    """The events of one device, read with a file of positions."""

    def __init__(self, hub, name):
        self.hub, self.names = hub, [f"e-{i:02}" for i in range(1, 9)]
        self.positions = os.path.join(hub.folder, name + ".positions")
        self.args = ["events", "--from", name, "--since", "earliest", "-q", "-o", "raw", "--resume", self.positions]
        hub.d2d("device", "add", name)
        hub.d2d("send", "--as", name, "-q", *self.names)

    def next_is(self, n, what):
        got = self.hub.d2d(*self.args, "-n", "1", "--timeout", "20s").stdout.split()
        check(f"{what}: the next event", got == self.names[n:n + 1], got)
        return n + 1


def events_closed_pipe(hub):
    log, pipe = Log(hub, "closed"), Pipe()
    running = pipe.start(hub, *log.args)
    check("two events", [pipe.line(), pipe.line()] == log.names[:2])
    poll_until("the third", pipe.waits)
    pipe.close()
    running.ended(1, "a reader that goes after two events")
    at = log.next_is(2, "after a reader that took two")
    pipe = Pipe()
    running = pipe.start(hub, *log.args)
    poll_until("an event", pipe.waits)
    running.process.send_signal(signal.SIGINT)
    running.ended(130, "Ctrl-C before the event was read")
    pipe.close()
    log.next_is(at, "after Ctrl-C")


def events_idle(hub):
    for more in ([], ["--resume", os.path.join(hub.folder, "idle.positions")]):
        pipe = Pipe()
        running = pipe.start(hub, "events", *more)
        poll_until("listening", lambda: "listening" in running.said())
        pipe.close()
        running.ended(1, "a reader that goes while no event comes")


def events_full_disk(hub):
    log, path = Log(hub, "full"), os.path.join(hub.folder, "events")
    with open("/dev/full", "wb") as full:
        Running(hub, [*log.args, "-n", "3"], full).ended(1, "a full disk")
    at = log.next_is(0, "after a full disk")
    limit = 500  # the positions still fit
    with open(path, "wb") as small:
        small.truncate(limit - 11)
        small.seek(limit - 11)
        Running(hub, log.args, small, prepare=lambda: (
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))).ended(1, "a small file")
    shown = [line.lstrip("\0") for line in lines_of(path)]
    check("two lines fit", shown == log.names[at:at + 2], shown)
    log.next_is(at + 2, "after a file that was full")


def events_exec(hub):
    log, ran = Log(hub, "exec"), os.path.join(hub.folder, "exec.ran")
    run = ["--exec", f'cat >>{ran}; echo >>{ran}; ! grep -q "e-03" {ran}']
    hub.d2d(*log.args, *run, "-n", "5", status=7)
    check("it ran for three", lines_of(ran) == log.names[:3], lines_of(ran))
    at = log.next_is(2, "after a command that failed")
    hub.d2d(*log.args, "--exec", "false", "--skip-failed", "-n", "1")
    at = log.next_is(at + 1, "after one that was skipped")
    hub.d2d(*log.args, "--exec", "kill -INT $PPID; exit 1", status=130)
    hub.d2d(*log.args, "--exec", "kill -INT $PPID", status=130)
    log.next_is(at + 1, "after Ctrl-C in a command that ended well")


def events_positions(hub):
    """A file that cannot be written ends the run before anything is done."""
    log, ran = Log(hub, "positions"), os.path.join(hub.folder, "positions.ran")
    for path in (os.path.join(hub.folder, "none", "positions"), "/dev/full/positions"):
        said = hub.d2d(*log.args[:-1], path, "--exec", f"touch {ran}", status=1).stderr
        check("it names the file", path in said, said)
    running = Running(hub, [*log.args, "--exec", f"touch {ran}"], subprocess.DEVNULL, prepare=small_file)
    running.ended(1, "no room for positions")
    check("no command ran", not os.path.exists(ran))
    with open(log.positions, "w") as f:
        f.write("{")
    hub.d2d(*log.args, "-n", "1", status=2)


# ---- send -----------------------------------------------------------------------------------------------------------


def send_feedback(hub, over):
    """What became of a message and could not be printed is an error. (That the hub still has it: test/e2e.)"""
    device = Running(hub, ["listen", "--as", "door", "-q", "-n", "2", *over], subprocess.DEVNULL)
    args = ["send", "--to", "door", "--until-acked", "--timeout", "30s", "x"]
    with open("/dev/full", "wb") as full:
        Running(hub, args, full).ended(1, "a full disk")
    begun = time.monotonic()
    hub.d2d(*args)
    check("feedback comes in seconds", time.monotonic() - begun < 15)
    device.ended(0, "the device")


def send_side_by_side(hub):
    """Each of them hears of its own message, however long others wait."""
    hub.d2d("device", "add", "away")
    waiting = [Running(hub, ["send", "--to", "away", "--until-acked", "x"], subprocess.DEVNULL) for _ in range(3)]
    device = Running(hub, ["listen", "--as", "door", "-q", "-n", "5"], subprocess.DEVNULL)
    begun = time.monotonic()
    for _ in range(5):
        hub.d2d("send", "--to", "door", "--until-acked", "--timeout", "30s", "x")
    check("nobody holds it up", time.monotonic() - begun < 30)
    device.ended(0, "the device")
    for one in waiting:
        one.process.send_signal(signal.SIGINT)
        one.ended(130, "Ctrl-C")
    hub.d2d("device", "rm", "away")


def send_not_settled(hub):
    said = hub.d2d("send", "--to", "door", "--until-acked", "--timeout", "1s", "x", status=10).stderr
    check("it says what is known", "accepted by the hub, not settled yet" in said and "--ttl" in said, said)
    hub.d2d("device", "purge", "door")
    pipe = Pipe()
    device = pipe.start(hub, "listen", "--as", "door")
    running = Running(hub, ["send", "--to", "door", "--until-acked", "x"], subprocess.DEVNULL)
    poll_until("the device has it", pipe.waits)
    running.process.send_signal(signal.SIGINT)
    check("after Ctrl-C, too", "accepted by the hub, not settled yet" in running.ended(130, "Ctrl-C"))
    pipe.close()
    device.ended(1, "the device")
    hub.d2d("device", "purge", "door")


def send_not_acknowledged(hub):
    """The hub stands still: what it may have is told apart from what never left."""
    for who in (["--as", "door"], ["--to", "door"]):
        (reader, writer), pipe = os.pipe(), Pipe()
        running = pipe.start(hub, "send", *who, "-", "--timeout", "1s", stdin=reader)
        os.close(reader)
        os.write(writer, b"one\n")
        pipe.line()  # its id: it was acknowledged
        os.kill(hub.process.pid, signal.SIGSTOP)
        try:
            os.write(writer, b"two\n")
            os.close(writer)
            said = running.ended(6, "a hub that stands still")
        finally:
            os.kill(hub.process.pid, signal.SIGCONT)
        pipe.close()
        check("what is known", "1 of 2 messages" in said and "the hub may have it" in said, said)
    said = hub.d2d("send", "--as", "door", "--mqtts-port", "1", "--timeout", "1s", "x", status=5).stderr
    check("what never left", "not sent" in said, said)
    hub.d2d("device", "purge", "door")


# ---- keys, and all that is only printed -----------------------------------------------------------------------------


def rotate(hub):
    before = hub.d2d("device", "key", "door").stdout
    with open("/dev/full", "wb") as full:
        Running(hub, ["device", "key", "--rotate", "door"], full).ended(1, "a full disk")
    pipe = Pipe()
    pipe.close()
    pipe.start(hub, "device", "key", "--rotate", "door").ended(1, "a closed pipe")
    pipe = Pipe()
    running = pipe.start(hub, "device", "key", "--rotate", "door")
    poll_until("the new key", pipe.waits)
    running.process.send_signal(signal.SIGINT)
    running.ended(130, "Ctrl-C before the key was read")
    pipe.close()
    check("the key is as it was", hub.d2d("device", "key", "door").stdout == before)
    hub.d2d("send", "--as", "door", "x")
    pipe = Pipe()
    running = pipe.start(hub, "device", "key", "--rotate", "door", "--timeout", "1s")
    poll_until("the new key", pipe.waits)
    os.kill(hub.process.pid, signal.SIGSTOP)
    try:
        pipe.line()
        said = running.ended(6, "a hub that stands still")
    finally:
        os.kill(hub.process.pid, signal.SIGCONT)
    pipe.close()
    check("what is known", "it is not known whether" in said, said)
    before = hub.d2d("device", "key", "door").stdout
    after = hub.d2d("device", "key", "--rotate", "door").stdout
    check("a key that was written is in force", before != after == hub.d2d("device", "key", "door").stdout)


PRINTING = [
    "d2d --version", "d2d --help", "d2d send --help", "d2d", "d2d device list", "d2d device show door",
    "d2d device key door", "d2d device enable door", "d2d device list -o table", "d2d device list -o tsv",
    "d2d group list", "d2d hub status", "d2d hub status -o table", "d2d token --as door", "d2d context ls",
    "d2d check", "d2d enroll list", "d2d enroll show door", "d2d enroll key door", "d2d bench --as door -n 10",
    "d2d events --since earliest -n 1", "d2d events --since earliest -n 1 -o raw", "d2dhub --version",
    "d2dhub --help", "d2dhub run --help", "d2dhub show", "d2dhub show -o json", "d2dhub check",
]


def printing(hub):
    """Each command that only prints: it says that it could not."""
    hub.d2d("enroll", "add", "door")
    for line in PRINTING:
        program, *args = line.split()
        if program == "d2dhub" and args[0][0] != "-":
            args += ["--data", hub.data]
        wanted = {"d2d": 2}.get(line, 1)
        with open("/dev/full", "wb") as full:
            said = Running(hub, args, full, program=program).ended(wanted, f"{line} >/dev/full")
        check(f"{line} >/dev/full: why", "standard output cannot be written: No space left" in said, said)
        pipe = Pipe()
        pipe.close()
        pipe.start(hub, *args, program=program).ended(wanted, f"{line} | a reader that is gone")
    for args in (["--version"], ["listen", "--as", "door", "-n", "1"]):
        hub.d2d("send", "--to", "door", "x")
        Running(hub, args, subprocess.DEVNULL, prepare=lambda: os.close(1)).ended(1, "a closed standard output")
    check("it is still there", "(2 " in hub.d2d("device", "purge", "door").stderr)


def many(hub):
    """The first one that cannot be told is the last one that is done."""
    with open("/dev/full", "wb") as full:
        Running(hub, ["device", "add", "many-1", "many-2"], full).ended(1, "a full disk")
    hub.d2d("device", "show", "many-2", status=4)
    hub.d2d("device", "rm", "many-1")


def hub_itself(hub):
    """Whoever waits for "ready" is not left to wait; the keys of a hub that was made can be had later."""
    data = os.path.join(hub.folder, "second")
    with open("/dev/full", "wb") as full:
        init = ["init", "--data", data, "--name", "localhost", "--no-context"]
        said = Running(hub, init, full, program="d2dhub").ended(1, "init")
        check("it says where they are", "d2dhub show" in said, said)
        check("the hub is made", "iothubowner" in hub.run("d2dhub", "show", "--data", data).stdout)
        run = ["run", "--data", data, "--listen", "127.0.0.1", *(f"--{p}-port=0" for p in ("mqtts", "amqps", "https"))]
        Running(hub, run, full, program="d2dhub").ended(1, "run")


def main():
    if not os.path.exists("/dev/full"):
        raise SystemExit("truth.py: there is no /dev/full")
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub(os.path.realpath(sys.argv[1]), folder)
        try:
            hub.d2d("device", "add", "door")
            for transport in ("mqtt", "amqp"):
                over = ["--transport", transport]
                for part in (listen_closed_pipe, listen_head, listen_idle, closed_at_start, listen_full_disk,
                             listen_full_mount, listen_interrupted, listen_exec, listen_auto, send_feedback):
                    part(hub, over)
            for part in (events_closed_pipe, events_idle, events_full_disk, events_exec, events_positions,
                         send_side_by_side, send_not_settled, send_not_acknowledged, rotate, printing, many,
                         hub_itself):
                part(hub)
        finally:
            hub.stop()
    print(f"{programs.passed} passed, 0 failed")


main()
