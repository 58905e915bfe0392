"""A peer played by a test: it speaks the replication protocol, not necessarily
correctly."""

import itertools
import socket
import struct
import time

HEADER = struct.Struct("!BBHBBHIIQ")
OPS = {"SETQ": 0x11, "DELETEQ": 0x14, "FLUSHQ": 0x18, "NOOP": 0x0A, "HELLO": 0xE0, "ROLE": 0xE1,
       "MAP": 0xE2, "MERGE": 0xE3, "DONE": 0xE4, "REPLACE": 0xE5, "FILL": 0xE6, "END": 0xE7,
       "PING": 0xE8, "BYE": 0xE9, "HANDOVER": 0xEA, "CHECK": 0xEB, "VERIFY": 0xEC, "VERIFIED": 0xED,
       "NOTICE": 0xEF, "WANT": 0xF0, "ABSENT": 0xF1, "FETCH": 0xF2, "REFILL": 0xF3, "MISSING": 0xF4,
       "DELTA": 0xF5, "RESEND": 0xF6, "STREAM": 0xF9, "CHUNK": 0xFA}
NAMES = {code: name for name, code in OPS.items()}
EMPTY, EVERYTHING = b"\0", b"\1"  # maps


def frame(op, body=b"", nkey=0, nextra=0, opaque=0, cas=0, magic=0x80, length=None):
    return HEADER.pack(magic, OPS[op], nkey, nextra, 0, 0, len(body) if length is None else length,
                       opaque, cas) + body


def note(key, kind=0, extra=b""):
    """A NOTICE, WANT, ABSENT, FETCH, MISSING or RESEND entry."""
    return struct.pack("!BBH", kind, len(key), 0) + extra + key


def now_us():
    return time.monotonic_ns() // 1000


class Peer:
    """Connects to a node's replication port. fields: the fields of its HELLO."""

    def __init__(self, lab, node, run=b"a peer by hand..", **fields):
        self.lab, self.run, self.fields, self.buffer = lab, run, fields, bytearray()
        self.socket = lab.secrecy.connect(node.listen_repl)
        self.socket.settimeout(0.2)
        self.hello = self.await_op("HELLO")[2]
        self.term = 0

    def send(self, op, body=b"", **fields):
        self.socket.sendall(frame(op, body, **fields))

    def say_hello(self):
        version, = struct.unpack_from("!I", self.hello)
        f = dict(version=version, hash=self.hello[4:8], active=0, bits=self.hello[25], term=0,
                 seen=0, item_max=1 << 20, memory=64 << 20, met=b"\0" * 16, heartbeat=10,
                 timeout=20, standby_writes=0, lone=0, on_conflict=0, side=2)
        f.update(self.fields)
        self.send("HELLO", struct.pack("!I4s16sBBQQQQQQ16sIIBBBB", f["version"], f["hash"], self.run,
                                       f["active"], f["bits"], f["term"], f["seen"],
                                       now_us(), 10 ** 7, f["item_max"], f["memory"], f["met"],
                                       f["heartbeat"], f["timeout"], f["standby_writes"], f["lone"],
                                       f["on_conflict"], f["side"]))

    def receive(self):
        """The next frame: (name, opaque, body, is a response); None if none is available.
        Raises ConnectionError if the node has closed the connection."""
        while True:
            if len(self.buffer) >= HEADER.size:
                magic, op, _, _, _, _, length, opaque, _ = HEADER.unpack_from(self.buffer)
                if len(self.buffer) >= HEADER.size + length:
                    body = bytes(self.buffer[HEADER.size:HEADER.size + length])
                    del self.buffer[:HEADER.size + length]
                    return NAMES.get(op, "?"), opaque, body, magic == 0x81
            try:
                data = self.socket.recv(1 << 16)
            except socket.timeout:
                return None
            if not data:
                raise ConnectionError("the node closed the connection")
            self.buffer += data

    def receive_now(self):
        """The same, without waiting."""
        self.socket.settimeout(0)
        try:
            return self.receive()
        except BlockingIOError:
            return None
        finally:
            self.socket.settimeout(0.2)

    def await_op(self, name):
        found = []

        def comes():
            got = self.receive()
            if got and got[0] == name:
                found.append(got)
            return found

        self.lab.until(comes, "a %s comes" % name)
        return found[0]

    def farewell(self):
        """The reason that the node gives when it closes the connection."""
        told = []

        def closed():
            try:
                for got in itertools.islice(iter(self.receive, None), 100):
                    if got[0] == "BYE":
                        told.append(got[2].decode())
            except ConnectionError:
                return True
            return False

        self.lab.until(closed, "the node closes the connection", 20)
        return told[0] if told else ""

    def follow(self):
        """Becomes the follower of an active node: up to MERGE."""
        self.say_hello()
        role = self.await_op("ROLE")
        self.term = struct.unpack_from("!Q", role[2])[0]
        self.send("MAP", struct.pack("!Q", self.term) + EMPTY + EVERYTHING)
        self.await_op("MERGE")

    def ping(self):
        self.send("PING", struct.pack("!QQQQ", self.term, now_us(), 10 ** 7, 0))

    def acknowledge(self, batch):
        self.send("NOOP", opaque=batch, magic=0x81)

    def close(self):
        self.socket.close()
