"""What the tests of the command line share: programs with an output of our choice, and what is checked about them."""
import fcntl
import os
import resource
import select
import signal
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "daemon"))
from started import Hub  # pylint: disable=wrong-import-position,unused-import

LIMIT_S = 60  # of a program that hangs
passed = 0


def check(what, good, seen=""):
    global passed
    if not good:
        raise AssertionError(f"{what}: {seen}")
    passed += 1


def poll_until(what, done):
    end = time.monotonic() + LIMIT_S
    while not done():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.01)


class Running:
    """A program with a standard output of our choice."""

    def __init__(self, hub, args, stdout, *, program="d2d", prepare=None, stdin=subprocess.DEVNULL):
        self.args = args
        self.errors, errors = os.pipe()  # no file: some of these programs may write none
        os.set_blocking(self.errors, False)
        self.told = b""
        self.process = subprocess.Popen([os.path.join(hub.build, program), *args], stdin=stdin, stdout=stdout,
                                        stderr=errors, env=hub.env, preexec_fn=prepare)
        os.close(errors)

    def said(self):
        try:
            while more := os.read(self.errors, 4096):
                self.told += more
        except BlockingIOError:
            pass
        return self.told.decode()

    def ended(self, wanted, what):
        got = self.process.wait(LIMIT_S)
        check(f"{what}: {' '.join(self.args)} ends with {wanted}", got == wanted, f"{got}\n{self.said()}")
        said = self.said()
        os.close(self.errors)
        return said


class Pipe:
    """A reader that takes exactly what it is told to."""

    def __init__(self):
        self.reader, self.writer = os.pipe()

    def start(self, hub, *args, **options):
        running = Running(hub, args, self.writer, **options)
        os.close(self.writer)
        return running

    def line(self):
        got = b""
        while not got.endswith(b"\n"):
            ready, _, _ = select.select([self.reader], [], [], LIMIT_S)
            one = os.read(self.reader, 1) if ready else b""
            if not one:
                raise AssertionError(f"no line, but {got}")
            got += one
        return got.decode().rstrip("\n")

    def waits(self):
        count = bytearray(4)
        fcntl.ioctl(self.reader, termios.FIONREAD, count)
        return int.from_bytes(count, sys.byteorder) > 0

    def close(self):
        os.close(self.reader)


def small_file():
    """The disk is full after so many bytes: the write that does not fit fails."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (11, 11))


def lines_of(path):
    """Whole lines; what was cut off by the full disk was never said to be there."""
    with open(path, "rb") as f:
        return [line.decode().rstrip("\n") for line in f.read().splitlines(True) if line.endswith(b"\n")]


def into_full_disk(hub, *args, status=1):
    with open("/dev/full", "wb") as full:
        said = Running(hub, args, full).ended(status, "a full disk")
    check(f"{args}: it says why", "standard output cannot be written: No space left" in said, said)
    return said


def to_closed_pipe(hub, *args, status=1):
    pipe = Pipe()
    pipe.close()
    return pipe.start(hub, *args).ended(status, "a closed pipe")
