"""The promises of the product, case by case, on real processes: the rows of the table
"What happens when" in doc/replication.md. Each case is judged by the final content of
both nodes, and by probes: an item with a TTL, one with all flags, CAS tokens, and a
delayed flush_all."""

import math
import os
import threading
import time

from harness.report import Failed

PLACE = "two"
FLUSH_SECONDS = 6  # at least, see pair_with_data


def scaled(lab, count):
    return count // 10 if lab.build.sanitized else count


def fill(lab, node, count, generation=0, *options):
    return lab.run_load(node, "--fill", count, "--generation", generation, "--pipeline", 16, *options)


def check(lab, node, count, generation=0, *options):
    return lab.run_load(node, "--check", count, "--generation", generation, "--pipeline", 16, *options)


def number(node, name):
    return int(node.stat(name))


class Probes:
    """Items whose TTL, flags and CAS must survive, and a flush_all that must take effect
    in time (not if a sanitizer makes the case take longer than that)."""

    KEYS = ["mortal", "flags", "token", "spent"]

    def __init__(self, lab, node, seconds=FLUSH_SECONDS):
        self.lab, self.seconds = lab, seconds
        client = node.client()
        assert client.store("mortal", "v", exp=900) == "STORED"
        assert client.store("flags", "v", flags=2**32 - 1) == "STORED"
        assert client.store("token", "v") == "STORED"
        assert client.store("spent", "v") == "STORED"
        self.good, self.bad = client.item("token")[1], client.item("spent")[1]
        assert client.store("spent", "w") == "STORED"
        self.flushed = not lab.build.sanitized
        if self.flushed:
            assert node.ask("flush_all %d" % seconds) == [b"OK"]
        self.until = time.monotonic() + seconds
        lab.drained(node)

    def judge(self, active, standby):
        """Called when the case is over and the pair is in sync."""
        lab, client = self.lab, active.client()
        lab.same(active, standby, self.KEYS)
        assert client.item("flags")[0] == 2**32 - 1, client.item("flags")
        # A busy server may notice late that a second has passed; then it shows one more.
        life = client.life("mortal")
        assert 850 <= life <= 901, life
        answer = client.store("spent", "x", command="cas", cas=self.bad)
        assert answer == "EXISTS", "a spent token was answered with %s" % answer
        answer = client.store("token", "x", command="cas", cas=self.good)
        assert answer == "STORED", "a good token was answered with %s" % answer
        if not self.flushed:
            return
        assert time.monotonic() < self.until, "the case took longer than the flush_all"
        for node in (active, standby):
            lab.until(lambda node=node: not any(node.client().item(key) for key in self.KEYS),
                      "the delayed flush_all takes effect on %s" % node.name, self.seconds + 5)
        assert client.store("after", "v") == "STORED"
        lab.drained(active)
        lab.same(active, standby, ["after"])
        assert client.item("after"), "the flush_all removed a later item"


def pair_with_data(lab, count, **more):
    start = time.monotonic()
    a, b = lab.pair(**more)
    fill(lab, a, count)
    # The case must be over when the flush_all takes effect. This measures how long it
    # takes here.
    probes = Probes(lab, a, max(FLUSH_SECONDS, math.ceil(6 * (time.monotonic() - start))))
    assert a.stat("repl_role") == "active" and b.stat("repl_role") == "standby"
    return a, b, probes


def cut(lab, a, b):
    for proxy in lab.proxies:
        proxy.cut()
    for node in (a, b):
        lab.until(lambda node=node: node.stat("repl_link") != "streaming", "%s notices" % node.name)


def heal(lab, a, b, seconds=15.0):
    for proxy in lab.proxies:
        proxy.heal()
    lab.linked(a, b, seconds=seconds)


def case_standby_dies_returns_empty(lab):
    count = scaled(lab, 20000)
    a, b, probes = pair_with_data(lab, count)
    b.kill()
    fill(lab, a, count // 10, 1)
    b.start()
    lab.linked(a, b)
    lab.drained(a)
    check(lab, b, count // 10, 1)
    probes.judge(a, b)


def case_link_breaks_for_a_while(lab):
    """Only changed items are shipped. With --long: 60 s, and 10,000 of 1,000,000
    items."""
    is_long = bool(os.environ.get("MCD_LONG"))
    count, changed = (1000000, 10000) if is_long else (scaled(lab, 50000), scaled(lab, 500))
    more = {"config": "dirty_bits=24"} if is_long else {}  # the default, which the harness reduces
    a, b = lab.pair("-m", "512" if is_long else "64", proxied=True, **more)
    fill(lab, a, count)
    probes = None if is_long else Probes(lab, a)
    lab.drained(a)
    items, sent, memory = number(a, "repl_resync_items"), number(a, "repl_bytes_out"), a.memory()
    cut(lab, a, b)
    fill(lab, a, changed, 1)
    if is_long:
        lab.until(lambda start=time.monotonic(): time.monotonic() - start > 60, "60 s pass", 70)
    start = time.monotonic()
    heal(lab, a, b, 60 if is_long else 15)
    lab.drained(a)
    seconds = time.monotonic() - start
    items, sent = number(a, "repl_resync_items") - items, number(a, "repl_bytes_out") - sent
    check(lab, b, changed, 1)
    assert changed <= items <= changed * 1.1 + 10, "%d items for %d changes" % (items, changed)
    if probes:
        probes.judge(a, b)
    return "%d items, %d bytes for %d changes of %d, in sync %.2f s after the heal; RSS %d -> %d KiB" % (
        items, sent, changed, count, seconds, memory, a.memory())


def case_active_dies_vip_moves(lab):
    """The standby has all acknowledged changes; only those that repl_at_risk counted are
    lost."""
    count = scaled(lab, 20000)
    a, b, probes = pair_with_data(lab, count)
    lab.drained(a)
    assert number(a, "repl_at_risk") == 0
    a.kill()
    check(lab, b, count)
    assert b.client().store("new", "v") == "STORED"
    assert b.stat("repl_role") == "active"
    a.start()
    lab.linked(a, b)
    lab.drained(b)
    probes.judge(b, a)


def case_old_active_returns_empty(lab):
    """It joins as a standby, is filled, and is not healthy before it is full."""
    count = scaled(lab, 50000)
    a, b, probes = pair_with_data(lab, count)
    a.kill()
    fill(lab, b, count // 10, 1)
    a.launch()
    lab.until(lambda: os.path.exists(a.socket) and a.ctl("status")[0] == 0, "a answers")
    seen = []

    def healthy():
        items = a.ctl("health")
        seen.append(items)
        return items[0] == 0

    lab.until(healthy, "a is healthy")
    assert a.stat("repl_role") == "standby" and b.stat("repl_role") == "active"
    lab.drained(b)
    check(lab, a, count // 10, 1)
    probes.judge(b, a)
    return "; ".join(dict.fromkeys(text.split(":")[0] for _, text in seen))


def case_active_restarts_before_the_vip_moves(lab):
    """kill -9 and an immediate start: the node serves within 0.5 s and is refilled, and
    the writes of clients after the restart stay."""
    count = scaled(lab, 50000)
    a, b, probes = pair_with_data(lab, count)
    a.kill()
    start = time.monotonic()
    a.start()
    serves = time.monotonic() - start
    client = a.client()
    fresh = ["key%d" % n for n in range(0, count, count // 100)]
    for key in fresh:
        assert client.store(key, "fresh") == "STORED"
    lab.linked(a, b)
    lab.drained(a)
    for key in fresh:
        item = client.item(key)
        assert item and item[2] == b"fresh", "%s is %s: the refill overwrote a client" % (key, item)
    # Keys in a bucket with a key that was written before the nodes met are a miss.
    text = check_most(lab, a, count, len(fresh))
    check_most(lab, b, count, len(fresh))
    lab.same(a, b, fresh)
    assert a.stat("repl_role") == "active"
    probes.judge(a, b)
    assert serves < 0.5 * lab.build.slowness, "it took %.2f s until it served" % serves
    return "serves after %.3f s; %s" % (serves, text)


def check_most(lab, node, count, changed):
    client, right = node.client(), 0
    for begin in range(0, count, 100):
        lines = client.ask("get " + " ".join("key%d" % n for n in range(begin, begin + 100)))
        right += sum(1 for line in lines if line.startswith(b"VALUE "))
    if right < count - changed:
        raise Failed("%d of %d items came back" % (right, count))
    return "%d of %d items came back" % (right, count)


def case_both_alive_vip_moved(lab):
    """The new active node has the higher term, the old one steps down, and nothing is
    copied."""
    count = scaled(lab, 20000)
    a, b, probes = pair_with_data(lab, count)
    lab.drained(a)
    copied = number(a, "repl_resync_items") + number(b, "repl_resync_items")
    assert b.client().store("new", "v") == "STORED"
    lab.until(lambda: a.stat("repl_role") == "standby", "a steps down")
    lab.linked(a, b)
    lab.drained(b)
    assert number(b, "repl_term") > 1 and b.stat("repl_role") == "active"
    copied = number(a, "repl_resync_items") + number(b, "repl_resync_items") - copied
    assert copied <= 10, "%d items were copied" % copied
    check(lab, a, count)
    probes.judge(b, a)


def case_writes_never_shipped(lab):
    """These writes are recovered when the nodes meet again; keys that both changed are a
    miss."""
    a, b, probes = pair_with_data(lab, 1000, proxied=True)
    assert a.client().store("both", "old") == "STORED"
    lab.drained(a)
    cut(lab, a, b)
    for copy in range(50):
        assert a.client().store("late%d" % copy, "unshipped") == "STORED"
    assert a.client().store("both", "of a") == "STORED"
    assert number(a, "repl_at_risk") > 0
    assert b.client().store("both", "of b") == "STORED"
    heal(lab, a, b)
    lab.drained(b)
    for copy in range(50):
        item = b.client().item("late%d" % copy)
        assert item and item[2] == b"unshipped", item
    assert b.client().item("both") is None and a.client().item("both") is None
    probes.judge(b, a)


def case_split_brain(lab):
    """A key changed on one side is kept from there; one changed on both is a miss; both
    nodes end up equal."""
    a, b, probes = pair_with_data(lab, 1000, proxied=True)
    cut(lab, a, b)
    for copy in range(20):
        assert a.client().store("both%d" % copy, "of a") == "STORED"
        assert b.client().store("both%d" % copy, "of b") == "STORED"
        assert a.client().store("left%d" % copy, "of a") == "STORED"
        assert b.client().store("right%d" % copy, "of b") == "STORED"
        a.ask("delete key%d" % copy)
        b.ask("delete key%d" % (500 + copy))
    heal(lab, a, b)
    lab.drained(b)
    for copy in range(20):
        for node in (a, b):
            client = node.client()
            assert client.item("both%d" % copy) is None
            assert client.item("left%d" % copy)[2] == b"of a"
            assert client.item("right%d" % copy)[2] == b"of b"
            assert not client.item("key%d" % copy) and not client.item("key%d" % (500 + copy))
    probes.judge(b, a)


def case_planned_handover(lab):
    """2,000 writes a second from 8 connections: each acknowledged one is on the new
    active node."""
    a, b, probes = pair_with_data(lab, 1000)
    acknowledged, stop = {}, threading.Event()

    def write(worker):
        connection, count, start = a.connect(), 0, time.monotonic()
        while not stop.is_set():
            key, value = "w%d-%d" % (worker, count % 100), str(count)
            if connection.store(key, value) != "STORED":
                return
            acknowledged[key] = value.encode()
            count += 1
            stop.wait(max(0, start + count / 250 - time.monotonic()))

    writers = [threading.Thread(target=write, args=(worker,)) for worker in range(8)]
    for writer in writers:
        writer.start()
    try:
        lab.until(lambda: len(acknowledged) == 800, "the writers are at work")
        code, text = a.ctl("handover")
        for writer in writers:
            writer.join(20 * lab.build.slowness)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert code == 0 and "the peer is active now" in text, text
    for key, value in acknowledged.items():
        item = b.client().item(key)
        assert item and item[2] == value, "%s is %s, not %s" % (key, item, value)
    lab.linked(a, b)
    lab.drained(b)
    probes.judge(b, a)
    return text.splitlines()[-1]


def case_slow_or_stuck_peer(lab):
    """Clients never wait; a journal of 64 KiB spills into the map; the standby catches
    up."""
    count = scaled(lab, 100000)
    a, b, probes = pair_with_data(lab, count, config="journal=64k;timeout=60000")
    before = fill(lab, a, count, 1)
    lab.drained(a)
    b.pause()
    stuck = fill(lab, a, count, 2)
    at_risk = number(a, "repl_at_risk")
    b.cont()
    lab.drained(a, 60)
    check(lab, b, count, 2)
    assert number(a, "repl_journal_overflows") > 0, "the journal never overflowed"
    probes.judge(a, b)
    rates = [float(text.split("rate ")[1].split()[0]) for text in (before, stuck)]
    assert rates[1] > rates[0] / 4, "clients waited: %.0f writes a second, not %.0f" % (rates[1], rates[0])
    return "rate %.0f with the peer, %.0f with it stuck; %d at risk then; overflows %s" % (
        rates[0], rates[1], at_risk, a.stat("repl_journal_overflows"))


def case_peer_memory_smaller(lab):
    """The peer evicts by itself, and both nodes log that. What it holds is right."""
    a, b = lab.add_pair()
    a.command += ["-m", "64"]
    b.command += ["-m", "16"]
    for node in (a, b):
        node.start()
    lab.linked(a, b)
    count = scaled(lab, 200000)
    fill(lab, a, count, 0, "--size", 150)
    lab.drained(a)
    assert "has less memory" in a.log(), a.log()
    assert number(a, "repl_peer_memory") == 16 << 20 and number(b, "repl_peer_memory") == 64 << 20
    check(lab, a, count, 0, "--size", 150)
    text = check(lab, b, count, 0, "--size", 150, "--allow-missing", count)
    words = text.split()
    assert words[words.index("wrong") + 1] == "0", text
    assert lab.build.sanitized or int(b.stat("evictions")) > 0
    assert number(a, "evictions") == 0 and number(a, "repl_dirty_buckets") == 0
    return text


def case_cold_start(lab):
    """Both nodes start at the same time, then one alone: usable without an operator."""
    a, b = lab.add_pair()
    start = time.monotonic()
    a.launch()
    b.launch()
    lab.until(lambda: a.answers() and a.client().store("k", "v") == "STORED", "a takes writes")
    together = time.monotonic() - start
    b.start() if not b.process else lab.until(b.answers, "b answers")
    lab.linked(a, b)
    lab.drained(a)
    lab.same(a, b, ["k"])
    a.kill()
    b.kill()
    start = time.monotonic()
    b.start()
    assert b.client().store("k", "w") == "STORED"
    return "first write after %.2f s together, %.2f s alone" % (together, time.monotonic() - start)
