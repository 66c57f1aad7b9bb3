"""Values of AMQP 1.0 as bytes and back."""
import struct


class Symbol(str):
    pass


class UInt(int):
    pass


class ULong(int):
    pass


class UShort(int):
    pass


class Described:
    def __init__(self, code, value):
        self.code, self.value = code, value

    def __repr__(self):
        return f"{self.code}:{self.value!r}"

    def at(self, i):
        return self.value[i] if isinstance(self.value, list) and i < len(self.value) else None


def _sized(small, large, data):
    return bytes([small, len(data)]) + data if len(data) < 256 else bytes([large]) + struct.pack(">I", len(data)) + data


def encode(v):
    if v is None or v is True or v is False:
        return {None: b"\x40", True: b"\x41", False: b"\x42"}[v]
    if isinstance(v, Described):
        return b"\0" + encode(ULong(v.code) if isinstance(v.code, int) else v.code) + encode(v.value)
    for kind, code, form in ((ULong, 0x80, ">Q"), (UInt, 0x70, ">I"), (UShort, 0x60, ">H"), (int, 0x81, ">q")):
        if isinstance(v, kind):
            return bytes([code]) + struct.pack(form, v)
    if isinstance(v, bytes):
        return _sized(0xA0, 0xB0, v)
    if isinstance(v, str):
        return _sized(*((0xA3, 0xB3) if isinstance(v, Symbol) else (0xA1, 0xB1)), v.encode())
    items = [x for pair in v.items() for x in pair] if isinstance(v, dict) else v
    body = b"".join(map(encode, items))
    return bytes([0xD1 if isinstance(v, dict) else 0xD0]) + struct.pack(">II", len(body) + 4, len(items)) + body


_CONSTANTS = {0x40: None, 0x41: True, 0x42: False, 0x43: 0, 0x44: 0, 0x45: []}
_WIDTHS = {5: 1, 6: 2, 7: 4, 8: 8, 9: 16}
_FORMS = {
    0x50: "B",
    0x51: "b",
    0x52: "B",
    0x53: "B",
    0x54: "b",
    0x55: "b",
    0x56: "?",
    0x60: "H",
    0x61: "h",
    0x70: "I",
    0x71: "i",
    0x72: "f",
    0x80: "Q",
    0x81: "q",
    0x82: "d",
    0x83: "q",
}


def decode(b, i=0, code=None):
    """The value at i, and where it ends."""
    if code is None:
        code, i = b[i], i + 1
    if code == 0:
        kind, i = decode(b, i)
        value, i = decode(b, i)
        return Described(kind, value), i
    if code in _CONSTANTS:
        return _CONSTANTS[code], i
    if width := _WIDTHS.get(code >> 4):
        raw = b[i : i + width]
        return (struct.unpack(">" + _FORMS[code], raw)[0] if code in _FORMS else raw), i + width
    width = 1 if code >> 4 in (0xA, 0xC, 0xE) else 4
    n = int.from_bytes(b[i : i + width], "big")
    i += width
    raw, end = b[i : i + n], i + n
    if code in (0xA0, 0xB0):
        return bytes(raw), end
    if code in (0xA1, 0xB1):
        return raw.decode(), end
    if code in (0xA3, 0xB3):
        return Symbol(raw.decode()), end
    return _compound(code, raw, width), end


def _compound(code, raw, width):
    count, at, items, kind = int.from_bytes(raw[:width], "big"), width, [], None
    if code in (0xE0, 0xF0):
        kind, at = raw[at], at + 1
    for _ in range(count):
        value, at = decode(raw, at, kind)
        items.append(value)
    return dict(zip(items[::2], items[1::2])) if code in (0xC1, 0xD1) else items
