"""A pair and its link: late joiners, cuts, stalls, overflow, garbage, split brain."""

import os
import random
import socket
import subprocess
import threading
import time

from case_failover import check, fill, scaled
from harness.report import Failed
from harness.wire import Connection, request

PLACE = "two"

STATS = (
    "role link in_sync term peer pending dirty_buckets at_risk lag_us shipped "
    "applied coalesced journal_overflows resyncs_full resyncs_partial resync_items invalidated "
    "bytes_out bytes_in reconnects last_error").split()


def number(node, name):
    return int(node.stat(name))


def case_statistics(lab):
    """`stats repl` has every name, and plain `stats` has the numeric ones of a subset."""
    a, b = lab.pair()
    for node in (a, b):
        stats = node.stats("repl")
        missing = [name for name in STATS if "repl_" + name not in stats]
        assert not missing, "stats repl is missing %s" % ", ".join(missing)
        brief = {name: value for name, value in node.stats().items() if name.startswith("repl_")}
        assert brief, "plain stats says nothing of replication"
        words = [name for name, value in brief.items() if not value.lstrip("-").isdigit()]
        assert not words, "not numbers in plain stats: %s" % ", ".join(words)
    assert a.run_id() != b.run_id()
    for _ in range(2):  # the first write makes a active, and is sent with the maps
        assert a.client().store("k", "x") == "STORED"
        lab.drained(a)
    assert number(a, "repl_shipped") >= 1 and number(b, "repl_applied") >= 1
    assert number(a, "repl_at_risk") == 0
    assert (a.stat("repl_role"), b.stat("repl_role")) == ("active", "standby")


def case_standby_joins_late(lab):
    """The first node runs alone for a while; the second one gets a full copy."""
    count = scaled(lab, 100000)
    a, b = lab.add_pair()
    a.start()
    fill(lab, a, count)
    assert a.stat("repl_link") == "down" and a.stat("repl_role") == "active"
    b.start()
    lab.linked(a, b)
    lab.drained(a, 60)
    check(lab, b, count)


def case_tokens_of_the_standby_hold(lab):
    """What `gets` returns at the standby is a value with the token that the active gave it,
    never one that no cas command can match."""
    a, b = lab.pair()
    given, seen, over = {}, set(), threading.Event()
    assert a.client().store("k", "first") == "STORED"
    given[b"first"] = a.client().item("k")[1]
    lab.drained(a)

    def read():
        with b.connect() as reader:
            while not over.is_set():
                seen.add(reader.item("k")[1:])

    reading = threading.Thread(target=read)
    reading.start()
    try:
        for turn in range(scaled(lab, 5000)):
            assert a.client().store("k", str(turn)) == "STORED"
            _, token, value = a.client().item("k")
            given[value] = token
    finally:
        over.set()
        reading.join()
    wrong = [(value, token) for token, value in seen if token != given[value]]
    assert len(seen) > 2 and not wrong, wrong[:3]


def ends_equal_after(lab, break_link, mend, down):
    count = scaled(lab, 50000)
    a, b = lab.pair(proxied=True, config="timeout=500;heartbeat=100")
    fill(lab, a, count)
    lab.drained(a)
    before = number(a, "repl_resyncs_full") + number(b, "repl_resyncs_full")
    items = number(a, "repl_resync_items")
    break_link()
    if down:
        lab.until(lambda: a.stat("repl_link") != "streaming", "the active notices")
    fill(lab, a, count // 100, 1)
    for key in ("key1", "key5"):
        assert a.client().ask("delete " + key) == [b"DELETED"]
    mend()
    lab.linked(a, b)
    lab.drained(a)
    lab.same(a, b, ["key%d" % n for n in range(0, count // 50)])
    assert b.client().item("key5") is None, "a delete was forgotten"
    after = number(a, "repl_resyncs_full") + number(b, "repl_resyncs_full")
    shipped = number(a, "repl_resync_items") - items
    assert after == before, "a short cut cost a full copy"
    assert shipped <= count // 10, "%d items shipped for %d changes" % (shipped, count // 100)
    return "%d items shipped for %d changes of %d" % (shipped, count // 100, count)


def case_link_cut(lab):
    return ends_equal_after(lab, lambda: [proxy.cut() for proxy in lab.proxies],
                            lambda: [proxy.heal() for proxy in lab.proxies], True)


def case_link_frozen(lab):
    """Packets are lost and the connection does not end: both nodes find out by
    themselves."""
    return ends_equal_after(lab, lambda: [proxy.freeze() for proxy in lab.proxies],
                            lambda: [proxy.heal() for proxy in lab.proxies], True)


def case_link_flaps(lab):
    """The link is cut again and again under writes; the nodes are equal in the end."""
    a, b = lab.pair(proxied=True, config="timeout=500;heartbeat=100")
    for turn in range(10):
        fill(lab, a, 2000, turn)
        for proxy in lab.proxies:
            proxy.cut()
        fill(lab, a, 500, turn + 100)
        for proxy in lab.proxies:
            proxy.heal()
        if turn % 3 == 0:
            lab.linked(a, b)
    lab.linked(a, b)
    lab.drained(a, 60)
    check(lab, b, 500, 109)
    lab.same(a, b, ["key%d" % n for n in range(0, 2000, 20)])


def case_standby_stopped_under_load(lab):
    """SIGSTOP on the standby: clients of the active node notice nothing; then both become
    equal."""
    count = scaled(lab, 100000)
    a, b = lab.pair()
    fill(lab, a, 1000)
    lab.drained(a)
    b.pause()
    text = fill(lab, a, count, 1)
    check(lab, a, count, 1)
    b.cont()
    lab.linked(a, b)
    lab.drained(a, 60)
    check(lab, b, count, 1)
    return text[text.index("rate"):]



def case_standby_rejects(lab):
    """standby_writes=reject: writes get an error, and the roles do not change."""
    a, b = lab.pair(configs=("", "standby_writes=reject"))
    assert a.client().store("k", "x") == "STORED"
    lab.drained(a)
    answer = b.client().store("k", "y")
    assert answer == ("SERVER_ERROR this node is a standby and takes no writes; "
                      "write to the active node"), "a write was answered with %s" % answer
    for command in ("delete k", "incr k 1", "touch k 1", "flush_all"):
        text = b.ask(command)[0].decode()
        assert "ERROR" in text, "%s was answered with %s" % (command, text)
    assert b.stat("repl_role") == "standby" and a.stat("repl_role") == "active"
    assert b.client().item("k")[2] == b"x"


def case_standby_promotes_alone(lab):
    """standby_writes=alone: writes are refused while the active node is linked, accepted
    when it is gone."""
    a, b = lab.pair(config="standby_writes=alone")
    assert a.client().store("k", "x") == "STORED"
    lab.drained(a)
    assert a.client().store("k", "x") == "STORED"  # it has clients, so it keeps its role
    assert b.client().store("k", "y").startswith("SERVER_ERROR this node is a standby")
    assert b.stat("repl_role") == "standby" and a.stat("repl_role") == "active"
    a.kill()
    lab.until(lambda: b.client().store("k", "y") == "STORED", "b accepts writes without its peer")
    assert b.stat("repl_role") == "active"
    a.start()
    lab.linked(a, b)
    lab.drained(b)
    assert a.client().store("k", "z").startswith("SERVER_ERROR this node is a standby")
    lab.same(a, b, ["k"])


def case_standby_gets_the_role_of_an_idle_active(lab):
    """standby_writes=alone, and nobody moves the role: it follows the clients, loses
    nothing, and does not move while both nodes have clients."""
    a, b = lab.pair(config="standby_writes=alone")
    assert a.client().store("k", "x") == "STORED"
    lab.drained(a)
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        assert a.client().store("k", "x") == "STORED"
        assert b.client().store("k", "y").startswith("SERVER_ERROR this node is a standby")
    assert a.client().store("last", "x") == "STORED"
    begun = time.monotonic()
    lab.until(lambda: b.client().store("k", "y") == "STORED", "b has the role")
    took = time.monotonic() - begun
    assert b.client().item("last")[2] == b"x" and a.stat("repl_role") == "standby"
    assert took > 0.8, "a had a client only %.2f s ago" % took
    lab.drained(b)
    lab.same(a, b, ["k", "last"])
    assert (a.stat("repl_promotions"), b.stat("repl_promotions")) == ("1", "1")
    return "after %.2f s" % took


def case_lone_node_rejects(lab):
    """lone=reject: a node without a peer serves reads, and refuses changes that would
    make it differ."""
    a, b = lab.pair(config="lone=reject")
    assert a.client().store("k", "x") == "STORED"
    lab.drained(a)
    b.kill()
    kept = [b"x"]  # and what it takes before it notices

    def refuses():
        answer = a.client().store("k", "y")
        kept.extend([b"y"] if answer == "STORED" else [])
        return answer.startswith("SERVER_ERROR this node takes no writes")
    lab.until(refuses, "a refuses")
    assert a.client().item("k")[2] == kept[-1] and a.stat("repl_role") == "active"
    assert b"ERROR" in a.ask("delete k")[0]
    b.start()
    lab.until(lambda: a.client().store("k", "z") == "STORED", "a accepts writes again")
    lab.drained(a)
    lab.same(a, b, ["k"])


GARBAGE = (
    b"\0" * 1000, b"\xff" * 1000, b"get k\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500,
    request("set", b"stolen", b"value"), request("get", b"k"), request("noop"),
    request("flush"), request("0xe0", b"", b"\0" * 64), request("0xe0", b"", b"", nbody=0xFFFFFFFF),
    request("0xe1", b"", b"x" * 100), request("0xe3", b"", b"x" * 5000), request("0xff", b"k", b"v"),
    request("0xe0", b"", b"short")[:20],
)


def case_end_with_a_stuck_peer(lab):
    """However rare heartbeats are, the nodes meet at once, and SIGTERM waits for the peer
    for 5 s and no longer."""
    start = time.monotonic()
    a, b = lab.pair(config="heartbeat=60000;timeout=600000")
    met = time.monotonic() - start
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    b.pause()
    assert a.client().store("late", "v") == "STORED"
    start = time.monotonic()
    a.stop()
    seconds = time.monotonic() - start
    b.cont()
    assert met < 8 * lab.build.slowness, "it took %.1f s until they met" % met
    assert seconds < 8 * lab.build.slowness, "shutting down took %.1f s" % seconds
    return "met after %.1f s, shutting down took %.1f s" % (met, seconds)


def case_nobody_reads_the_log(lab):
    """Standard error is a full pipe: the node continues, and later logs how many lines
    are lost."""
    a, b = lab.add_pair()
    reader, writer = os.pipe()
    a.process = subprocess.Popen(a.command, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer)
    try:
        lab.until(a.answers, "a takes connections")
        b.start()
        lab.linked(a, b)
        assert a.client().store("k", "v") == "STORED"
        lab.drained(a)
        fill_pipe(writer)
        assert a.ctl("demote")[0] == 0
        assert a.client().store("k", "w") == "STORED" and a.stat("repl_role") == "active"
        lab.linked(a, b)
        lab.drained(a)
        lab.same(a, b, ["k"])
        os.read(reader, 1 << 20)
        assert a.ctl("promote")[0] == 0 and a.ctl("demote")[0] == 0
        text = os.read(reader, 1 << 20).decode()
        assert "lines are lost here" in text and "standby now" in text, text
    finally:
        a.stop()
        os.close(reader)
        os.close(writer)


def fill_pipe(writer):
    """Fills it through a separate file description: the node's own one stays blocking."""
    end = os.open("/proc/self/fd/%d" % writer, os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            os.write(end, b"x" * 4096)
    except BlockingIOError:
        pass
    finally:
        os.close(end)


def case_garbage_on_the_link(lab):
    """Bytes that do not come from a peer: the node disconnects with a reason in the log,
    applies nothing, and the pair stays a pair."""
    a, b = lab.pair(config="timeout=1000")
    assert a.client().store("k", "x") == "STORED"
    lab.drained(a)
    generator = random.Random(4711)
    pieces = list(GARBAGE) + [generator.randbytes(generator.randrange(1, 3000)) for _ in range(50)]
    for node in (a, b):
        said = len(node.log())
        for piece in pieces:
            try:
                with Connection(("127.0.0.1", node.listen_repl), 10.0) as stranger:
                    stranger.send(piece)
                    stranger.socket.shutdown(socket.SHUT_WR)
                    while not stranger.is_closed():
                        stranger.inbox = b""
            except OSError:
                continue
        assert len(node.log()) > said, "%s does not log it" % node.name
        assert node.client().item("stolen") is None, "a stranger's set was applied"
        assert node.client().item("k"), "a stranger's flush was applied"
    lab.linked(a, b)
    assert a.client().store("k", "y") == "STORED"
    lab.until(lambda: b.client().item("k")[2] == b"y", "changes flow again")
    return "%d kinds on each node" % len(pieces)


def case_silent_connections(lab):
    """Silent connections to the replication port are closed after a while."""
    a, b = lab.pair(config="timeout=500")
    strangers = [Connection(("127.0.0.1", a.listen_repl), 15.0) for _ in range(20)]
    assert a.client().store("k", "x") == "STORED"
    lab.linked(a, b)
    for stranger in strangers:
        stranger.timeout = 15.0 * lab.build.slowness
        while not stranger.is_closed():
            stranger.inbox = b""
        stranger.close()
    lab.drained(a)
    lab.same(a, b, ["k"])


class Mess(threading.Thread):
    """Random changes to few keys, over text and binary, of all kinds."""

    def __init__(self, node, seed, count):
        super().__init__()
        self.node, self.count, self.error = node, count, None
        self.random = random.Random(seed)

    def run(self):
        try:
            with self.node.connect() as lines, self.node.connect() as packets:
                for _ in range(self.count):
                    key = "mess%d" % self.random.randrange(200)
                    self.random.choice((self.text, self.text, self.packet))(lines, packets, key)
        except Exception as error:  # the joining thread reports it
            self.error = error

    def text(self, client, _, key):
        value = str(self.random.randrange(10 ** self.random.randrange(1, 19)))
        name = self.random.choice(("set", "set", "add", "replace", "append", "prepend", "incr",
                                   "decr", "delete", "touch"))
        if name in ("incr", "decr"):
            client.ask("%s %s %d" % (name, key, self.random.randrange(1000)))
        elif name == "delete":
            client.ask("delete " + key)
        elif name == "touch":
            client.ask("touch %s %d" % (key, self.random.choice((0, 100, 10000))))
        else:
            client.store(key, value, self.random.randrange(2 ** 32),
                         self.random.choice((0, 100, 100000)), name)

    def packet(self, _, client, key):
        name = self.random.choice(("set", "append", "delete", "incr", "gat", "touch"))
        value = b"7" * self.random.randrange(30) if name in ("set", "append") else b""
        client.call(name, key.encode(), value, flags=self.random.randrange(2 ** 32), exp=1000)


def case_random_changes(lab):
    """Four clients change 200 keys with every command; in the end both nodes agree on all
    keys."""
    a, b = lab.pair("-t", "4")
    messes = [Mess(a, seed, scaled(lab, 5000)) for seed in range(4)]
    for mess in messes:
        mess.start()
    for mess in messes:
        mess.join()
        if mess.error:
            raise Failed("a client: %s" % mess.error)
    lab.drained(a)
    lab.same(a, b, ["mess%d" % n for n in range(200)])


def case_hot_key(lab):
    """One key changes over and over: the last state counts, and skipped states are
    counted."""
    a, b = lab.pair()
    assert a.client().store("hot", "0") == "STORED"
    with a.connect() as client:
        for _ in range(20):
            client.send(b"incr hot 1 noreply\r\n" * 1000)
        assert client.ask("incr hot 1") == [b"20001"]
    lab.drained(a)
    lab.same(a, b, ["hot"])
    assert b.client().item("hot")[2] == b"20001"
    return "%s shipped, %s coalesced" % (a.stat("repl_shipped"), a.stat("repl_coalesced"))


def case_a_million_sets(lab):
    """Throughput of a pair; every item is right on the standby."""
    count = scaled(lab, 1000000)
    a, b = lab.pair("-m", "1024", "-t", "1")
    text = lab.run_load(a, "--fill", count, "--pipeline", 32)
    lab.drained(a, 60)
    lab.run_load(b, "--check", count, "--pipeline", 32)
    assert number(a, "evictions") == 0 and number(b, "evictions") == 0
    return text[text.index("seconds"):]


case_a_million_sets.alone = True
