"""soak_disk.py BUILD: a hub on a disk of 64 MB for D2D_SOAK_SECONDS (30): devices send, one of them as fast as it is
let, the disk is filled by others and emptied again, and the hub is killed now and then.

It is alive in the end, and each event that was acknowledged is there, from the oldest of its device that is kept on,
once and in order. Run in a mount namespace of its own."""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from killing import start  # noqa: E402
from device import Device  # noqa: E402
from peers import Site  # noqa: E402

BUILD = sys.argv[1]
SECONDS = float(os.environ.get("D2D_SOAK_SECONDS", "30"))
SEED = int(os.environ.get("D2D_SEED", str(random.randrange(1 << 32))))
NAMES = ("quick", "slow-0", "slow-1")


class Sender(threading.Thread):
    """Each event has a number, is sent once and waited for; what was not acknowledged on a connection that ended is
    given up."""

    def __init__(self, soak, name):
        super().__init__(daemon=True)
        self.soak, self.name, self.number, self.sent, self.acked = soak, name, 0, set(), []
        self.pause = 0 if name == "quick" else 0.05

    def run(self):
        while not self.soak.over:
            try:
                device = Device(self.soak.site, self.name)
                device.s.settimeout(120)
                while not self.soak.over:
                    self.number += 1
                    self.sent.add(self.number)
                    device.publish(b"x" * 3000 + b"<%d" % self.number)
                    device.is_acknowledged()
                    self.acked.append(self.number)
                    time.sleep(self.pause)
            except (OSError, AssertionError):
                time.sleep(0.05)  # it was killed; verified at the end


class Soak:
    def __init__(self):
        self.chance = random.Random(SEED)
        self.folder = tempfile.mkdtemp(prefix="d2d-soak-")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", self.folder], check=True)
        self.data, self.over, self.process = os.path.join(self.folder, "hub"), False, None
        subprocess.run([os.path.join(BUILD, "d2dhub"), "init", "--data", self.data, "--name", "localhost",
                        "--no-context", "--device-bytes-per-day", "1000g"], check=True, stdout=subprocess.DEVNULL)
        self.start()
        self.site.add(list(NAMES))
        self.senders = [Sender(self, name) for name in NAMES]

    def start(self):
        self.process, ports = start(os.path.join(BUILD, "d2dhub"), self.data)
        self.site = Site(self.data, ports)

    def kill(self, how):
        self.process.send_signal(how)
        status = self.process.wait(60)
        self.process.stdout.close()
        return status

    def fill(self):
        with open(os.path.join(self.folder, "filler"), "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(65536))
            except OSError:
                pass

    def turn(self):
        """Something happens to the hub, and it goes on."""
        what = self.chance.randrange(3)
        if what == 0:
            self.fill()
        elif what == 1 and os.path.exists(os.path.join(self.folder, "filler")):
            os.remove(os.path.join(self.folder, "filler"))
        elif what == 2:
            self.kill(signal.SIGKILL)
            self.start()
        time.sleep(self.chance.random() * 4)
        assert self.process.poll() is None, "the hub ended"

    def run(self):
        for sender in self.senders:
            sender.start()
        end, turns = time.monotonic() + SECONDS, 0
        while time.monotonic() < end:
            self.turn()
            turns += 1
        if os.path.exists(os.path.join(self.folder, "filler")):
            os.remove(os.path.join(self.folder, "filler"))
        before = [len(s.acked) for s in self.senders]
        until = time.monotonic() + 60
        while any(len(s.acked) == n for s, n in zip(self.senders, before)):
            assert time.monotonic() < until, "a device gets nothing through any more"
            time.sleep(0.05)
        self.over = True
        for sender in self.senders:
            sender.join(130)
        assert self.kill(signal.SIGTERM) == 0
        self.verify(turns)

    def verify(self, turns):
        stored = {name: [] for name in NAMES}
        lines = subprocess.run([os.path.join(BUILD, "test", "kill9_store"), "events", self.data], check=True,
                               capture_output=True, text=True).stdout.splitlines()
        for line in lines:
            name, number = line.split()
            stored[name].append(int(number))
        for s in self.senders:
            got = stored[s.name]
            lost = {n for n in s.acked if got and n >= got[0]} - set(got)
            assert got, f"{s.name}: nothing is kept"
            assert not lost, f"{s.name}: acknowledged and lost: {sorted(lost)[:10]}"
            assert set(got) <= s.sent and got == sorted(set(got)), f"{s.name}: twice, out of order or never sent"
        print(f"{SECONDS:.0f} s on a disk of 64 MB, {turns} times filled, emptied or killed: "
              f"{sum(len(s.acked) for s in self.senders)} events acknowledged, {len(lines)} kept, "
              "none lost, none twice")

    def close(self):
        self.over = True
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        subprocess.run(["umount", "--lazy", self.folder], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    soak = Soak()
    try:
        soak.run()
    except BaseException:
        print(f"seed {SEED}", file=sys.stderr)
        raise
    finally:
        soak.close()


main()
