"""unread.py BUILD: standard error is a pipe that is not read: the hub serves, obeys and ends all the same, and tells
how many lines are missing once it is read again."""
import fcntl
import json
import os
import re
import select
import shutil
import signal
import sys
import tempfile
import time
import unittest

from peers import Site, connect_once
from started import Hub

BUILD = os.path.abspath(sys.argv.pop(1))
PIPE = 4096  # the smallest that there is
LONG = "n" * 100


class Unread(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="d2d-unread-")
        self.end, stderr = os.pipe()
        fcntl.fcntl(stderr, fcntl.F_SETPIPE_SZ, PIPE)
        os.set_blocking(self.end, False)
        self.hub = Hub(BUILD, self.folder, "--segment-size", "1m", stderr=stderr)
        os.close(stderr)
        self.site = Site(self.hub.data, self.hub.ports)

    def tearDown(self):
        self.site.https.close()
        if self.hub.process.poll() is None:
            self.hub.process.kill()
            self.hub.process.wait()
        self.hub.process.stdout.close()
        self.hub.log.close()
        os.close(self.end)
        shutil.rmtree(self.folder)

    def change(self, times):
        """So many lines that are never left out, each longer than 200 bytes."""
        for _ in range(times):
            for mode in ("create", "delete"):
                entries = [{"id": f"{LONG}-{i}", "importMode": mode} for i in range(100)]
                status, body = self.site.ask("POST", "/devices", json.dumps(entries))
                self.assertEqual(status, 200, body)
        return times * 200

    def waiting(self):
        """What is in the pipe."""
        return select.select([self.end], [], [], 0)[0] and int.from_bytes(
            fcntl.ioctl(self.end, 0x541B, bytes(4)), sys.byteorder)  # FIONREAD

    def read_until(self, wanted):
        """The lines up to one that matches."""
        got = b""
        until = time.monotonic() + 60
        while not re.search(wanted, got):
            self.assertLess(time.monotonic(), until, got[-2000:])
            if select.select([self.end], [], [], 1)[0]:
                more = os.read(self.end, 1 << 16)
                self.assertTrue(more, got[-2000:])
                got += more
        return got.decode().splitlines()

    def serves(self):
        key = self.site.add(["phone"])
        connect_once(self.site, "phone", key).close()
        self.hub.d2d("send", "--as", "phone", "hello")

    def test_it_serves_obeys_and_ends(self):
        self.hub.d2d("device", "add", "phone")
        self.change(1)
        self.assertGreater(self.waiting(), PIPE / 2)
        self.serves()
        with open(os.path.join(self.hub.data, "d2dhub.ini"), "a") as f:
            f.write("\ncolour = blue\n")
        for _ in range(3):
            self.hub.process.send_signal(signal.SIGHUP)
        self.serves()
        self.assertEqual(self.hub.stop(), 0)

    def test_what_is_missing_is_counted_and_what_comes_then_is_there(self):
        made = self.change(20)
        self.serves()
        lines = self.read_until(rb"log-lines-dropped count=\d+ .*\n")
        dropped = int(re.search(r"log-lines-dropped count=(\d+)", "\n".join(lines)).group(1))
        there = sum("audit change=" in line and LONG in line for line in lines)
        self.assertGreater(there, 500)
        self.assertGreater(dropped, 500)
        self.assertLessEqual(made - there, dropped)
        self.assertLess(dropped, made - there + 100)  # besides audit lines, others were missing too
        self.assertFalse([line for line in lines if not re.match(r"(time=\S+ )?level=(warn|info) ", line)])
        self.change(1)
        self.read_until(rf"change=device-deleted .*device={LONG}-99".encode())
        self.hub.process.send_signal(signal.SIGTERM)
        lines = self.read_until(rb"stopped status=0\n")
        self.assertFalse([line for line in lines if "log-lines-dropped" in line])
        self.assertEqual(self.hub.process.wait(30), 0)

    def test_the_reason_of_a_configuration_that_is_not_taken_is_a_line_of_the_log(self):
        with open(os.path.join(self.hub.data, "d2dhub.ini"), "a") as f:
            f.write("\ncolour = blue\n")
        self.hub.process.send_signal(signal.SIGHUP)
        line = self.read_until(rb"configuration-not-reloaded.*\n")[-1]
        self.assertRegex(line,
                         r"^time=\S+ level=error configuration-not-reloaded file=\S+ "
                         r'reason=".*there is no key .*colour')


unittest.main()
