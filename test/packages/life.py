"""life.py ROOT DEBS PACKAGES: the life of the packages on a machine, which is the root, booted.

A step a line; the first that fails ends it."""
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT, DEBS, PACKAGES = sys.argv[1:]
HERE = os.path.dirname(os.path.abspath(__file__))
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
HUB_DATA = "/var/lib/d2dhub"


class Machine:
    def boot(self):
        command = [os.path.join(HERE, "boot.sh"), "--bind", DEBS, "/debs", "--bind", PACKAGES, "/packages", ROOT]
        self.booted = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        unshare = int(self.booted.stdout.readline())
        children = f"/proc/{unshare}/task/{unshare}/children"
        wait_until(lambda: open(children).read().strip(), "nothing was started")
        self.init = int(open(children).read())
        self.unshare = unshare
        wait_until(lambda: self.ask("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"),
                   "it does not boot")

    def power_off(self):
        os.kill(self.init, signal.SIGRTMIN + 4)
        self.booted.wait(90)

    def end(self):
        if self.booted.poll() is None:
            os.kill(self.unshare, signal.SIGKILL)
            self.booted.wait(30)
        self.booted.stdout.close()

    def ask(self, *command, stdin=""):
        enter = ["nsenter", "--target", str(self.init), "--mount", "--pid", "--cgroup", "--uts", "--ipc", "--net",
                 "--root", "--wd", "env", "-i", PATH, "HOME=/root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
        return subprocess.run([*enter, *command], input=stdin, capture_output=True, text=True, timeout=300,
                              check=False)

    def do(self, *command, stdin=""):
        done = self.ask(*command, stdin=stdin)
        if done.returncode:
            raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def apt(self, *args):
        return self.do("apt-get", "-q", "-y", "--no-install-recommends", *args)

    def property(self, unit, name):
        return self.do("systemctl", "show", "--property", name, "--value", unit).strip()

    def pid(self, unit):
        return int(self.property(unit, "MainPID"))

    def is_active(self, unit):
        return self.property(unit, "ActiveState") == "active"

    def journal(self, unit):
        return self.do("journalctl", "--no-pager", "--output", "cat", "--unit", unit)

    def write(self, path, text, mode=0o644):
        with open(ROOT + path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(ROOT + path, mode)


def wait_until(true, otherwise, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError(otherwise() if callable(otherwise) else otherwise)
        time.sleep(0.1)


def check(true, otherwise):
    if not true:
        raise AssertionError(otherwise)


def debs(*names):
    return [next(f"/packages/{os.path.basename(p)}" for p in glob.glob(f"{PACKAGES}/{name}_*.deb")) for name in names]


def is_new(pid):
    """The hub that runs now is another one than that with this pid, and serves."""
    wait_until(lambda: m.is_active("d2dhub") and m.pid("d2dhub") not in (0, pid), lambda: m.journal("d2dhub")[-3000:])


def rights(path):
    return m.do("stat", "--format", "%U:%G %a", path).strip()


def bodies():
    return m.do("d2d", "events", "--since", "earliest", "-n", "1", "--timeout", "30s", "-o", "raw").split()


m = Machine()


def install():
    said = m.apt("install", *debs("d2dhub", "d2d"))
    check("sudo d2dhub init --name HOST" in said, f"nothing says how to make a hub: {said[-1500:]}")
    m.do("test", "-d", HUB_DATA)
    check(rights(HUB_DATA) == "d2dhub:d2dhub 700", "the folder is not the service's")
    check(rights("/etc/d2d/listen") == "root:d2d 750", "others may look into /etc/d2d/listen")
    check(m.do("systemctl", "is-enabled", "d2dhub").strip() == "enabled", "it does not start at boot")
    check("d2d" not in m.do("systemctl", "--failed", "--no-legend"), "a service failed")


def start_without_a_hub():
    check(m.ask("systemctl", "start", "d2dhub").returncode != 0, "a start without a hub succeeds")
    said = m.journal("d2dhub")
    check("there is no hub in /var/lib/d2dhub; `sudo d2dhub init --name HOST` makes one" in said, said)
    check(m.property("d2dhub", "ActiveState") == "failed", "it is tried again and again")
    check(m.do("ls", "-A", HUB_DATA) == "", "a start without a hub leaves something")


def units_are_right():
    for unit in ("d2dhub.service", "d2d-listen@door.service"):
        said = m.ask("systemd-analyze", "verify", "--man=no", unit)
        said = [line for line in (said.stdout + said.stderr).splitlines()
                if "RestartSteps" not in line and "RestartMaxDelaySec" not in line and "/dev/console" not in line]
        check(not said, said)
    for unit, most in (("d2dhub.service", 20), ("d2d-listen@.service", 20)):
        path = m.do("systemctl", "show", "--property", "FragmentPath", "--value", unit.replace("@", "@door")).strip()
        said = m.ask("systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={most}", path)
        check(said.returncode == 0, said.stdout[-600:])
        print("     ", said.stdout.strip().splitlines()[-1])


def first_hub():
    said = m.do("d2dhub", "init", "--name", "localhost")
    check("sudo systemctl enable --now d2dhub" in said, said)
    check(m.do("find", HUB_DATA, "!", "-user", "d2dhub") == "", "something in it is not the service's")
    m.do("systemctl", "start", "d2dhub")
    check(m.do("stat", "--format", "%U", f"/proc/{m.pid('d2dhub')}").strip() == "d2dhub", "it does not run as its user")
    m.do("d2d", "device", "add", "phone")
    m.do("d2d", "send", "--as", "phone", "kept")
    check(bodies() == ["kept"], "the message is not there")
    check("https on 0.0.0.0 port 443" in m.journal("d2dhub"), f"port 443 was not to be had: {m.journal('d2dhub')}")


def roots_own():
    m.do("systemctl", "stop", "d2dhub")
    m.do("chown", "-R", "root:root", HUB_DATA)
    m.do("systemctl", "start", "d2dhub")
    check(m.do("find", HUB_DATA, "!", "-user", "d2dhub") == "", "something in it is still root's")
    check(bodies() == ["kept"], "the message is not there")


def killed():
    before = m.pid("d2dhub")
    m.do("sh", "-c", f"kill -9 {before}")
    is_new(before)
    check(bodies() == ["kept"], "the message is gone")
    m.do("systemctl", "reload", "d2dhub")
    wait_until(lambda: "certificate-reloaded" in m.journal("d2dhub"), "it does not reload")


def stuck():
    """With a watchdog of seconds: the service lives on, until it is stopped in its tracks."""
    m.do("mkdir", "-p", "/etc/systemd/system/d2dhub.service.d")
    m.write("/etc/systemd/system/d2dhub.service.d/test.conf",
            "[Service]\nWatchdogSec=2s\nTimeoutAbortSec=1s\nRestartSec=100ms\n")
    m.do("systemctl", "daemon-reload")
    m.do("systemctl", "restart", "d2dhub")
    before = m.pid("d2dhub")
    time.sleep(5)
    check(m.pid("d2dhub") == before, "it was killed though nothing is stuck")
    m.do("sh", "-c", f"kill -STOP {before}")
    is_new(before)
    check("Watchdog timeout" in m.journal("d2dhub"), "it was not the watchdog")
    m.do("rm", "-r", "/etc/systemd/system/d2dhub.service.d")
    m.do("systemctl", "daemon-reload")
    m.do("systemctl", "restart", "d2dhub")


def listen():
    m.do("d2d", "device", "add", "door", "--out", "/tmp/door.cs")
    m.do("install", "-m", "640", "-g", "d2d", "/tmp/door.cs", "/etc/d2d/listen/")
    m.do("sh", "-c", "d2dhub show --ca >/etc/d2d/listen/ca.pem")
    m.write("/etc/d2d/listen/door.conf", "D2D_OPTIONS=--connection-string-file /etc/d2d/listen/door.cs\n"
                                         "D2D_CA_FILE=/etc/d2d/listen/ca.pem\n"
                                         "D2D_EXEC=cat >>opened; id -un >>opened; echo >>opened\n")
    check(m.ask("systemctl", "start", "d2d-listen@nothing").returncode != 0, "it starts without a configuration")
    m.do("systemctl", "enable", "--now", "d2d-listen@door")
    door_opens("first")


def opened():
    path = f"{ROOT}/var/lib/d2d-listen/door/opened"
    return open(path, encoding="utf-8").read().split() if os.path.exists(path) else []


def door_opens(word):
    m.do("d2d", "send", "--to", "door", word)
    wait_until(lambda: opened()[-1:] == [f"{word}d2d"], lambda: f"{opened()} {m.journal('d2d-listen@door')[-2000:]}")


def listen_killed():
    before = m.pid("d2d-listen@door")
    m.do("sh", "-c", f"kill -9 {before}")
    door_opens("second")
    check(m.pid("d2d-listen@door") != before, "it was not started again")


def boot():
    m.power_off()
    m.boot()
    wait_until(lambda: m.is_active("d2dhub") and m.is_active("d2d-listen@door"),
               lambda: m.do("systemctl", "--failed", "--no-legend"))
    door_opens("booted")
    check(bodies() == ["kept"], "the message is gone")


def newer(name):
    """The package as a later version of it."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["dpkg-deb", "-R", glob.glob(f"{PACKAGES}/{name}_*.deb")[0], folder], check=True)
        control = os.path.join(folder, "DEBIAN/control")
        text = open(control, encoding="utf-8").read()
        version = next(line.split()[1] for line in text.splitlines() if line.startswith("Version:"))
        with open(control, "w", encoding="utf-8") as f:
            f.write(text.replace(f"Version: {version}", f"Version: {version}+1"))
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", folder, f"{PACKAGES}/later-{name}_1.deb"],
                       check=True, stdout=subprocess.DEVNULL)
    return f"later-{name}"


def upgrade():
    hub, door = m.pid("d2dhub"), m.pid("d2d-listen@door")
    m.apt("install", *debs(newer("d2dhub"), newer("d2d")))
    is_new(hub)
    wait_until(lambda: m.pid("d2d-listen@door") not in (0, door), "the old program still listens")
    check(bodies() == ["kept"], "the message is gone")
    door_opens("upgraded")


def remove():
    m.apt("remove", "d2dhub", "d2d")
    check(m.ask("sh", "-c", "cat /proc/[0-9]*/comm | grep -x -e d2d -e d2dhub").stdout == "", "something still runs")
    m.do("test", "-e", f"{HUB_DATA}/hub.json")
    m.apt("install", *debs("later-d2dhub", "later-d2d"))
    wait_until(lambda: m.is_active("d2dhub"), "what comes back with its hub does not start")
    check(bodies() == ["kept"], "the message is gone")
    door_opens("back")


def purge():
    m.apt("purge", "d2dhub", "d2d")
    elsewhere = " -o ".join(f"-path {path}" for path in ("/packages", "/debs", "/srv", "/root", "/tmp", "'*/journal'"))
    left = m.do("sh", "-c", f"find / -xdev \\( {elsewhere} \\) -prune -o \\( -name '*d2d*' -o -path '*d2d*' \\) -print")
    check(left.strip() == "", f"left after the purge: {left}")


def library():
    m.apt("install", *debs("libd2d0", "libd2d-dev"))
    m.do("sh", "-euc", "cd /tmp && cp /usr/share/doc/libd2d-dev/examples/motion-sensor.c . && "
                       "cc motion-sensor.c $(pkg-config --cflags --libs d2d) && ldd a.out | grep -q libd2d.so.0")
    m.apt("purge", "libd2d0", "libd2d-dev")


STEPS = [
    (install, "installed: enabled, with a user and folders, and a word on what to do"),
    (start_without_a_hub, "a start without a hub says what to do and is not repeated"),
    (units_are_right, "systemd has nothing to say about the units; their exposure is low"),
    (first_hub, "what root makes with init, the service serves as its user"),
    (roots_own, "a folder of root's, as from before the service was there, becomes the service's"),
    (killed, "after kill -9 it is there again, with its messages; it reloads"),
    (stuck, "the watchdog ends it when it is stuck, and only then"),
    (listen, "d2d-listen@door runs a program for a message, as its user"),
    (listen_killed, "after kill -9 it listens again"),
    (boot, "both are there after a boot"),
    (upgrade, "an upgrade restarts both and keeps what they had"),
    (remove, "removed, nothing runs; installed again, it goes on with its hub"),
    (purge, "purged, nothing is left but the users"),
    (library, "a program is built on libd2d-dev"),
]

m.boot()
try:
    for step, what in STEPS:
        begun = time.monotonic()
        try:
            step()
        except AssertionError as e:
            sys.exit(f"FAILED: {what}\n{e}")
        print(f"   ok       {what} ({time.monotonic() - begun:.0f} s)", flush=True)
finally:
    m.end()
