"""A client's operation in each of the three protocols, and the answer in one language."""

import base64
import time

from harness.wire import Closed, Connection, Timeout
from operation import ABSENT, IN_DOUBT, NO_MEMORY, REFUSED, UNSENT, Answer

WORDS = {b"STORED": "STORED", b"NOT_STORED": "NOT_STORED", b"EXISTS": "EXISTS",
         b"NOT_FOUND": "NOT_FOUND", b"DELETED": "DELETED", b"TOUCHED": "TOUCHED"}
MODES = {"add": b" ME", "replace": b" MR", "append": b" MA", "prepend": b" MP"}
DONE = {"touch": "TOUCHED", "delete": "DELETED", "get": "FOUND", "gat": "FOUND", "incr": "NUMBER",
        "decr": "NUMBER", "stale": "DELETED", "vivify": "FOUND"}
MG = ("get", "gat", "touch", "vivify")
TOO_LONG = 30 * 86400  # s; from there on a moment of the calendar is meant
TEMPORARY = ("TEMPORARY", "BUSY", "NOT_MY_VBUCKET")


class Strange(Exception):
    """An answer that no client expects."""


def error_of(line):
    if b"out of memory" in line:
        return Answer(NO_MEMORY)
    if line.startswith(b"SERVER_ERROR ") and not line.endswith((b"internal error", b"for cache")):
        return Answer(REFUSED)
    raise Strange(repr(line[:100]))


def expiry(op):
    return op.ttl + int(time.time()) if op.ttl > TOO_LONG else op.ttl


def is_text(key):
    return all(0x20 < byte < 0x7f for byte in key)


# ---- text

def text_request(key, op):
    kind = op.kind.encode()
    if op.kind in ("get", "delete"):
        return b"%s %s" % (b"gets" if op.kind == "get" else kind, key)
    if op.kind in ("incr", "decr"):
        return b"%s %s %d" % (kind, key, op.by)
    if op.kind == "touch":
        return b"touch %s %d" % (key, expiry(op))
    if op.kind == "gat":
        return b"gats %d %s" % (expiry(op), key)
    tail = b" %d" % op.cas if op.kind == "cas" else b""
    return b"%s %s %d %d %d%s\r\n%s" % (kind, key, op.flags, expiry(op), len(op.value), tail, op.value)


def ask_text(connection, key, op):
    lines = connection.ask(text_request(key, op))
    head = lines[0].split()
    if head and head[0] == b"VALUE":
        return Answer("FOUND", lines[1], int(head[2]), int(head[4]))
    if lines == [b"END"]:
        return Answer("NOT_FOUND")
    if op.kind in ("incr", "decr") and head[0].isdigit():
        return Answer("NUMBER", number=int(head[0]))
    return Answer(WORDS[lines[0]]) if lines[0] in WORDS else error_of(lines[0])


# ---- meta

def meta_key(key):
    return key if is_text(key) else base64.b64encode(key) + b" b"


def meta_request(key, op):
    cas = b" C%d" % op.cas if op.cas is not None else b""
    name = meta_key(key)
    if op.kind in ("get", "vivify"):
        more = b" N%d" % expiry(op) if op.kind == "vivify" else b" R%d" % op.within if op.within else b""
        return b"mg %s%s v f c t" % (name, more)
    if op.kind == "gat":
        return b"mg %s v f c T%d" % (name, expiry(op))
    if op.kind == "touch":
        return b"mg %s T%d" % (name, expiry(op))
    if op.kind == "delete":
        return b"md %s%s" % (name, cas)
    if op.kind == "stale":
        return b"md %s I%s%s" % (name, cas, b" T%d" % expiry(op) if op.ttl else b"")
    if op.kind in ("incr", "decr"):
        return b"ma %s v c D%d M%s" % (name, op.by, b"I" if op.kind == "incr" else b"D")
    name, more = name.split(b" ")[0], name[len(name.split(b" ")[0]):]
    fresh = b"" if op.kind in ("append", "prepend") else b" T%d F%d" % (expiry(op), op.flags)
    mode = b" I" if op.kind == "overdue" else MODES.get(op.kind, b"")
    return b"ms %s %d%s c%s%s%s\r\n%s" % (name, len(op.value), more, fresh, mode, cas, op.value)


def meta_answer(connection):
    """(code, flags that came back, value, marks)"""
    line = connection.line()
    words = line.split()
    if not words or words[0] not in (b"HD", b"VA", b"EN", b"NF", b"NS", b"EX"):
        raise Strange(line)
    value = connection.take(int(words[1]) + 2)[:-2] if words[0] == b"VA" else None
    back = {chr(word[0]): int(word[1:]) for word in words[1 + (value is not None):]
            if word[:1] in b"cft" and len(word) > 1}
    return words[0], back, value, marks_of(words)


def marks_of(words):
    """Which of W, X and Z they say."""
    return "".join(sorted(word.decode() for word in words if word in (b"W", b"X", b"Z")))


def ask_meta(connection, key, op):
    connection.send(meta_request(key, op) + b"\r\n")
    try:
        code, back, value, marks = meta_answer(connection)
    except Strange as line:
        return error_of(line.args[0])
    if code in (b"HD", b"VA"):
        number = int(value) if op.kind in ("incr", "decr") else None
        return Answer(DONE.get(op.kind, "STORED"), None if number is not None else value,
                      back.get("f"), back.get("c"), number, back.get("t"), marks if op.kind in MG else None)
    return Answer({b"EX": "EXISTS", b"NS": "NOT_STORED"}.get(code, missing_word(op)))


def missing_word(op):
    return ABSENT.get(op.kind, "NOT_FOUND")


# ---- binary

def ask_binary(connection, key, op):
    fields = {"cas": op.cas} if op.cas is not None else {}
    if op.kind in ("incr", "decr"):
        fields.update(delta=op.by, exp=0xffffffff)  # does not create it
    elif op.kind in ("set", "cas", "add", "replace", "touch", "gat"):
        fields.update(flags=op.flags, exp=expiry(op))
    response = connection.call("set" if op.kind == "cas" else op.kind, key, op.value, **fields)
    if response.status == "OK":
        number = response.number if op.kind in ("incr", "decr") else None
        is_found = op.kind in ("get", "gat")
        return Answer(DONE.get(op.kind, "STORED"), response.value if is_found else None,
                      response.flags if is_found else None,
                      response.cas if is_found or number is not None or op.value else None, number)
    return binary_failure(op, response)


def binary_failure(op, response):
    if response.status == "EXISTS":
        return Answer("NOT_STORED" if op.kind == "add" else "EXISTS")
    if response.status in ("NOT_FOUND", "NOT_STORED"):
        return Answer(missing_word(op))
    if response.status == "NO_MEMORY":
        return Answer(NO_MEMORY)
    if response.status in TEMPORARY:
        return Answer(REFUSED)
    raise Strange(str(response))


SPEAK = {"text": ask_text, "meta": ask_meta, "binary": ask_binary}


class Speaker:
    """The connections of one client, each to one process and of one protocol."""

    def __init__(self, nodes, patience):
        self.nodes, self.patience, self.connections = nodes, patience, {}

    def ask(self, node, dialect, key, op):
        at = node, dialect, self.nodes[node].starts
        try:
            if at not in self.connections:
                self.connections[at] = Connection(self.nodes[node].address, self.patience)
        except OSError:
            return Answer(UNSENT)
        try:
            return SPEAK[dialect](self.connections[at], key, op)
        except (Closed, Timeout, OSError):
            self.connections.pop(at).close()
            return IN_DOUBT

    def close(self):
        for connection in self.connections.values():
            connection.close()
        self.connections = {}
