"""The content of a node: writes and reads keys in batches, and compares key by key."""

from itertools import accumulate
import random

LUMP = 100


def lumps(keys, size=LUMP):
    keys = list(keys)
    return (keys[start:start + size] for start in range(0, len(keys), size))


def write(client, keys, value, exp=0):
    """Sets all keys; returns when the last one is stored."""
    tail = b" 0 %d %d noreply\r\n%s\r\n" % (exp, len(value), value)
    for lump in lumps(keys):
        client.send(b"".join(b"set " + key.encode() + tail for key in lump))
        client.ask("mn")


def read(client, keys):
    """(flags, CAS, value) of each existing key. To the node each key is a get."""
    held = {}
    for lump in lumps(keys):
        lines = client.ask("gets " + " ".join(lump))
        for head, value in zip(lines[:-1:2], lines[1::2]):
            _, key, flags, _, cas = head.split()
            held[key.decode()] = (int(flags), int(cas), value)
    return held


def values(held):
    return {key: item[2] for key, item in held.items()}


class Difference:
    """Compares the content of two nodes, as read() returns it: keys on one only, and
    unequal ones."""

    def __init__(self, mine, theirs):
        self.counts = len(mine), len(theirs)
        self.only_mine, self.only_theirs = mine.keys() - theirs.keys(), theirs.keys() - mine.keys()
        self.unequal = {key for key in mine.keys() & theirs.keys() if mine[key] != theirs[key]}

    def __bool__(self):
        return bool(self.only_mine or self.only_theirs or self.unequal)

    def __str__(self):
        return "%d and %d keys, %d and %d of them on one node only, %d unequal" % (
            self.counts + (len(self.only_mine), len(self.only_theirs), len(self.unequal)))


class Zipf:
    """Draws the same keys again for the same seed: key number n is drawn 1 / n^exponent
    as often as the first one. A share of the draws are keys that come only once."""

    def __init__(self, keys, exponent, once=0.0, seed=1):
        self.keys = ["k%d" % number for number in range(keys)]
        self.weights = list(accumulate(number ** -exponent for number in range(1, keys + 1)))
        self.once, self.passers = once, []
        self.random = random.Random(seed)

    def passer(self):
        self.passers.append("once%d" % len(self.passers))
        return self.passers[-1]

    def draw(self, count):
        return [self.passer() if self.once and self.random.random() < self.once else key
                for key in self.random.choices(self.keys, cum_weights=self.weights, k=count)]

    def drawn(self):
        """All keys that may have been drawn."""
        return self.keys + self.passers


def cache_aside(client, keys, value):
    """Gets the keys in batches, as an application does, and sets those that are missing.
    Returns the number of hits."""
    hits = 0
    for lump in lumps(keys):
        here = {line.split(b" ", 2)[1].decode() for line in client.ask("get " + " ".join(lump))
                if line.startswith(b"VALUE ")}
        hits += sum(key in here for key in lump)
        write(client, [key for key in dict.fromkeys(lump) if key not in here], value)
    return hits
