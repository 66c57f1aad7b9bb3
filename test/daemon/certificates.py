"""certificates.py BUILD: devices that show certificates, over real TLS: who comes in, who is thrown out, who tries to
resume."""
import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = sys.argv.pop(1)
CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
ACCEPTED, REFUSED = b"\x20\x02\x00\x00", b"\x20\x02\x00\x05"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise AssertionError(f"{command}: {done.returncode}: {done.stderr}")
    return done.stdout


class Certificates(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="d2d-certificates-")
        self.data = self.path("hub")
        facts = json.loads(run(f"{BUILD}/d2dhub", "init", "--data", self.data, "--name", "localhost", "--no-context",
                               "-o", "json"))
        with open(self.path("owner.cs"), "w") as f:
            f.write(facts["connection_strings"]["iothubowner"])
        self.hub = subprocess.Popen([f"{BUILD}/d2dhub", "run", "--data", self.data, "-o", "json", "--listen",
                                     "127.0.0.1", "--mqtts-port", "0", "--amqps-port", "0", "--https-port", "0"],
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.ports = {}
        for line in self.hub.stdout:
            event = json.loads(line)
            if event["event"] == "ready":
                return
            self.ports[event["protocol"]] = event["port"]
        self.fail("the hub does not start")

    def tearDown(self):
        self.hub.send_signal(signal.SIGTERM)
        self.assertEqual(self.hub.wait(10), 0)
        self.hub.stdout.close()
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def d2d(self, *args):
        return run(f"{BUILD}/d2d", *args, "--connection-string-file", self.path("owner.cs"), "--ca-file",
                   f"{self.data}/tls/ca.pem", "--https-port", str(self.ports["https"]))

    def self_signed(self, name):
        return json.loads(run(f"{BUILD}/d2d", "device", "cert", name, "--out", self.path(name), "-o", "json", "-q"))

    def authority(self, name):
        run("openssl", "req", "-x509", *CURVE, "-keyout", self.path(f"{name}-key.pem"), "-out",
            self.path(f"{name}.pem"), "-subj", f"/CN={name}", "-days", "2")
        return self.path(f"{name}.pem")

    def signed(self, authority, name):
        cert, key, request = (self.path(f"{name}{end}") for end in [".pem", "-key.pem", ".csr"])
        run("openssl", "req", *CURVE, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        run("openssl", "x509", "-req", "-in", request, "-CA", self.path(f"{authority}.pem"), "-CAkey",
            self.path(f"{authority}-key.pem"), "-days", "2", "-out", cert)
        return cert, key

    def context(self, version, cert, key):
        context = ssl.create_default_context(cafile=f"{self.data}/tls/ca.pem")
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(cert, key)
        return context

    def connect(self, context, device, session=None):
        """A TLS connection on which CONNECT was said, and what the hub answered."""
        raw = socket.create_connection(("127.0.0.1", self.ports["mqtts"]), 10)
        s = context.wrap_socket(raw, server_hostname="localhost", session=session)

        def text(t):
            return struct.pack(">H", len(t)) + t.encode()
        body = text("MQTT") + b"\x04\x82\x00\x3c" + text(device) + text(f"localhost/{device}/?api-version=2021-04-12")
        s.sendall(bytes([0x10, len(body)]) + body)
        return s, s.recv(4)

    def ends(self, s):
        """How long it takes the hub to end this connection."""
        began = time.monotonic()
        s.settimeout(5)
        try:
            while s.recv(100):
                pass
        except (ConnectionError, ssl.SSLError):
            pass
        return time.monotonic() - began

    def comes_and_goes(self, version, device, cert, key, throw_out):
        context = self.context(version, cert, key)
        s, answer = self.connect(context, device)
        self.assertEqual(answer, ACCEPTED)
        throw_out()
        self.assertLess(self.ends(s), 1)
        session = s.session
        s.close()
        for resumed in [session, None]:
            s, answer = self.connect(context, device, resumed)
            self.assertEqual(answer, REFUSED)
            self.assertFalse(s.session_reused)
            s.close()

    def test_a_new_thumbprint_throws_out_and_a_session_does_not_bring_back(self):
        for version in [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]:
            device = f"meter-{version.name}"
            made, other = self.self_signed(device), self.self_signed(f"{device}-next")
            self.d2d("device", "add", device, "--x509-thumbprint", made["thumbprint"])
            self.comes_and_goes(version, device, made["certFile"], made["keyFile"],
                                lambda: self.d2d("device", "auth", device, "--x509-thumbprint", other["thumbprint"]))
            s, answer = self.connect(self.context(version, other["certFile"], other["keyFile"]), device)
            self.assertEqual(answer, ACCEPTED)
            s.close()

    def test_an_authority_that_goes_throws_out_and_a_session_does_not_bring_back(self):
        for version in [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]:
            name, device = f"ca-{version.name}", f"pump-{version.name}"
            added = json.loads(self.d2d("ca", "add", name, self.authority(name), "-o", "json", "-q"))
            self.assertFalse(added["isVerified"])
            cert, key = self.signed(name, device)
            self.d2d("device", "add", device, "--x509-ca")
            s, answer = self.connect(self.context(version, cert, key), device)
            self.assertEqual(answer, REFUSED)
            s.close()
            proof, _ = self.signed(name, added["verificationCode"])
            self.assertTrue(json.loads(self.d2d("ca", "verify", name, proof, "-o", "json"))["isVerified"])
            self.comes_and_goes(version, device, cert, key, lambda: self.d2d("ca", "rm", name))

    def refused(self, status, *args):
        done = subprocess.run([f"{BUILD}/d2d", *args, "--connection-string-file", self.path("owner.cs"), "--ca-file",
                               f"{self.data}/tls/ca.pem", "--https-port", str(self.ports["https"])],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stderr

    def test_the_command_line_keeps_what_a_device_is_and_says_what_is_wrong(self):
        made = self.self_signed("meter")
        self.assertEqual(os.stat(made["keyFile"]).st_mode & 0o777, 0o600)
        self.d2d("device", "add", "meter", "--x509-thumbprint", made["thumbprint"].lower() + "," + "A" * 40)
        self.d2d("device", "disable", "meter")
        shown = json.loads(self.d2d("device", "show", "meter", "-o", "json"))
        self.assertEqual((shown["authentication"], shown["status"]), ("thumbprint", "disabled"))
        self.assertEqual(shown["thumbprints"], [made["thumbprint"], "A" * 40])
        self.assertEqual(self.d2d("device", "key", "meter"), "HostName=localhost;DeviceId=meter;x509=true\n")
        self.assertEqual(json.loads(self.d2d("device", "auth", "meter", "--sas", "-o", "json"))["authentication"],
                         "key")
        self.assertIn("SharedAccessKey=", self.d2d("device", "key", "meter"))
        self.assertIn("already exists", self.refused(7, "device", "cert", "meter", "--out", self.path("meter")))
        self.refused(2, "device", "cert", "meter")
        self.refused(2, "device", "add", "x", "--x509-ca", "--x509-thumbprint", "A" * 40)
        self.refused(2, "device", "add", "x", "--x509-thumbprint", "A" * 39)

        added = json.loads(self.d2d("ca", "add", "ours", self.authority("ours"), "--verified", "-o", "json"))
        self.assertTrue(added["isVerified"])
        self.assertIn("already", self.refused(7, "ca", "add", "ours", self.path("ours.pem")))
        self.assertIn("not a CA certificate", self.refused(2, "ca", "add", "other", made["certFile"]))
        self.refused(2, "ca", "add", "other", "/nowhere")
        self.assertIn("verification code first", self.refused(2, "ca", "verify", "ours", self.path("ours.pem")))
        self.assertEqual(len(self.d2d("ca", "verify", "ours", "-o", "raw")), 48 + 1)
        self.assertIn("not a proof", self.refused(2, "ca", "verify", "ours", self.path("ours.pem")))
        self.assertEqual(self.d2d("ca", "list", "-o", "raw"), "ours\n")
        self.d2d("ca", "rm", "ours")
        self.refused(4, "ca", "rm", "ours")
        self.assertEqual(self.d2d("ca", "list", "-o", "raw"), "")

    def test_who_has_no_certificate_resumes(self):
        context = ssl.create_default_context(cafile=f"{self.data}/tls/ca.pem")
        s, answer = self.connect(context, "nobody")
        self.assertEqual(answer, REFUSED)
        session = s.session
        s.close()
        s, answer = self.connect(context, "nobody", session)
        self.assertEqual(answer, REFUSED)
        self.assertTrue(s.session_reused)
        s.close()


unittest.main()
