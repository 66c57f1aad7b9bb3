"""A device over MQTT, for the tests of what it hears."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
from killing import connect_packet, packet, read, text  # noqa: E402

KEY = b"k" * 32


class Device:
    """Over MQTT, for as long as it is connected."""

    def __init__(self, site, name, wants_mail=False):
        self.name, self.s, self.inbox, self.next_id = name, site.mqtt(), b"", 0
        self.s.sendall(connect_packet(name, KEY))
        self.expect(0x20, b"\x00\x00")
        if wants_mail:
            self.s.sendall(packet(0x82, b"\x00\x01" + text(f"devices/{name}/messages/devicebound/#") + b"\x01"))
            self.expect(0x90, b"\x00\x01\x01")

    def packet(self):
        """The next one from the hub: its first byte and what follows the length."""
        self.inbox = read(self.s, self.inbox, 2)
        length, at, shift = 0, 1, 0
        while True:
            self.inbox = read(self.s, self.inbox, at + 1)
            length |= (self.inbox[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if not self.inbox[at - 1] & 0x80:
                break
        self.inbox = read(self.s, self.inbox, at + length)
        first, body, self.inbox = self.inbox[0], self.inbox[at:at + length], self.inbox[at + length:]
        return first, body

    def expect(self, first, body):
        got = self.packet()
        assert got == (first, body), got

    def publish(self, body, qos=1):
        self.next_id = self.next_id % 65535 + 1
        self.s.sendall(packet(0x30 | qos << 1, text(f"devices/{self.name}/messages/events/") +
                              (struct.pack(">H", self.next_id) if qos else b"") + body))

    def is_acknowledged(self):
        self.expect(0x40, struct.pack(">H", self.next_id))

    def is_alive(self):
        self.s.sendall(b"\xc0\x00")
        self.expect(0xD0, b"")
