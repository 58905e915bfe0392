"""Switches that change what clients are answered: mcd answers as memcached does, byte for
byte."""

import contextlib
import shutil
import socket
import struct

from harness.report import Failed, Skip
from harness.wire import Closed

PLACE = "mcd"


def packet(opcode, key=b"", extras=b"", value=b""):
    return struct.pack("!BBHBBHIIQ", 0x80, opcode, len(key), len(extras), 0, 0,
                       len(extras) + len(key) + len(value), 7, 0) + extras + key + value


SET = packet(0x01, b"k", b"\0" * 8, b"value")

# options, and what each of several connections sends
CASES = (
    ("-F", b"flush_all\r\n", b"flush_all 10\r\n", b"flush_all noreply\r\nmn\r\n",
     b"flush_all 1 2 3\r\n", packet(0x08), packet(0x18) + packet(0x0A),
     b"set k 0 0 1\r\nx\r\nflush_all\r\nget k\r\n"),
    ("-C", b"set k 5 0 1\r\nx\r\ngets k\r\nget k\r\n", b"cas k 0 0 1 5\r\ny\r\n",
     b"gat 0 k\r\ngats 0 k\r\n", b"mg k c v\r\n", b"ms k 1 C5\r\nx\r\n", SET,
     SET + packet(0x00, b"k")),
    ("-B ascii", b"set k 0 0 1\r\nx\r\n", packet(0x0A) + b"\r\n"),
    ("-B binary", SET + packet(0x00, b"none"), b"get k\r\n" * 10),
    ("-B auto", b"get k\r\n", packet(0x0A)),
    ("", b"shutdown\r\n", b"shutdown graceful\r\n", b"shutdown x\r\n"),
    ("-A", b"shutdown x\r\n", b"shutdown graceful x\r\n", b"shutdown noreply\r\n",
     b"shutdown\r\nget none\r\n"),
    ("-A", b"shutdown graceful\r\n"),
)

# CAS numbers are chosen by the server: what follows the first 16 bytes of a binary answer.
CAS_AT, HEADER = 16, 24


def without_cas(answer):
    """A binary answer, in which each CAS is 0."""
    at = 0
    while answer[at:at + 1] == b"\x81":
        answer = answer[:at + CAS_AT] + b"\0" * 8 + answer[at + HEADER:]
        at += HEADER + struct.unpack("!I", answer[at + 8:at + 12])[0]
    return answer


def answers(node, sent):
    """All that the server answers until it has read the last byte and closes."""
    with node.connect() as client:
        client.send(sent)
        client.socket.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(Closed):
            while True:
                answer += client.take(1)
    return without_cas(answer)


def talk(node, options, sends):
    """Its answers; with -A the last of them ends it, and the exit code follows."""
    node.launch()
    node.lab.until(node.answers, "%s accepts connections" % node.name)
    found = [answers(node, sent) for sent in sends]
    if not options.startswith("-A"):
        node.stop()
        return found
    code = node.process.wait(10 * node.lab.build.slowness)
    node.process = None
    return found + [code]


def case_as_memcached(lab):
    stock = shutil.which("memcached")
    if not stock:
        raise Skip("memcached is not installed (./dev deps installs it)")
    for number, (options, *sends) in enumerate(CASES):
        ours = lab.add("mcd%d" % number, *options.split(), engine=lab.build.default_engine)
        theirs = lab.add("memcached%d" % number, *options.split())
        theirs.command[0] = stock
        got, wanted = (talk(node, options, sends) for node in (ours, theirs))
        for sent, one, other in zip(sends + [b"the end"], got, wanted):
            if one != other:
                raise Failed("%s %r: %r, not %r" % (options, sent, one, other))
    return "%d answers" % sum(len(sends) for _, *sends in CASES)
