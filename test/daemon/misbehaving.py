"""misbehaving.py BUILD: devices that misbehave: each has its documented outcome, memory stays bounded, others go on."""
import os
import shutil
import sys
import tempfile
import time
import unittest

from peers import Site, Stranger, connect_once, crowd, sleeper, storm
from started import Hub

BUILD = sys.argv.pop(1)


class Misbehaving(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="d2d-misbehaving-")
        self.hub = Hub(BUILD, self.folder)
        self.hub.d2d("device", "add", "phone")
        self.site = Site(self.hub.data, self.hub.ports)
        self.others_go_on()
        self.before = self.hub.resident_kib()

    def tearDown(self):
        self.site.https.close()
        status = self.hub.stop()
        shutil.rmtree(self.folder)
        self.assertEqual(status, 0)

    def others_go_on(self, *how):
        self.hub.d2d("send", "--as", "phone", "still there", *how)
        self.hub.d2d("events", "--from", "phone", "--since", "earliest", "-n", "1", "--timeout", "30s")

    def grown_kib(self):
        return self.hub.resident_kib() - self.before

    def test_a_device_that_reconnects_all_the_time_has_one_seat_and_costs_nothing(self):
        last = storm(self.site, times=300)
        status, _ = self.site.ask("GET", "/devices/storm")
        self.assertEqual(status, 200)
        last.sendall(b"\xc0\x00")
        self.assertEqual(last.recv(2), b"\xd0\x00")  # the last one sits
        last.close()
        self.others_go_on()
        self.assertLess(self.grown_kib(), 32 * 1024)
        self.assertLess(len(self.hub.logged()), 1 << 20)

    def test_a_full_mailbox_refuses_and_who_never_settles_gets_a_window(self):
        s, got = sleeper(self.site)
        self.assertEqual(got, 16)
        status, body = self.site.post("sleeper", "one too many")
        self.assertEqual(status, 403)
        self.assertIn(b"DeviceMaximumQueueDepthExceeded", body)
        s.close()
        s, got = sleeper(self.site, count=0)  # all of them again
        self.assertEqual(got, 16)
        s.close()
        self.others_go_on()
        self.assertLess(self.grown_kib(), 64 * 1024)

    def test_twenty_identities_with_wrong_keys_keep_nobody_out_who_is_right(self):
        names = [f"device-{i}" for i in range(20)]
        key = self.site.add(names[:10])  # the others do not exist
        strangers = [Stranger(self.site, name) for name in names]
        began = time.monotonic()
        for turn in range(20):
            for one in strangers:
                one.tries_again()
            # From the same address, in the same names, at the same time: over MQTT and HTTPS, and every so often over
            # AMQP.
            connect_once(self.site, names[turn % 10], key).close()
            status, body = self.site.ask("GET", "/devices/phone")
            self.assertEqual(status, 200, body)
            if turn % 5 == 4:
                self.others_go_on("--transport", "amqp")
        answers = [one.hears() for one in strangers]
        seconds = time.monotonic() - began
        self.assertEqual({code for codes in answers for code in codes}, {5, 3})
        for codes in answers:
            self.assertLessEqual(codes.count(5), 11 + seconds / 2 + 1)
        self.assertLessEqual(sum(codes.count(5) for codes in answers), 100 + 20 + 10 * (seconds + 1))
        self.others_go_on()
        self.assertLess(self.grown_kib(), 32 * 1024)

    def test_a_thousand_devices_on_one_connection(self):
        grown = []
        done = crowd(self.site, 1000, ready=lambda: grown.append(self.grown_kib()))
        self.assertEqual((done.accepted, done.heard), (1000, 1000))
        self.others_go_on()
        print(f"a thousand devices on one AMQP connection: {grown[0] / 1000:.0f} KiB each")
        self.assertLess(grown[0], 128 * 1024)


if __name__ == "__main__":
    unittest.main()
