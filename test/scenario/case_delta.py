"""Small changes of large values cost what was changed: a new expiry, a piece before or behind."""

import itertools
import threading

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


def look(node, key):
    """Flags, size and CAS, remaining life, and value of a key; None: it is not here."""
    client = node.client()
    client.send(b"mg %s s f c t v\r\n" % key.encode())
    head = client.line().split()
    if head[0] == b"EN":
        return None
    if head[0] != b"VA":
        raise Timeout("mg %s: %r" % (key, head))
    return head[2:5], int(head[5][1:]), client.take(int(head[1]) + 2)


def is_same(mine, theirs):
    """A life may differ by a second, and the clock may move between the two looks."""
    return None not in (mine, theirs) and mine[0] == theirs[0] and mine[2] == theirs[2] and (
        abs(mine[1] - theirs[1]) <= 2)


def difference(a, b, keys=KEYS):
    return [key for key in keys if not is_same(look(a, key), look(b, key))]


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
    rounds = ROUNDS // 5 if lab.build.sanitized else ROUNDS
    large_values(lab, a)
    sent = {}
    for command in COMMANDS:
        before = number(a, "bytes_out")
        change(a, command, rounds)
        lab.drained(a)
        sent[command] = number(a, "bytes_out") - before
        both_same(lab, a, b)
    told = ", ".join("%s %d KB" % (command, n // 1000) for command, n in sent.items())
    assert all(n < 200 * rounds for n in sent.values()), told
    return told


def spoilt(lab, spoil):
    """A pair of which the standby does not have what the active node believes. spoil changes some
    keys at the active node only, through a link that tells of others."""
    a, b = lab.add_pair("-m", "128", proxied=True)
    a.start()
    b.start()
    lab.linked(a, b)
    large_values(lab, a)
    for proxy in lab.proxies:
        proxy.alter = {key.encode(): key.encode().replace(b"k", b"x") for key in spoil}
    for key in spoil:
        assert a.client().store(key, b"W" * SIZE, flags=7, exp=5000) == "STORED"
    lab.drained(a)
    for proxy in lab.proxies:
        proxy.alter = {}
    assert difference(a, b) == spoil, difference(a, b)
    return a, b


def case_the_standby_has_another_value(lab):
    """It asks for the state of each key that is changed, and until it has come it is at risk."""
    spoil = KEYS[10:16]
    a, b = spoilt(lab, spoil)
    copied = number(a, "resync_items")
    for command, key in zip(COMMANDS, spoil):
        change(a, command, 1, [key])
        both_same(lab, a, b, [key])
    assert number(a, "resent") == len(spoil), number(a, "resent")
    both_same(lab, a, b)
    assert number(a, "resync_items") == copied, "something was copied"


def case_at_risk_while_it_asks(lab):
    """The state takes two seconds over a slow link: the active node does not say in sync before."""
    key = KEYS[10]
    a, b = spoilt(lab, [key])
    for proxy in lab.proxies:
        proxy.rate = 30000
    change(a, "append", 1, [key])
    lab.until(lambda: number(a, "resent") == 1, "the standby has asked")
    looks = 0
    while True:
        calm = number(a, "in_sync") == 1 or number(a, "at_risk") == 0
        if not difference(a, b, [key]):
            break
        assert not calm, "calm, and the values differ"
        looks += 1
    assert looks > 3, looks
    for proxy in lab.proxies:
        proxy.rate = None
    both_same(lab, a, b)


def case_the_standby_has_evicted(lab):
    """A standby with less memory gives items up. A small change brings the item back."""
    a, b = lab.add_pair()
    a.start("-m", "64")
    b.start("-m", "16")
    lab.linked(a, b)
    keys = ["e%d" % index for index in range(500)]
    for key in keys:
        assert a.client().store(key, b"v" * SIZE) == "STORED"
    lab.drained(a)
    gone = [key for key in keys if not b.client().item(key)][:50]
    assert len(gone) == 50, len(gone)
    for turn, command in enumerate(("touch", "append", "gat", "prepend")):
        for key in gone[turn * 10:turn * 10 + 10]:
            change(a, command, 1, [key])
            both_same(lab, a, b, [key])
    lab.drained(a)
    assert number(a, "resent") == 40, number(a, "resent")


def case_no_room_for_the_joined_value(lab):
    """-M on both: what the standby has no room for is missing there, and both say so."""
    a, b = lab.add_pair("-M", "-t", "1")
    a.start("-m", "64")
    b.start("-m", "16")
    lab.linked(a, b)
    keys = ["r%d" % index for index in range(220)]
    for key in keys:
        assert a.client().store(key, b"v" * SIZE) == "STORED"
    lab.drained(a)
    for key in keys:
        assert a.client().store(key, b"w" * (SIZE // 2), command="append") == "STORED"
    lab.until(lambda: number(a, "pending") == 0, "all is acknowledged", 30)
    assert number(a, "deltas") > 0
    for node in (a, b):
        assert number(node, "in_sync") == 0, node.name
    assert number(a, "at_risk") > 0
    assert "room" in a.stat("repl_health"), a.stat("repl_health")
    for key in keys[:120]:
        assert a.client().ask("delete " + key) == [b"DELETED"]
    for node in (a, b):
        lab.until(lambda node=node: number(node, "in_sync") == 1, node.name + " is in sync", 60)
    both_same(lab, a, b, keys[120:])


class Appender(threading.Thread):
    """A client that appends to each key in turn and counts what was acknowledged. When its node
    refuses, it goes to the other one."""

    def __init__(self, *nodes):
        super().__init__(daemon=True)
        self.nodes, self.over = itertools.cycle(nodes), threading.Event()
        self.added, self.failure = dict.fromkeys(KEYS, 0), None
        self.client = next(self.nodes).connect()
        self.start()

    def run(self):
        for key in itertools.cycle(KEYS):
            if self.over.is_set():
                return
            self.add(key)

    def add(self, key):
        while not self.over.is_set():
            answer = self.client.store(key, "%010d" % self.added[key], command="append")
            if answer == "STORED":
                self.added[key] += 1
                return
            if not answer.startswith("SERVER_ERROR"):
                self.failure = answer
            self.client = next(self.nodes).connect()

    def end(self):
        self.over.set()
        self.join()
        assert self.failure is None, self.failure

    def lost(self, node):
        """The keys that do not hold every piece that was acknowledged, in order."""
        held = {key: node.client().item(key)[2][SIZE:] for key in KEYS}
        return [key for key in KEYS
                if held[key] != b"".join(b"%010d" % turn for turn in range(self.added[key]))]


def case_cut_while_clients_append(lab):
    """The link breaks again and again. No piece is lost, none comes twice."""
    a, b = lab.add_pair("-m", "128", proxied=True)
    a.start()
    b.start()
    lab.linked(a, b)
    large_values(lab, a)
    appender = Appender(a)
    for _ in range(4 if lab.build.sanitized else 10):
        before = number(a, "deltas")
        lab.until(lambda before=before: number(a, "deltas") > before + 20, "deltas are sent")
        for proxy in lab.proxies:
            proxy.cut()
        lab.until(lambda: a.stat("repl_link") == "down", "the link is down")
        for proxy in lab.proxies:
            proxy.heal()
        lab.linked(a, b)
    appender.end()
    lab.drained(a)
    both_same(lab, a, b)
    assert not appender.lost(a) and not appender.lost(b), appender.lost(b)
    return "%d appends, %d deltas" % (sum(appender.added.values()), number(a, "deltas"))


def case_handover_while_clients_append(lab):
    """The role goes to and fro. No piece is lost, none comes twice."""
    a, b = lab.pair("-m", "128", config="standby_writes=reject")
    assert a.ctl("promote")[0] == 0
    large_values(lab, a)
    appender = Appender(a, b)
    for turn in range(6):
        active = (a, b)[turn % 2]
        before = number(active, "deltas")
        lab.until(lambda: number(active, "deltas") > before + 20, "deltas are sent")
        code, said = active.ctl("handover")
        assert code == 0, said
    appender.end()
    lab.drained(a)
    both_same(lab, a, b)
    assert not appender.lost(a) and not appender.lost(b), appender.lost(b)
    return "%d appends" % sum(appender.added.values())


case_at_risk_while_it_asks.in_clear = True
case_the_standby_has_another_value.in_clear = True
