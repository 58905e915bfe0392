"""Packets of the binary protocol."""

import struct

from draw import SERIAL, TOKEN_BINARY

HEADER = struct.Struct("!BBHBBHII8s")
NOOP, STAT = 0x0A, 0x10
NO_CAS = b"\0" * 8


def packet(opcode, key=b"", extras=b"", value=b"", **odd):
    """A packet; `odd` has header fields that are not as they should be."""
    body = extras + key + value
    return HEADER.pack(odd.get("magic", 0x80), opcode, odd.get("nkey", len(key)),
                       odd.get("nextra", len(extras)), odd.get("datatype", 0), odd.get("vbucket", 0),
                       odd.get("nbody", len(body)), odd.get("opaque", 0xCAFE),
                       odd.get("cas", NO_CAS)) + body


def word(d):
    return struct.pack("!I", d.choice((0, 0, 1, 5, 0xFFFFFFFF)))


def time(d):
    return struct.pack("!I", d.choice((0, 0, 0, 1000, 100000, 2592000, 0xFFFFFFFF)))


def long(d):
    return struct.pack("!Q", d.choice((0, 1, 5, 1000, 2**64 - 1)))


def no_extras(_):
    return b""


# opcodes, extras, has key, has value
SHAPES = (
    ((0x00, 0x09, 0x0C, 0x0D), no_extras, True, False),
    ((0x01, 0x02, 0x03, 0x11, 0x12, 0x13), lambda d: word(d) + time(d), True, True),
    ((0x04, 0x14), no_extras, True, False),
    ((0x05, 0x06, 0x15, 0x16), lambda d: long(d) + long(d) + time(d), True, False),
    ((0x0E, 0x0F, 0x19, 0x1A), no_extras, True, True),
    ((0x1C, 0x1D, 0x1E), time, True, False),
    ((NOOP, 0x0B), no_extras, False, False),
    ((0x1B,), word, False, False),
    ((0x07, 0x17), no_extras, False, False),
    ((STAT,), no_extras, True, False),
    ((0x1F, 0x20, 0x21, 0x22, 0x23, 0x24, 0x30, 0x3D, 0x40, 0x99, 0xFF), no_extras, True, False),
)
WEIGHTS = (6, 8, 2, 3, 3, 3, 2, 1, 1, 1, 1)


def draw_shaped(d):
    """opcode, key, extras, value, all as they should be."""
    opcodes, extras, keyed, valued = d.choices(SHAPES, WEIGHTS)[0]
    opcode = d.choice(opcodes)
    key = b"bogus" if opcode == STAT else d.key()[:250] if keyed else b""
    return opcode, key, extras(d), d.value() if valued else b""


def sound(d):
    cas = d.choice((NO_CAS,) * 8 + (struct.pack("!Q", 7), TOKEN_BINARY))
    opcode, key, extras, value = draw_shaped(d)
    return packet(opcode, key, extras, value, cas=cas, opaque=d.getrandbits(32))


def conditional(d):
    """With the CAS that the get before it has told."""
    key = SERIAL + b"a"
    shape = d.choice(SHAPES[1:4])
    value = d.value() if shape[3] else b""
    return [packet(0x00, key), packet(d.choice(shape[0]), key, shape[1](d), value, cas=TOKEN_BINARY)]


def odd(d):
    """A part that does not belong there, is missing, or has another length than said."""
    opcode, key, extras, value = draw_shaped(d)
    if opcode == STAT:  # with another header it might ask for real statistics
        opcode = NOOP
    kind = d.randrange(9)
    if kind < 4:
        parts = (b"", extras, value), (key, b"x" * d.choice((1, 4, 8, 20)), value), \
            (key, extras, b"surplus"), (key, b"", value)
        return packet(opcode, *parts[kind])
    field, choices = (("magic", (0x81, 0x00, 0xFF)), ("nkey", (0, 1, 251, 65535)),
                      ("nextra", (0, 1, 4, 8, 255)), ("nbody", (0, 1, 10, 1000)),
                      ("datatype", (1, 255)))[kind - 4]
    return packet(opcode, key, extras, value, **{field: d.choice(choices)})


def flush(d):
    return packet(d.choice((0x08, 0x18)), b"", d.choice((b"", b"\0\0\0\0", b"\0\1\0\0", b"\0")))


COMMANDS = (sound,) * 16 + (conditional, odd)
LAST = packet(NOOP)
