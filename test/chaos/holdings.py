"""All that a node holds of some keys, with flags, CAS and TTL, read by the hundred."""

import collections
import time

from dialect import marks_of, meta_key
from harness.content import lumps
from harness.wire import Timeout
from operation import Answer

# read: when, between these times; ttl: s that remained then, -1 for ever; marks: of W, X and Z
Item = collections.namedtuple("Item", "value flags cas ttl marks read")
LUMP = 50
SLACK = 2.5  # s, between the TTLs of both nodes


def read(connection, keys):
    """{key: Item} of those that are there."""
    held = {}
    for lump in lumps(keys, LUMP):
        begin = time.monotonic()
        connection.send(b"".join(b"mg %s v f c t\r\n" % meta_key(key) for key in lump) +
                        b"mn\r\n")
        for key in lump:
            item = take(connection, begin)
            if item:
                held[key] = item
        if connection.line() != b"MN":
            raise Timeout("there are more answers than questions")
    return held


def take(connection, begin):
    words = connection.line().split()
    if words[:1] == [b"EN"]:
        return None
    if words[:1] != [b"VA"]:
        raise Timeout("mg was answered with %r" % words)
    value = connection.take(int(words[1]) + 2)[:-2]
    back = {word[:1]: int(word[1:]) for word in words[2:] if word[:1] in (b"f", b"c", b"t")}
    return Item(value, back[b"f"], back[b"c"], back[b"t"], marks_of(words), (begin, time.monotonic()))


def answer_of(item):
    if not item:
        return Answer("NOT_FOUND")
    return Answer("FOUND", item.value, item.flags, item.cas, ttl=item.ttl, marks=item.marks)


def is_won(item):
    """By whoever has read it, if by nobody before."""
    return "W" in item.marks or "Z" in item.marks


def differ(one, two):
    """What is not equal, in a word, or nothing."""
    if not one or not two:
        return "on one node only"
    for name in ("value", "flags", "cas"):
        if getattr(one, name) != getattr(two, name):
            return "unequal " + name
    if ("X" in one.marks, is_won(one)) != ("X" in two.marks, is_won(two)):
        return "unequal marks"
    return None if same_life(one, two) else "unequal TTL"


def same_life(one, two):
    if -1 in (one.ttl, two.ttl):
        return one.ttl == two.ttl
    ends = [(item.read[0] + item.ttl, item.read[1] + item.ttl) for item in (one, two)]
    return all(ends[index][0] <= ends[1 - index][1] + SLACK for index in (0, 1))
