"""Small changes of large values cost what was changed: a new expiry, a piece before or behind."""

import itertools

from harness.wire import Timeout

PLACE = "two"
KEYS = ["k%d" % index for index in range(50)]
SIZE = 50000
ROUNDS = 1000


def number(node, name):
    return int(node.stat("repl_" + name))


# ---- what clients do; each says what the answer begins with


def text(line, answer):
    def act(client, key, turn):
        assert client.ask(line % {"key": key, "ttl": 1000 + turn})[0].startswith(answer), key
    return act


def binary(name):
    def act(client, key, turn):
        assert client.call(name, key.encode(), exp=1000 + turn).status == "OK", key
    return act


def joining(command):
    def act(client, key, turn):
        assert client.store(key, "%010d" % turn, command=command) == "STORED", key
    return act


COMMANDS = {
    "touch": text("touch %(key)s %(ttl)d", b"TOUCHED"),
    "gat": text("gat %(ttl)d %(key)s", b"VALUE"),
    "mg T": text("mg %(key)s T%(ttl)d", b"HD"),
    "touch, binary": binary("touch"),
    "append": joining("append"),
    "prepend": joining("prepend"),
}


def change(node, command, turns, keys=KEYS):
    """So many changes, one after the other."""
    with node.connect() as client:
        for turn, key in zip(range(turns), itertools.cycle(keys)):
            COMMANDS[command](client, key, turn)


# ---- what both nodes hold


def look(node, keys):
    """Flags, CAS, remaining life and value of each key that is here."""
    held = {}
    for key in keys:
        node.client().send(b"mg %s s f c t v\r\n" % key.encode())
        head = node.client().line().split()
        if head[0] == b"VA":
            held[key] = head[2:5], int(head[5][1:]), node.client().take(int(head[1]) + 2)
        elif head[0] != b"EN":
            raise Timeout("mg %s: %r" % (key, head))
    return held


def difference(a, b, keys=KEYS):
    """The keys that are not the same on both; a life may differ by a second."""
    mine, theirs = look(a, keys), look(b, keys)
    return [key for key in keys if not (
        key in mine and key in theirs and mine[key][0] == theirs[key][0]
        and mine[key][2] == theirs[key][2] and abs(mine[key][1] - theirs[key][1]) <= 1)]


def both_same(lab, a, b, keys=KEYS):
    for node in (a, b):
        lab.until(lambda node=node: number(node, "in_sync") == 1, node.name + " is in sync", 30)
    assert not difference(a, b, keys), difference(a, b, keys)


def large_values(lab, a):
    for index, key in enumerate(KEYS):
        assert a.client().store(key, b"%c" % (97 + index % 26) * SIZE, flags=index, exp=5000) == "STORED"
    lab.drained(a)


# ---- cases


def case_bytes_of_small_changes(lab):
    """Each command 1,000 times on values of 50 KB: what crosses the link is what was changed."""
    a, b = lab.pair("-m", "128")
    large_values(lab, a)
    sent = {}
    for command in COMMANDS:
        before = number(a, "bytes_out")
        change(a, command, ROUNDS)
        lab.drained(a)
        sent[command] = number(a, "bytes_out") - before
        both_same(lab, a, b)
    told = ", ".join("%s %d KB" % (command, n // 1000) for command, n in sent.items())
    assert all(n < 200 * ROUNDS for n in sent.values()), told
    return told
