"""memcached's two client protocols as bytes, for tests that need exact control over the
bytes."""

import socket
import ssl
import struct
import time

HEADER = struct.Struct("!BBHBBHIIQ")
REQUEST, RESPONSE = 0x80, 0x81

OPCODES = {
    "get": 0x00, "set": 0x01, "add": 0x02, "replace": 0x03, "delete": 0x04, "incr": 0x05,
    "decr": 0x06, "quit": 0x07, "flush": 0x08, "getq": 0x09, "noop": 0x0A, "version": 0x0B,
    "getk": 0x0C, "getkq": 0x0D, "append": 0x0E, "prepend": 0x0F, "stat": 0x10, "setq": 0x11,
    "addq": 0x12, "replaceq": 0x13, "deleteq": 0x14, "incrq": 0x15, "decrq": 0x16, "quitq": 0x17,
    "flushq": 0x18, "appendq": 0x19, "prependq": 0x1A, "verbosity": 0x1B, "touch": 0x1C,
    "gat": 0x1D, "gatq": 0x1E, "gatk": 0x23, "gatkq": 0x24,
}
NAMES = {code: name for name, code in OPCODES.items()}

STATUS = {
    0x00: "OK", 0x01: "NOT_FOUND", 0x02: "EXISTS", 0x03: "TOO_LARGE", 0x04: "INVALID",
    0x05: "NOT_STORED", 0x06: "NOT_A_NUMBER", 0x07: "NOT_MY_VBUCKET", 0x81: "UNKNOWN_COMMAND",
    0x82: "NO_MEMORY", 0x83: "NOT_SUPPORTED", 0x84: "INTERNAL", 0x85: "BUSY", 0x86: "TEMPORARY",
}

# Commands whose extras are flags and expiry, an expiry, or delta, initial and expiry.
STORES = {"set", "add", "replace", "setq", "addq", "replaceq"}
TOUCHES = {"touch", "gat", "gatq", "gatk", "gatkq"}
COUNTS = {"incr", "decr", "incrq", "decrq"}


class Closed(Exception):
    """The server closed the connection."""


class Timeout(Exception):
    """The server did not answer before the deadline."""


def extras_of(name, fields):
    """The extras of a command, made from the fields flags, exp, delta, initial, level."""
    exp = int(fields.get("exp", 0)) & 0xFFFFFFFF
    if name in STORES:
        return struct.pack("!II", int(fields.get("flags", 0)), exp)
    if name in TOUCHES:
        return struct.pack("!I", exp)
    if name in COUNTS:
        return struct.pack("!QQI", int(fields.get("delta", 1)), int(fields.get("initial", 0)), exp)
    if name in ("flush", "flushq"):
        return struct.pack("!I", exp) if "exp" in fields else b""
    if name == "verbosity":
        return struct.pack("!I", int(fields.get("level", 0)))
    return b""


def request(name, key=b"", value=b"", **fields):
    """A binary request. Fields with the names of header fields override the computed
    values."""
    extras = fields["extras"] if "extras" in fields else extras_of(name, fields)
    body = extras + key + value
    head = HEADER.pack(
        int(fields.get("magic", REQUEST)),
        OPCODES[name] if name in OPCODES else int(name, 0),
        int(fields.get("nkey", len(key))),
        int(fields.get("nextra", len(extras))),
        int(fields.get("datatype", 0)),
        int(fields.get("vbucket", 0)),
        int(fields.get("nbody", len(body))),
        int(fields.get("opaque", 0)),
        int(fields.get("cas", 0)),
    )
    return head + body


class Response:
    """A parsed binary response."""

    def __init__(self, head, body):
        (self.magic, self.opcode, nkey, nextra, self.datatype, status, _, self.opaque,
         self.cas) = HEADER.unpack(head)
        self.status = STATUS.get(status, hex(status))
        self.extras = body[:nextra]
        self.key = body[nextra:nextra + nkey]
        self.value = body[nextra + nkey:]

    @property
    def command(self):
        return NAMES.get(self.opcode, hex(self.opcode))

    @property
    def flags(self):
        return struct.unpack("!I", self.extras)[0] if len(self.extras) == 4 else None

    @property
    def number(self):
        return struct.unpack("!Q", self.value)[0] if len(self.value) == 8 else None

    def __str__(self):
        text = "%s %s cas=%d opaque=%d" % (self.status, self.command, self.cas, self.opaque)
        if self.extras:
            text += " extras=" + self.extras.hex()
        if self.key:
            text += " key=%r" % self.key
        return text + (" value=%r" % self.value[:80] if self.value else "")


class Connection:
    """One client connection with a deadline on every read. tls: an ssl.SSLContext."""

    def __init__(self, address, timeout=10.0, tls=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.timeout = timeout
        self.inbox = b""
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(address)
            if family == socket.AF_INET:
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        except OSError:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed("the server closed the connection") from error

    def fill(self, deadline):
        """Waits for more bytes."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise Timeout("no answer in %g s" % self.timeout)
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(1 << 18)
        except socket.timeout as error:
            raise Timeout("no answer in %g s" % self.timeout) from error
        except (ConnectionResetError, ssl.SSLError):
            data = b""
        if not data:
            raise Closed("the server closed the connection")
        self.inbox += data

    def take(self, count):
        """Exactly `count` bytes."""
        deadline = time.monotonic() + self.timeout
        while len(self.inbox) < count:
            self.fill(deadline)
        data, self.inbox = self.inbox[:count], self.inbox[count:]
        return data

    def line(self, end=b"\r\n"):
        """One line without its end."""
        deadline = time.monotonic() + self.timeout
        while end not in self.inbox:
            self.fill(deadline)
        data, _, self.inbox = self.inbox.partition(end)
        return data

    def is_closed(self):
        """Waits until the server closes the connection; false if it sends data
        instead."""
        deadline = time.monotonic() + self.timeout
        try:
            while not self.inbox:
                self.fill(deadline)
        except Closed:
            return True
        return False

    # ---- the text protocol, for the tests' own queries

    def ask(self, command):
        """Sends a command line (str or bytes) and returns the whole answer as lines."""
        data = command.encode() if isinstance(command, str) else command
        self.send(data + b"\r\n")
        lines = [self.line()]
        while lines[-1].startswith((b"VALUE ", b"STAT ")):
            if lines[-1].startswith(b"VALUE "):
                size = int(lines[-1].split()[3])
                lines.append(self.take(size + 2)[:-2])
            lines.append(self.line())
        return lines

    def store(self, key, value, flags=0, exp=0, command="set", cas=None):
        words = [command, key, str(flags), str(exp), str(len(value))]
        words += [str(cas)] if cas is not None else []
        value = value.encode() if isinstance(value, str) else value
        return self.ask(" ".join(words).encode() + b"\r\n" + value)[0].decode()

    def item(self, key):
        """(flags, cas, value) of a key, or None."""
        lines = self.ask("gets " + key)
        if lines == [b"END"]:
            return None
        if not lines[0].startswith(b"VALUE "):
            raise Timeout("gets %s: %r" % (key, lines[0]))
        words = lines[0].split()
        return int(words[2]), int(words[4]), lines[1]

    def life(self, key):
        """The remaining life of a key in seconds; -1 for ever, None if it is absent."""
        words = self.ask("mg %s t" % key)[0].split()
        return int(words[1][1:]) if words[0] == b"HD" else None

    def stats(self, group=""):
        """A group of statistics; empty if the server does not know it."""
        lines = self.ask("stats " + group if group else "stats")
        rows = [line.decode().split(" ", 2) for line in lines if line.startswith(b"STAT ")]
        return {row[1]: row[2] if len(row) > 2 else "" for row in rows}

    # ---- the control socket

    def command(self, command):
        """Sends a command to a node's control socket; returns the answer's lines, of
        which the last one ends the answer."""
        self.send(command.encode() + b"\n")
        deadline, lines = time.monotonic() + self.timeout, [b""]
        while lines[-1].split(b" ")[0] not in (b"OK", b"NO", b"ERROR"):
            while b"\n" not in self.inbox:
                self.fill(deadline)
            line, _, self.inbox = self.inbox.partition(b"\n")
            lines.append(line)
        return lines[1:]

    # ---- the binary protocol

    def response(self):
        head = self.take(HEADER.size)
        if head[0] != RESPONSE:
            raise Timeout("not a binary response: %r" % (head + self.inbox)[:60])
        return Response(head, self.take(HEADER.unpack(head)[6]))

    def call(self, name, key=b"", value=b"", **fields):
        self.send(request(name, key, value, **fields))
        return self.response()
