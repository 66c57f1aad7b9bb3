"""daemon.py D2DHUB: the program itself, started as an operator does: init, run, check, show, signals, wrong
configuration."""
import json
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

HUB = sys.argv.pop(1)
PORTS = ["--listen", "127.0.0.1", "--mqtts-port", "0", "--amqps-port", "0", "--https-port", "0"]


def d2dhub(*args, program=HUB, **options):
    return subprocess.run([program, *args], capture_output=True, text=True, timeout=60, **options)


class Daemon(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="d2d-daemon-")
        self.data = os.path.join(self.folder, "hub")
        self.hubs = []
        made = d2dhub("init", "--data", self.data, "--name", "localhost", "--no-context", "-o", "json",
                      "--segment-size", "1m")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.facts = json.loads(made.stdout)

    def tearDown(self):
        for hub in self.hubs:
            if hub.poll() is None:
                hub.kill()
            hub.wait()
            hub.stdout.close()
        shutil.rmtree(self.folder)

    def start(self, *args):
        hub = subprocess.Popen([HUB, "run", "--data", self.data, "-o", "json", *PORTS, *args], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
        self.hubs.append(hub)
        ports = {}
        for line in hub.stdout:
            event = json.loads(line)
            if event["event"] == "ready":
                return hub, ports
            ports[event["protocol"]] = event["port"]
        self.fail(f"ended with {hub.wait()} before it was ready")

    def connect(self, port, rsa=False):
        context = ssl.create_default_context(cafile=os.path.join(self.data, "tls", "ca.pem"))
        if rsa:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
        raw = socket.create_connection(("127.0.0.1", port), 10)
        return context.wrap_socket(raw, server_hostname="localhost")

    def stop(self, hub):
        hub.send_signal(signal.SIGTERM)
        self.assertEqual(hub.wait(10), 0)

    def test_init_refuses_an_existing_hub(self):
        again = d2dhub("init", "--data", self.data, "--name", "localhost", "--no-context")
        self.assertEqual(again.returncode, 7)
        self.assertIn("already", again.stderr)

    def test_show_tells_the_real_ports_of_a_running_hub_and_the_same_keys_after_a_restart(self):
        for _ in range(2):
            hub, ports = self.start()
            shown = json.loads(d2dhub("show", "--data", self.data, "-o", "json").stdout)
            self.assertEqual(shown["mqtts_port"], ports["mqtts"])
            self.assertEqual(shown["connection_strings"], self.facts["connection_strings"])
            self.stop(hub)

    def test_secrets_are_for_the_owner_only(self):
        for path in ["", "hub.json", "tls/ca-key.pem", "tls/server-key.pem", "tls/server-rsa-key.pem", "log", "state"]:
            self.assertEqual(os.stat(os.path.join(self.data, path)).st_mode & 0o077, 0, path)

    def days_left(self, port, rsa=False):
        with self.connect(port, rsa) as s:
            return (ssl.cert_time_to_seconds(s.getpeercert()["notAfter"]) - time.time()) / 86400

    def test_a_certificate_near_its_end_is_renewed_at_the_start_and_the_authority_stays(self):
        subprocess.run([os.path.join(os.path.dirname(HUB), "test", "old_cert"), self.data], check=True)
        with open(os.path.join(self.data, "tls", "ca.pem")) as f:
            authority = f.read()
        hub, ports = self.start()
        self.assertGreater(self.days_left(ports["https"]), 300)
        with open(os.path.join(self.data, "tls", "ca.pem")) as f:
            self.assertEqual(f.read(), authority)
        self.stop(hub)

    def tls(self, name):
        return os.path.join(self.data, "tls", name)

    def test_a_folder_with_one_certificate_gets_the_other_at_the_start(self):
        with open(self.tls("server.pem")) as f:
            first = f.read()
        os.remove(self.tls("server-rsa.pem"))
        os.remove(self.tls("server-rsa-key.pem"))
        hub, ports = self.start()
        self.assertGreater(self.days_left(ports["https"], rsa=True), 300)
        with open(self.tls("server.pem")) as f:
            self.assertEqual(f.read(), first)
        self.stop(hub)
        checked = d2dhub("check", "--data", self.data, *PORTS)
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertIn("server-rsa.pem", checked.stdout)

    def test_without_the_key_of_its_authority_a_hub_goes_on_with_the_certificate_that_it_has(self):
        for name in ["ca-key.pem", "server-rsa.pem", "server-rsa-key.pem"]:
            os.remove(self.tls(name))
        hub, ports = self.start()
        self.assertGreater(self.days_left(ports["https"]), 300)
        with self.assertRaises(ssl.SSLError):
            self.connect(ports["https"], rsa=True)
        self.stop(hub)

    def test_certificates_of_the_operator_are_served_by_kind(self):
        given = []
        for option, kind in [("", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]), ("other-", ["rsa:2048"])]:
            cert, key = (os.path.join(self.folder, f"{option}{end}.pem") for end in ["cert", "key"])
            subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", *kind, "-keyout", key, "-out", cert,
                            "-subj", "/CN=own", "-addext", "subjectAltName=DNS:localhost", "-days", "2"], check=True,
                           capture_output=True)
            given += [f"--{option}cert-file", cert, f"--{option}key-file", key]
        hub, ports = self.start(*given)
        with open(self.tls("ca.pem"), "w") as both:
            for name in ["cert.pem", "other-cert.pem"]:
                with open(os.path.join(self.folder, name)) as f:
                    both.write(f.read())
        for rsa in [False, True]:
            self.assertLess(self.days_left(ports["https"], rsa), 3)
        self.stop(hub)

    def test_a_second_hub_on_the_folder_is_refused(self):
        self.start()
        second = d2dhub("run", "--data", self.data, *PORTS)
        self.assertEqual(second.returncode, 1)
        self.assertEqual(d2dhub("check", "--data", self.data, *PORTS).returncode, 0)

    def test_a_port_in_use_is_told_with_the_remedy(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            args = ["--data", self.data, *PORTS, "--mqtts-port", port]
            run, check = d2dhub("run", *args), d2dhub("check", *args)
        self.assertEqual((run.returncode, check.returncode), (1, 1))
        self.assertIn("--mqtts-port", run.stderr)
        self.assertIn(f"process {os.getpid()}", check.stdout)

    def check(self, *more, status=0, **options):
        """{"name localhost": ("ok", remedy), ...}"""
        done = d2dhub("check", "--data", self.data, "-o", "json", *PORTS, *more, **options)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return {c["check"]: (c["result"], c.get("remedy", "")) for c in map(json.loads, done.stdout.splitlines())}

    def of(self, found, start):
        return next(v for k, v in found.items() if k.startswith(start))

    def certificate(self, name, days, *more):
        made = [os.path.join(self.folder, f"{name}.pem"), os.path.join(self.folder, f"{name}-key.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-out", made[0], "-keyout", made[1], "-subj", f"/CN={name}",
                        "-addext", f"subjectAltName=DNS:{name}", "-days", str(days), *more],
                       check=True, capture_output=True)
        return made

    def test_certificates_near_their_end_are_told_a_month_before(self):
        found = self.check()
        self.assertEqual({v for k, v in found.items() if k.startswith("certificate")}, {("ok", "")})
        shutil.copy(self.certificate("localhost", 20)[0], os.path.join(self.data, "tls", "ca.pem"))
        verdict, remedy = self.of(self.check(), "certificate authority (CA)")
        self.assertEqual(verdict, "warning")
        self.assertRegex(remedy, r"it expires on 20\d\d-\d\d-\d\d: .*another CA")
        for days, result, status in [(40, "ok", 0), (20, "warning", 0), (-1, "problem", 1)]:
            with self.subTest(days=days):
                cert, key = self.certificate("localhost", days) if days > 0 else self.expired()
                verdict, remedy = self.of(self.check("--cert-file", cert, "--key-file", key, status=status),
                                          "certificate /")
                self.assertEqual(verdict, result)
                self.assertTrue(result == "ok" or "renew it" in remedy, remedy)

    def expired(self):
        """A certificate that has expired."""
        cert, key = self.certificate("localhost", 10)
        request, settings = os.path.join(self.folder, "old.csr"), os.path.join(self.folder, "old.cnf")
        with open(settings, "w", encoding="ascii") as f:
            f.write("[ca]\ndefault_ca=old\n"
                    "[old]\nrand_serial=yes\ndefault_md=sha256\npolicy=any\nx509_extensions=names\n"
                    f"database={self.folder}/old.db\nnew_certs_dir={self.folder}\n"
                    "[any]\ncommonName=supplied\n[names]\nsubjectAltName=DNS:localhost\n")
        with open(os.path.join(self.folder, "old.db"), "w", encoding="ascii"):
            pass
        for command in (["req", "-new", "-key", key, "-subj", "/CN=localhost", "-out", request],
                        ["ca", "-batch", "-selfsign", "-config", settings, "-keyfile", key, "-in", request, "-notext",
                         "-startdate", "20200101000000Z", "-enddate", "20200201000000Z", "-out", cert]):
            subprocess.run(["openssl", *command], check=True, capture_output=True)
        return cert, key

    def test_a_name_that_leads_elsewhere_is_told(self):
        self.assertEqual(self.check()["name localhost"], ("ok", ""))
        found = self.check("--name", "hub..invalid", "--listen", "0.0.0.0", status=1)["name hub..invalid"]
        self.assertEqual(found[0], "warning")
        self.assertRegex(found[1], r"does not resolve.*/etc/hosts")
        self.assertEqual(self.check("--name", "127.0.0.1", "--listen", "0.0.0.0")["name 127.0.0.1"][0], "warning")
        self.assertIn("only this computer",
                      self.check("--name", "127.0.0.1", "--listen", "0.0.0.0")["name 127.0.0.1"][1])

    @unittest.skipUnless(os.geteuid() == 0, "only root can become an ordinary user")
    def test_an_ordinary_user_is_told_what_he_may_not(self):
        nobody = pwd.getpwnam("nobody")
        os.chmod(self.folder, 0o755)
        copy = shutil.copy(HUB, self.folder)  # where it was built may be closed to others
        as_nobody = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "program": copy,
                     "cwd": self.folder}
        closed = d2dhub("check", "--data", self.data, **as_nobody)
        self.assertEqual(closed.returncode, 2)
        self.assertIn("use sudo", closed.stderr)
        for path, folders, files in os.walk(self.data):
            for name in [".", *folders, *files]:
                os.chmod(os.path.join(path, name), 0o755)
        found = self.check("--amqps-port", "671", "--https-port", "443", status=1, **as_nobody)
        self.assertRegex(self.of(found, "data folder")[1], "belongs to root: .*sudo")
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as f:
            if int(f.read()) <= 443:
                self.skipTest("every user may open every port here")
        self.assertEqual(found["amqps port 671"][0], "problem")
        self.assertEqual(found["https port 443"][0], "warning")
        self.assertRegex(found["https port 443"][1], "below 1024: 8443 is used.*sudo setcap .*d2dhub")

    def test_an_unknown_key_is_named_with_its_line(self):
        with open(os.path.join(self.data, "d2dhub.ini"), "w") as ini:
            ini.write("name = localhost\ncolour = blue\n")
        run = d2dhub("run", "--data", self.data, *PORTS)
        self.assertEqual(run.returncode, 2)
        self.assertIn("d2dhub.ini:2: there is no key \"colour\"", run.stderr)

    def test_sighup_brings_a_new_certificate_and_open_connections_stay(self):
        hub, ports = self.start()
        other = os.path.join(self.folder, "other")
        self.assertEqual(d2dhub("init", "--data", other, "--name", "localhost", "--no-context").returncode, 0)
        before = self.connect(ports["mqtts"])
        first = before.getpeercert(True)
        for name in ["ca.pem", "server.pem", "server-key.pem", "server-rsa.pem", "server-rsa-key.pem"]:
            shutil.copy(os.path.join(other, "tls", name), os.path.join(self.data, "tls", name))
        hub.send_signal(signal.SIGHUP)
        for _ in range(1000):
            try:
                with self.connect(ports["mqtts"]) as after:
                    self.assertNotEqual(after.getpeercert(True), first)
                break
            except ssl.SSLCertVerificationError:
                continue
        else:
            self.fail("the new certificate never came")
        before.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            before.recv(1)
        before.close()
        self.stop(hub)

    def test_help_begins_with_examples_and_a_near_miss_is_suggested(self):
        for command in ["init", "run", "check", "show", "backup", "restore"]:
            told = d2dhub(command, "--help")
            self.assertEqual(told.returncode, 0)
            self.assertTrue(told.stdout.startswith(f"  d2dhub {command}"), told.stdout[:80])
        miss = d2dhub("chekc")
        self.assertEqual(miss.returncode, 2)
        self.assertIn('did you mean "check"', miss.stderr)


unittest.main()
