"""A node is missing keys that its clients want, and asks its peer for them: a restart
with clients over a slow link, a cut of the link, a stuck peer, many clients that want one
key."""

import os
import random
import struct
import threading
import time

from case_failover import fill, scaled
from harness.peer import EMPTY, Peer, note
from harness.wire import Closed, Connection, Timeout, request

PLACE = "two"
SLOW = 2e6  # bytes a second: a copy then takes some seconds
COUNTERS = 50
PATIENT = "fetch_wait=500"  # the machine may be busy with other work


def number(node, name):
    return int(node.stat(name))


class Reader(threading.Thread):
    """Reads random keys, and reconnects when the node is gone. seen: the time, the
    duration, and whether it was a hit."""

    def __init__(self, node, count):
        super().__init__(daemon=True)
        self.node, self.count, self.seen, self.done = node, count, [], threading.Event()

    def run(self):
        connection = None
        while not self.done.is_set():
            try:
                connection = connection or Connection(self.node.address, 10.0)
                start = time.monotonic()
                found = len(connection.ask("get key%d" % random.randrange(self.count))) > 1
                end = time.monotonic()
                self.seen.append((end, end - start, found))
            except (OSError, Closed, Timeout):
                connection = None
                time.sleep(0.001)


class Readers:
    def __init__(self, node, count, crowd=3):
        self.readers = [Reader(node, count) for _ in range(crowd)]

    def __enter__(self):
        for reader in self.readers:
            reader.start()
        return self

    def __exit__(self, *_):
        for reader in self.readers:
            reader.done.set()
        for reader in self.readers:
            reader.join(20)

    def since(self, start):
        return sorted(row for reader in self.readers for row in list(reader.seen) if row[0] >= start)


def ratio(rows):
    return sum(row[2] for row in rows) / max(len(rows), 1)


def slowest(rows, share=0.99):
    times = sorted(row[1] for row in rows)
    return times[int(len(times) * share)] if times else 0.0


def seconds_of(rows):
    """The rows of each whole second."""
    start = rows[0][0]
    parts = {}
    for row in rows:
        parts.setdefault(int(row[0] - start), []).append(row)
    return [parts[second] for second in sorted(parts)[:-1] or sorted(parts)]


def full_pair(lab, count, *options, **more):
    """a is active and has `count` items and some counters; b has all of them."""
    a, b = lab.pair(*options, proxied=True, **more)
    fill(lab, a, count)
    for index in range(COUNTERS):
        assert a.client().store("counter%d" % index, "%d" % (1000 + index)) == "STORED"
    lab.drained(a)
    return a, b


def restart(a):
    """Restarts a empty, at once; its clients reconnect."""
    a.kill()
    a.launch()


def counters_go_on(lab, a, first=0, by=1):
    """Each counter continues as if nothing had happened."""
    lab.until(a.answers, "a takes connections")
    for index in range(first, COUNTERS):
        answer = a.ask("incr counter%d 1" % index)[0]
        assert answer == b"%d" % (1000 + index + by), "counter %d: %r" % (index, answer)


def case_fast_restart(lab):
    """An active node restarts empty while it has clients, over a slow link: it is warm at
    once, however long the copy takes, and counters continue."""
    count, rate, config = scaled(lab, 60000), SLOW, PATIENT
    if os.environ.get("MCD_LONG"):  # with the installed settings, on an otherwise idle machine
        count, rate, config = 1000000, 5e6, "dirty_bits=24"
    a, b = full_pair(lab, count, "-m", "1024", config=config)
    for proxy in lab.proxies:
        proxy.rate = rate
    with Readers(a, count) as readers:
        lab.until(lambda: len(readers.since(0)) > 1000, "the readers read")
        restart(a)
        start = time.monotonic()
        counters_go_on(lab, a)
        lab.drained(a, 120)
        rows = readers.since(start)
    copied = time.monotonic() - start
    ratios = [ratio(part) for part in seconds_of(rows)]
    assert min(ratios) >= 0.99, "hit ratio by the second: %s" % " ".join("%.3f" % r for r in ratios)
    assert number(a, "repl_fetch_hits") > COUNTERS
    counters_go_on(lab, a, by=2)
    lab.same(a, b, ["counter%d" % index for index in range(COUNTERS)])
    return "copied in %.1f s, hit ratio of the worst second %.4f, p99 %.1f ms, %d fetched" % (
        copied, min(ratios), slowest(rows) * 1000, number(a, "repl_fetch_hits"))


def case_cut_in_the_middle(lab):
    """The link breaks while an active node is filled: misses, but no stall. When the link
    is back, everything is there, and no counter has restarted."""
    count = scaled(lab, 40000)
    a, b = full_pair(lab, count, config=PATIENT)
    for proxy in lab.proxies:
        proxy.rate = scaled(lab, SLOW)
    with Readers(a, count) as readers:
        restart(a)
        counters_go_on(lab, a)
        lab.until(lambda: number(a, "repl_fetch_hits") > 100, "a fetches")
        for proxy in lab.proxies:
            proxy.cut()
        lab.until(lambda: a.stat("repl_link") == "down", "a sees that the link is down")
        cut = time.monotonic()
        lab.until(lambda: len(readers.since(cut)) > 2000, "the readers read on")
        alone = readers.since(cut)
        for index in range(COUNTERS):
            assert a.ask("incr counter%d 1" % index)[0] in (b"NOT_FOUND", b"%d" % (1002 + index))
        for proxy in lab.proxies:
            proxy.rate = None
            proxy.heal()
        lab.linked(a, b)
        lab.drained(a, 120)
    worst = slowest(alone)
    assert worst < 0.1 * lab.build.slowness, "p99 without a peer: %.1f ms" % (worst * 1000)
    lost = [index for index in range(COUNTERS)
            if int((a.client().item("counter%d" % index) or (0, 0, b"0"))[2]) < 1001 + index]
    missing = sum(a.client().item("key%d" % index) is None for index in range(0, count, 7))
    assert not lost, "counters that began anew or are gone: %s" % lost
    assert missing <= count / 7 / 100, "%d of %d items are gone" % (missing, count // 7)
    return "alone: hit ratio %.2f, p99 %.2f ms" % (ratio(alone), worst * 1000)


def case_one_key_many_clients(lab):
    """All clients that ask for one key at the same time wait for one answer."""
    a, b = full_pair(lab, 1000, config="timeout=20000;heartbeat=1000;fetch_wait=5000")
    a.kill()
    for proxy in lab.proxies:
        proxy.freeze()
    a.start()
    crowd = [a.connect() for _ in range(40)]
    for one in crowd:
        one.send(b"get key7\r\n")
    b.stat("repl_role")
    for proxy in lab.proxies:
        proxy.rate = SLOW / 10
        proxy.heal()
    for one in crowd:
        assert one.line().startswith(b"VALUE key7 "), "a client got a miss"
        one.line()
        assert one.line() == b"END"
        one.close()
    # None if the copy has already brought it.
    assert number(a, "repl_fetches") <= 1, "asked for %s times" % a.stat("repl_fetches")
    for proxy in lab.proxies:
        proxy.rate = None
    lab.drained(a)


def case_every_command(lab):
    """Each command that depends on the previous value finds it, in both protocols, and
    the answers of a pipeline are in order."""
    a, b = full_pair(lab, 20000, config="fetch_wait=5000")
    for proxy in lab.proxies:
        proxy.rate = SLOW / 10
    restart(a)
    lab.until(a.answers, "a takes connections")
    text, binary = a.connect(), a.connect()
    cas = b.client().item("key5")[1]
    length = len(b.client().item("key1")[2])
    text.send(b"gets key1 key2 nothing key3\r\nincr counter1 5\r\ndecr counter2 2\r\n"
              b"append key4 0 0 1\r\n+\r\nprepend key6 0 0 1\r\n-\r\n"
              b"replace key7 0 0 1\r\nr\r\nadd key8 0 0 1\r\na\r\n"
              b"cas key5 0 0 1 %d\r\nc\r\ntouch key9 100\r\ngat 100 key10\r\n"
              b"mg key11 s\r\nma counter3 v\r\nincr nothing 1\r\n" % cas)
    for key in (b"key1", b"key2", b"key3"):
        assert text.line().startswith(b"VALUE %s " % key)
        text.line()
    told = [text.line() for _ in range(9)]
    assert told == [b"END", b"1006", b"1000", b"STORED", b"STORED", b"STORED", b"NOT_STORED",
                    b"STORED", b"TOUCHED"], told
    assert text.line().startswith(b"VALUE key10 ")
    text.line()
    told = [text.line() for _ in range(5)]
    assert told == [b"END", b"HD s%d" % length, b"VA 4", b"1004", b"NOT_FOUND"], told
    quiet = [request("getq", b"key%d" % n, opaque=n) for n in range(20, 26)]
    binary.send(b"".join(quiet) + request("getq", b"nothing") + request("noop", opaque=99))
    assert [binary.response().opaque for _ in range(7)] == list(range(20, 26)) + [99]
    for name, key, more, wanted in (
            ("incr", b"counter4", {"delta": 2, "initial": 7}, 1006),
            ("decr", b"counter5", {"delta": 1, "initial": 7}, 1004),
            ("incr", b"fresh", {"delta": 1, "initial": 7}, 7)):
        assert binary.call(name, key, **more).number == wanted
    assert binary.call("add", b"key30", b"x").status == "EXISTS"
    assert binary.call("touch", b"key31", exp=100).status == "OK"
    assert binary.call("gat", b"key32", exp=100).status == "OK"
    assert binary.call("append", b"key33", b"x").status == "OK"
    assert binary.call("delete", b"key34", cas=12345).status == "EXISTS"
    stats = a.stats()
    assert (int(stats["get_hits"]), int(stats["touch_hits"])) == (10, 4), stats
    assert int(stats["cmd_get"]) == int(stats["get_hits"]) + int(stats["get_misses"])
    for proxy in lab.proxies:
        proxy.rate = None
    lab.drained(a, 60)
    lab.same(a, b, ["key%d" % n for n in range(1, 40)] + ["counter%d" % n for n in range(6)])


def case_peer_stuck(lab):
    """The peer is stopped: a few requests wait as long as configured, and none after
    them. When the peer continues, missing keys are fetched again."""
    count = scaled(lab, 40000)
    a, b = full_pair(lab, count, config="timeout=20000;heartbeat=1000;fetch_wait=50")
    for proxy in lab.proxies:
        proxy.rate = SLOW
    restart(a)
    lab.until(a.answers, "a takes connections")
    lab.until(lambda: a.ask("get key1")[0].startswith(b"VALUE"), "what is missing is fetched")
    b.pause()
    times = []
    for index in range(count - 1000, count):
        start = time.monotonic()
        a.ask("get key%d" % index)
        times.append(time.monotonic() - start)
    b.cont()
    assert max(times) < 1.0 * lab.build.slowness, "one waited for %.0f ms" % (max(times) * 1000)
    assert sorted(times)[len(times) // 2] < 0.02, "nearly all of them waited"
    assert number(a, "repl_fetch_timeouts") >= 1
    lab.until(lambda: a.ask("get key%d" % random.randrange(count))[0].startswith(b"VALUE"), "it answers")
    for proxy in lab.proxies:
        proxy.rate = None
    lab.drained(a, 60)
    return "longest wait %.1f ms, %s waited in vain" % (max(times) * 1000,
                                                       a.stat("repl_fetch_timeouts"))


def case_switched_off(lab):
    """fetch_wait=0: an immediate miss."""
    a, b = full_pair(lab, 20000, config="fetch_wait=0")
    for proxy in lab.proxies:
        proxy.rate = SLOW / 10
    restart(a)
    lab.until(a.answers, "a takes connections")
    misses = sum(a.ask("get key%d" % index) == [b"END"] for index in range(200))
    assert misses > 100 and number(a, "repl_fetches") == 0
    for proxy in lab.proxies:
        proxy.rate = None
    lab.linked(a, b)


def case_hostile_peer(lab):
    """The peer asks for anything, in invalid terms, and sends data that nobody asked
    for."""
    a, _ = lab.add_pair(config="timeout=20000;heartbeat=1000")
    a.start()
    for index in range(100):
        assert a.client().store("k%d" % index, "v" * 10000) == "STORED"
    peer = Peer(lab, a)
    peer.follow()
    wanted = b"".join(note(b"k%d" % index) for index in range(10, 100))
    peer.send("FETCH", struct.pack("!Q", peer.term + 1) + wanted)
    peer.send("FETCH", struct.pack("!Q", peer.term))
    for _ in range(30):  # far more than a node would keep for it
        peer.send("FETCH", struct.pack("!Q", peer.term) + wanted)
    peer.send("FILL", struct.pack("!II", 0, 0) + b"evil" + b"value", nkey=4, nextra=8, cas=7)
    peer.ping()
    lab.until(lambda: number(a, "repl_bytes_in") > 30 * len(wanted), "a has read it all")
    assert a.client().item("k7") and not a.client().item("evil")
    assert peer.await_op("FILL")
    # Messages that only an active node may send have no effect; requests of a standby are
    # answered.
    term = struct.pack("!Q", peer.term)
    peer.send("NOTICE", term + note(b"k7", kind=2, extra=b"\xff" * 8) + note(b"k8", kind=1))
    peer.send("ABSENT", term + note(b"k7", kind=3))
    peer.send("WANT", term + note(b"k9") + note(b"nobody's"))
    lab.until(lambda: any(got[0] == "FILL" and got[2].endswith(b"k9" + b"v" * 10000)
                          for got in iter(peer.receive, None)), "k9 comes")
    assert a.client().item("k7") and a.client().item("k8")
    peer.send("FETCH", term + b"\0\3\0\0k1")
    assert "malformed list of keys" in peer.farewell()
    assert a.stat("repl_role") == "active"


def case_answers_nobody_asked_for(lab):
    """An active node is missing everything, and its peer answers other things than were
    asked."""
    a, _ = lab.add_pair(config="timeout=20000;heartbeat=1000;fetch_wait=2000")
    a.start()
    assert a.client().store("mine", "v") == "STORED"
    peer = Peer(lab, a, active=0)
    peer.say_hello()
    role = peer.await_op("ROLE")
    peer.term = struct.unpack_from("!Q", role[2])[0]
    term = struct.pack("!Q", peer.term)
    peer.send("MAP", term + EMPTY + EMPTY)
    peer.await_op("MERGE")
    client = a.connect()
    client.send(b"get wanted\r\n")
    assert peer.await_op("FETCH")[2] == term + note(b"wanted")
    batch = peer.await_op("NOOP")[1]
    for op, key in (("SETQ", b"wanted"), ("FILL", b"mine"), ("FILL", b"other")):
        peer.send(op, struct.pack("!II", 0, 0) + key + b"false", nkey=len(key), nextra=8, cas=7)
    peer.acknowledge(batch + 5)
    peer.ping()
    peer.acknowledge(batch)
    assert client.line() == b"END"
    assert a.client().item("mine")[2] == b"v"
    client.close()
    peer.close()
    lab.until(lambda: a.stat("repl_link") == "down", "the link is down")
