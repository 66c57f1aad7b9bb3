"""owner.py D2DHUB: whose the data folder is.

Root makes and mends a hub for the user whose folder it is; nobody needs root to run it."""
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

HUB = sys.argv.pop(1)
PORTS = ["--listen", "127.0.0.1", "--mqtts-port", "0", "--amqps-port", "0", "--https-port", "0"]
USER = pwd.getpwnam("nobody")


def d2dhub(*args, **options):
    return subprocess.run([HUB, *args], capture_output=True, text=True, timeout=60, check=False, **options)


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="d2d-owner-")
        os.chmod(self.folder, 0o755)
        self.data = os.path.join(self.folder, "hub")

    def tearDown(self):
        shutil.rmtree(self.folder)


class Empty(Folder):
    def test_without_a_hub_run_says_what_to_do_and_makes_nothing(self):
        os.mkdir(self.data)
        run = d2dhub("run", "--data", self.data, *PORTS)
        self.assertEqual(run.returncode, 4, run.stderr)
        self.assertIn(f"d2dhub init --data {self.data} --name HOST", run.stderr)
        self.assertEqual(os.listdir(self.data), [])


@unittest.skipUnless(os.geteuid() == 0, "needs root")
class Owner(Folder):
    def init(self, *args):
        made = d2dhub("init", "--data", self.data, "--name", "localhost", "--no-context", "--segment-size", "1m", *args)
        self.assertEqual(made.returncode, 0, made.stderr)

    def init_in_folder_of_user(self):
        os.mkdir(self.data, 0o700)
        os.chown(self.data, USER.pw_uid, USER.pw_gid)
        self.init()

    def run_until_ready(self, **options):
        program = shutil.copy(HUB, self.folder)  # root may have built it in a folder that the user cannot enter
        hub = subprocess.Popen([program, "run", "--data", self.data, "-o", "json", *PORTS], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, **options)
        ready = any(json.loads(line)["event"] == "ready" for line in hub.stdout)
        with open(f"/proc/{hub.pid}/status") as status:
            user = next(line.split()[1] for line in status if line.startswith("Uid:"))
        hub.send_signal(signal.SIGTERM)
        said = hub.communicate(timeout=30)[1]
        self.assertTrue(ready, said)
        self.assertEqual(hub.returncode, 0, said)
        return int(user)

    def everything_is_the_users(self):
        for folder, _, files in os.walk(self.data):
            for path in [folder, *(os.path.join(folder, f) for f in files)]:
                st = os.lstat(path)
                self.assertEqual((st.st_uid, st.st_gid), (USER.pw_uid, USER.pw_gid), path)

    def test_what_root_makes_in_a_users_folder_is_the_users_and_the_user_can_run_it(self):
        self.init_in_folder_of_user()
        self.everything_is_the_users()
        self.assertEqual(self.run_until_ready(user=USER.pw_uid, group=USER.pw_gid, extra_groups=[]), USER.pw_uid)

    def test_the_user_that_init_is_told_gets_the_folder_and_run_becomes_that_user(self):
        self.init("--user", "nobody")
        self.everything_is_the_users()
        self.assertEqual(self.run_until_ready(), USER.pw_uid)

    def test_run_as_root_becomes_the_owner_and_gives_back_what_was_roots(self):
        self.init_in_folder_of_user()
        for folder, _, files in os.walk(os.path.join(self.data, "log")):
            for f in files:
                os.chown(os.path.join(folder, f), 0, 0)
        self.assertEqual(self.run_until_ready(), USER.pw_uid)
        self.everything_is_the_users()

    def test_files_elsewhere_stay_roots_whatever_the_owner_linked_to(self):
        self.init_in_folder_of_user()
        other = os.path.join(self.folder, "other")
        with open(other, "w"):
            os.symlink(other, os.path.join(self.data, "tls", "soft"))
            os.link(other, os.path.join(self.data, "tls", "hard"))
            os.symlink(self.folder, os.path.join(self.data, "folder"))
        self.assertEqual(self.run_until_ready(), USER.pw_uid)
        self.assertEqual(os.stat(other).st_uid, 0)
        self.assertEqual(os.stat(self.folder).st_uid, 0)

    def test_check_as_root_leaves_nothing_of_roots(self):
        self.init_in_folder_of_user()
        shutil.rmtree(os.path.join(self.data, "log"))
        os.mkdir(os.path.join(self.data, "log"), 0o700)
        os.chown(os.path.join(self.data, "log"), USER.pw_uid, USER.pw_gid)
        d2dhub("check", "--data", self.data)
        self.everything_is_the_users()

    def test_a_user_that_is_not_there_is_named(self):
        wrong = d2dhub("init", "--data", self.data, "--name", "localhost", "--no-context", "--user", "nemo")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("nemo", wrong.stderr)
        self.assertFalse(os.path.exists(self.data))


unittest.main()
