"""service.py BUILD: what a service manager hears of the hub.

Run in a mount namespace of its own: the disk that gets stuck is a file system that is frozen."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = os.path.realpath(sys.argv.pop(1))
PORTS = ["--listen", "127.0.0.1", "--mqtts-port", "0", "--amqps-port", "0", "--https-port", "0"]
LOOK_S = 0.25


class Manager:
    """The socket that a service manager listens on, and the hub that it starts."""

    def __init__(self, folder, data, **environment):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = os.path.join(folder, "notify")
        self.socket.bind(path)
        self.log = open(os.path.join(folder, "log"), "w+")
        self.hub = subprocess.Popen([os.path.join(BUILD, "d2dhub"), "run", "--data", data, *PORTS],
                                    stdout=subprocess.DEVNULL, stderr=self.log,
                                    env={**os.environ, "NOTIFY_SOCKET": path, **environment})

    def heard_within(self, seconds):
        heard, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                heard.append(self.socket.recv(4096).decode())
            except TimeoutError:
                pass
        return heard

    def wait_for(self, message, times=1):
        self.socket.settimeout(60)
        before = []
        while times:
            got = self.socket.recv(4096).decode()
            before.append(got)
            times -= got == message
        return before

    def logged(self):
        with open(self.log.name) as f:
            return f.read()

    def wait_for_log(self, text):
        end = time.monotonic() + 60
        while text not in self.logged():
            if time.monotonic() > end:
                raise AssertionError(f"no {text} in {self.logged()}")
            time.sleep(0.05)

    def close(self):
        if self.hub.poll() is None:
            self.hub.kill()
        self.hub.wait(60)
        self.log.close()
        self.socket.close()


class Service(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="d2d-service-")
        self.disk = os.path.join(self.folder, "disk")
        os.mkdir(self.disk)
        self.data = os.path.join(self.disk, "hub")
        self.env = {**os.environ, "HOME": self.folder, "XDG_CONFIG_HOME": self.folder}
        self.manager = None

    def tearDown(self):
        subprocess.run(["fsfreeze", "--unfreeze", self.disk], capture_output=True, check=False)
        if self.manager:
            self.manager.close()
        subprocess.run(["umount", self.disk], capture_output=True, check=False)
        shutil.rmtree(self.folder)

    def run_program(self, program, *args):
        done = subprocess.run([os.path.join(BUILD, program), *args], capture_output=True, text=True, timeout=60,
                              env=self.env, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def init(self):
        self.run_program("d2dhub", "init", "--data", self.data, "--name", "localhost", "--no-context",
                         "--segment-size", "1m")

    def start(self, **environment):
        self.manager = Manager(self.folder, self.data, **environment)
        return self.manager

    def mount_a_disk(self):
        image = os.path.join(self.folder, "image")
        with open(image, "wb") as f:
            f.truncate(64 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
        made = subprocess.run(["mount", "-o", "loop", image, self.disk], capture_output=True, text=True, check=False)
        if made.returncode:
            self.skipTest(f"no file system can be mounted here that could be frozen: {made.stderr.strip()}")

    def context(self):
        shown = json.loads(self.run_program("d2dhub", "show", "--data", self.data, "-o", "json"))
        owner = os.path.join(self.folder, "owner.cs")
        with open(owner, "w") as f:
            f.write(shown["connection_strings"]["iothubowner"])
        self.run_program("d2d", "context", "add", "test", "--connection-string-file", owner,
                         "--ca-file", shown["ca_file"],
                         *(x for p in ("mqtts", "amqps", "https") for x in (f"--{p}-port", str(shown[f"{p}_port"]))))

    def test_pings_end_while_the_disk_takes_nothing_and_go_on_after(self):
        self.mount_a_disk()
        self.init()
        manager = self.start(WATCHDOG_USEC=str(int(4e6 * LOOK_S)))
        manager.wait_for("READY=1")
        manager.wait_for("WATCHDOG=1", times=4)
        self.context()
        self.run_program("d2d", "device", "add", "phone")
        subprocess.run(["fsfreeze", "--freeze", self.disk], check=True)
        send = subprocess.Popen([os.path.join(BUILD, "d2d"), "send", "--as", "phone", "--timeout", "60s", "hello"],
                                env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        manager.wait_for_log('stuck what="writing to the disk"')
        manager.heard_within(0.1)
        self.assertEqual(manager.heard_within(8 * LOOK_S), [])
        subprocess.run(["fsfreeze", "--unfreeze", self.disk], check=True)
        manager.wait_for("WATCHDOG=1", times=4)
        manager.wait_for_log('goes-on what="writing to the disk"')
        self.assertEqual(send.wait(60), 0, send.stderr.read())
        send.stderr.close()
        manager.hub.send_signal(signal.SIGTERM)
        manager.wait_for("STOPPING=1")
        self.assertEqual(manager.hub.wait(30), 0)

    def test_without_a_watchdog_there_are_no_pings(self):
        self.init()
        manager = self.start()
        manager.wait_for("READY=1")
        self.assertEqual(manager.heard_within(4 * LOOK_S), [])

    def test_a_watchdog_of_another_process_is_none_of_its_business(self):
        self.init()
        manager = self.start(WATCHDOG_USEC=str(int(4e6 * LOOK_S)), WATCHDOG_PID="1")
        manager.wait_for("READY=1")
        self.assertEqual(manager.heard_within(4 * LOOK_S), [])

    def start_slowly(self, **environment):
        self.init()
        return self.start(LD_PRELOAD=os.path.join(BUILD, "test", "slow_open.so"), **environment)

    def test_a_start_that_reads_for_long_asks_for_more_time(self):
        until = os.path.join(self.folder, "until")
        manager = self.start_slowly(D2D_WORK_UNTIL=until)
        manager.wait_for("EXTEND_TIMEOUT_USEC=30000000", times=2)
        with open(until, "w"):
            manager.wait_for("READY=1")

    def test_a_start_that_hangs_does_not(self):
        fifo = os.path.join(self.folder, "fifo")
        os.mkfifo(fifo)
        manager = self.start_slowly(D2D_WAIT_FOR=fifo)
        manager.heard_within(3)
        self.assertEqual(manager.heard_within(5), [])
        with open(fifo, "w"):
            manager.wait_for("READY=1")


unittest.main()
