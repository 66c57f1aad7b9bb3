"""contexts.py BUILD: the context that `d2dhub init` writes for whoever typed it, how it follows the hub, and who can
read what."""
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import unittest

BUILD = os.path.abspath(sys.argv.pop(1))
ANY = ["--listen", "127.0.0.1", "--mqtts-port", "0", "--amqps-port", "0", "--https-port", "0"]
ROOT = os.geteuid() == 0


def ordinary():
    """A user of this computer who is not root."""
    return next(u for u in pwd.getpwall() if u.pw_uid >= 1 and u.pw_name in ("nobody", "daemon"))


class Contexts(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="d2d-contexts-")
        os.chmod(self.folder, 0o755)
        self.home = os.path.join(self.folder, "home")
        os.mkdir(self.home)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "SUDO_", "D2D"))}
        self.env["HOME"] = self.home
        self.hubs = []

    def tearDown(self):
        for hub in self.hubs:
            self.stop(hub)
        shutil.rmtree(self.folder)

    def run_one(self, program, *args, status=0, user=None, **env):
        path = os.path.join(BUILD, program)
        if user:  # where it was built may be closed to others
            path = shutil.copy(path, self.folder)
        done = subprocess.run([path, *args], capture_output=True, text=True, timeout=60,
                              env={**self.env, **env}, user=user and user.pw_uid, group=user and user.pw_gid,
                              extra_groups=[] if user else None, cwd=self.folder, check=False)
        self.assertEqual(done.returncode, status, f"{program} {args}: {done.stdout} {done.stderr}")
        return done

    def init(self, data, name, *more, **env):
        return self.run_one("d2dhub", "init", "--data", os.path.join(self.folder, data), "--name", name,
                            "--segment-size", "1m", *more, **env)

    def start(self, data, *ports):
        hub = subprocess.Popen([os.path.join(BUILD, "d2dhub"), "run", "--data", os.path.join(self.folder, data),
                                "-o", "json", *(ports or ANY)],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               env=self.env)
        self.hubs.append(hub)
        found = {}
        for line in hub.stdout:
            event = json.loads(line)
            if event["event"] == "ready":
                return hub, found
            found[event["protocol"]] = event["port"]
        self.fail(f"ended with {hub.wait()}")

    def stop(self, hub):
        if hub.poll() is None:
            hub.send_signal(signal.SIGTERM)
            hub.wait(20)
        hub.stdout.close()

    def config(self, *below, home=None):
        return os.path.join(home or self.home, ".config", "d2d", *below)

    def context(self, name, home=None):
        with open(self.config("contexts", name + ".json", home=home)) as f:
            return json.load(f)

    def current(self, home=None):
        with open(self.config("current", home=home)) as f:
            return f.read().strip()

    def test_the_context_follows_the_ports_of_the_hub_each_time(self):
        self.init("hub", "localhost")
        self.assertEqual(self.context("localhost")["https_port"], 443)
        for _ in range(2):
            hub, ports = self.start("hub")
            context = self.context("localhost")
            self.assertEqual([context[p + "_port"] for p in ("mqtts", "amqps", "https")],
                             [ports[p] for p in ("mqtts", "amqps", "https")])
            self.assertIn(f":{ports['amqps']}/", context["event_hub_connection_string"])
            self.stop(hub)

    def test_the_command_line_reaches_the_hub_before_its_name_means_anything(self):
        self.init("hub", "hub.nowhere.example")
        self.start("hub")
        self.run_one("d2d", "device", "add", "phone")
        self.run_one("d2d", "send", "--as", "phone", "hello")
        self.run_one("d2d", "events", "--since", "earliest", "-n", "1", "--timeout", "20s")
        self.assertIn("BEGIN CERTIFICATE", self.run_one("d2dhub", "show", "--ca").stdout)
        self.run_one("d2d", "device", "list", "--address", "127.0.0.2", "--https-port", "1", status=5)

    def test_an_ordinary_context_made_by_hand_keeps_its_authority(self):
        self.init("hub", "localhost", "--no-context")
        facts, owner = os.path.join(self.folder, "hub", "hub.json"), os.path.join(self.folder, "owner.cs")
        with open(facts) as f, open(owner, "w") as out:
            out.write(json.load(f)["connection_strings"]["iothubowner"])
        self.run_one("d2d", "context", "add", "mine", "--connection-string-file", os.path.join(self.folder, "owner.cs"),
                     "--ca-file", os.path.join(self.folder, "hub", "tls", "ca.pem"))
        _, ports = self.start("hub")
        self.assertEqual(self.context("mine")["https_port"], ports["https"])
        self.assertEqual(self.context("mine")["ca_file"], os.path.join(self.folder, "hub", "tls", "ca.pem"))

    def test_hubs_of_one_first_name_have_a_context_each(self):
        for data, name in [("a", "hub.one.example"), ("b", "hub.two.example"), ("c", "hub.two.example")]:
            self.init(data, name)
        names = ["hub", "hub.two.example", "hub.two.example-2"]
        self.assertEqual(sorted(f for f in os.listdir(self.config("contexts")) if f.endswith(".json")),
                         sorted(n + ".json" for n in names))
        for data, name in zip("abc", names):
            with open(os.path.join(self.folder, data, "hub.json")) as f:
                owner = json.load(f)["connection_strings"]["iothubowner"]
            self.assertEqual(self.context(name)["connection_string"], owner)
        self.assertEqual(self.current(), "hub")

    def test_the_context_of_a_hub_that_is_gone_is_replaced_and_that_is_said(self):
        self.init("hub", "hub.one.example")
        first = self.context("hub")["connection_string"]
        shutil.rmtree(os.path.join(self.folder, "hub"))
        self.assertIn("it replaces that of", self.init("hub", "hub.one.example").stderr)
        self.assertNotEqual(self.context("hub")["connection_string"], first)
        self.assertEqual(os.listdir(self.config("contexts")).count("hub.json"), 1)

    def test_a_context_that_is_removed_takes_its_authority_along(self):
        self.init("hub", "localhost")
        self.run_one("d2d", "context", "rm", "localhost")
        self.assertEqual(os.listdir(self.config("contexts")), [])

    def check_private(self, user, home):
        for path in [self.config(home=home), self.config("contexts", home=home), self.config("current", home=home),
                     self.config("contexts", "localhost.json", home=home),
                     self.config("contexts", "localhost.ca.pem", home=home)]:
            found = os.stat(path)
            self.assertEqual((found.st_uid, found.st_gid), (user.pw_uid, user.pw_gid), path)
            self.assertEqual(stat.S_IMODE(found.st_mode) & 0o077, 0, path)

    @unittest.skipUnless(ROOT, "only root can be behind sudo")
    def test_with_sudo_the_context_is_of_whoever_typed_it(self):
        user = ordinary()
        os.chown(self.home, user.pw_uid, user.pw_gid)
        os.chmod(self.home, 0o700)
        root = os.path.join(self.folder, "root")
        os.mkdir(root)
        sudo = {"SUDO_UID": str(user.pw_uid), "HOME": root, "XDG_CONFIG_HOME": os.path.join(self.home, ".config")}
        os.mkdir(os.path.join(self.home, ".config"))
        os.chown(os.path.join(self.home, ".config"), user.pw_uid, user.pw_gid)
        self.init("hub", "localhost", **sudo)
        self.check_private(user, self.home)
        self.assertEqual(os.listdir(root), [])
        shown = self.run_one("d2dhub", "show", "--ca", user=user)
        with open(os.path.join(self.folder, "hub", "tls", "ca.pem")) as f:
            self.assertEqual(shown.stdout, f.read())
        self.run_one("d2dhub", "show", "--ca", "--data", os.path.join(self.folder, "hub"), user=user, status=2)
        out = os.path.join(self.home, "owner.cs")
        owner = ["show", "--data", os.path.join(self.folder, "hub"), "--policy", "iothubowner"]
        self.run_one("d2dhub", *owner, "--out", out, **sudo)
        self.assertEqual((os.stat(out).st_uid, stat.S_IMODE(os.stat(out).st_mode)), (user.pw_uid, 0o600))
        with open(out) as f:
            self.assertEqual(f.read(), self.run_one("d2dhub", *owner).stdout)
        self.run_one("d2dhub", *owner, "--out", out, status=1, **sudo)
        self.run_one("d2dhub", *owner, "--out", out, "--replace", **sudo)
        self.run_one("d2dhub", *owner, "--out", os.path.join(self.folder, "owner.cs"), status=1, **sudo)
        self.assertIn("iothubowner", self.run_one("d2dhub", *owner[:-1], "owner", status=2).stderr)
        self.env.update(sudo)
        _, ports = self.start("hub")
        self.assertEqual(self.context("localhost", self.home)["https_port"], ports["https"])
        self.check_private(user, self.home)

    @unittest.skipUnless(ROOT, "only root can be behind sudo")
    def test_no_link_in_the_home_of_a_user_leads_root_anywhere(self):
        user = ordinary()
        secret = os.path.join(self.folder, "secret")
        os.mkdir(secret, 0o700)
        os.chown(self.home, user.pw_uid, user.pw_gid)
        os.mkdir(os.path.join(self.home, ".config"))
        os.symlink(secret, os.path.join(self.home, ".config", "d2d"))
        os.chown(os.path.join(self.home, ".config"), user.pw_uid, user.pw_gid)
        told = self.init("hub", "localhost", SUDO_UID=str(user.pw_uid),
                         XDG_CONFIG_HOME=os.path.join(self.home, ".config"))
        self.assertIn("no context was written", told.stderr)
        self.assertEqual(os.listdir(secret), [])


unittest.main()
