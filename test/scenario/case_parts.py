"""Copies by parts: what a break costs, what no copy endangers, what finds no room, and what the
figures say meanwhile."""

import threading
import time

from harness.content import Difference, lumps, read, values, write

PLACE = "two"
REST = 0.5  # seconds: a few turns of the background thread


def number(node, name):
    return int(node.stat("repl_" + name))


def keys(count):
    return ["k%d" % index for index in range(count)]


def equal(lab, a, b, names, seconds=15):
    """Waits until both hold the same of these keys."""
    seen = []

    def same():
        seen[:] = [Difference(*(read(node.client(), names) for node in (a, b)))]
        return not seen[0]

    lab.until(same, "both hold the same", seconds)


def in_sync(lab, *nodes, seconds=15):
    for node in nodes:
        lab.until(lambda node=node: number(node, "in_sync") == 1, node.name + " is in sync", seconds)


def link_proxies(lab, **what):
    for proxy in lab.proxies:
        for name, value in what.items():
            setattr(proxy, name, value)


class Cutter(threading.Thread):
    """Breaks the link again and again."""

    def __init__(self, proxies, pause):
        super().__init__(daemon=True)
        self.proxies, self.pause, self.over = proxies, pause, threading.Event()
        self.cuts = 0
        self.start()

    def run(self):
        while not self.over.wait(self.pause):
            for order in ("cut", "heal"):
                for proxy in self.proxies:
                    getattr(proxy, order)()
            self.cuts += 1

    def end(self):
        self.over.set()
        self.join()


def filled(lab, count, value, *arguments, config=""):
    """A pair behind proxies; both nodes hold so many keys."""
    a, b = lab.add_pair(*arguments, config=config, proxied=True)
    a.start()
    b.start()
    lab.linked(a, b)
    write(a.client(), keys(count), value)
    lab.drained(a)
    return a, b


def case_fill_through_a_link_that_is_cut_again_and_again(lab):
    """A fill takes several times as long as the link ever lasts."""
    a, b = lab.add_pair("-m", "128", proxied=True)
    a.start()
    write(a.client(), keys(8000), b"v" * 1000)
    link_proxies(lab, rate=4 << 20)
    cutter = Cutter(lab.proxies, 0.5)
    try:
        b.start()
        in_sync(lab, a, b, seconds=90)
    finally:
        cutter.end()
    assert cutter.cuts >= 2, cutter.cuts
    sent = number(a, "bytes_out")
    assert sent < 3 * 8000 * 1040, "%d bytes sent, %d cuts" % (sent, cutter.cuts)
    equal(lab, a, b, keys(8000))
    return "%d cuts, %d MB sent for 8" % (cutter.cuts, sent >> 20)


def case_everything_changed_before_the_standby_comes(lab):
    """The peer has room to note the keys of each part: nothing is sent twice, or called missing."""
    a, b = lab.add_pair("-m", "128")
    a.start()
    lab.run_load(a, "--fill", 150000, "--pipeline", 32)
    b.start()
    lab.linked(a, b)
    in_sync(lab, a, b, seconds=60)
    sent, refused = number(a, "resync_items"), number(b, "apply_failed")
    assert sent == 150000, "%d items sent for 150000" % sent
    assert refused == 0 and "no room" not in a.log(), a.log()
    lab.run_load(b, "--check", 150000, "--pipeline", 32)


def case_active_dies_during_a_resync(lab):
    """An operator's copy replaces: whenever the active dies, the standby holds all."""
    a, b = filled(lab, 20000, b"v" * 500, "-m", "128")
    link_proxies(lab, rate=3 << 20)
    before = number(a, "resync_items")
    a.ctl("resync")
    lab.until(lambda: number(a, "resync_items") - before > 5000, "the copy is under way", 30)
    assert number(a, "at_risk") == 0
    a.kill()
    held = values(read(b.client(), keys(20000)))
    assert len(held) == 20000, "%d of 20000 are left" % len(held)


def at_rest(lab, node):
    """What it has stored and takes, when its table has grown as large as it wants to be."""
    names, seen = ("total_items", "engine_used_bytes", "engine_dead_bytes"), [None, 0.0]

    def rests():
        now = [node.stat(name) for name in names]
        if now != seen[0]:
            seen[:] = [now, time.monotonic()]
        return time.monotonic() - seen[1] > REST
    lab.until(rests, "%s is at rest" % node.name, 30)
    return seen[0]


def case_a_copy_of_what_is_there_stores_nothing(lab):
    """An operator's copy to an equal standby costs it no memory."""
    a, b = filled(lab, 20000, b"v" * 500, "-m", "128")
    stored = at_rest(lab, b)
    before = number(a, "resync_items")
    a.ctl("resync")
    lab.until(lambda: number(a, "resync_items") - before >= 20000, "all is copied again", 30)
    in_sync(lab, a, b)
    again = at_rest(lab, b)
    assert again == stored, "%s, not %s" % (again, stored)
    equal(lab, a, b, keys(20000))


def case_changes_flow_during_a_long_repair(lab):
    """A pair is cut, all is deleted and half of it set anew: the repair purges much. A change that is
    made meanwhile is at the standby long before the repair is through."""
    a, b = filled(lab, 40000, b"v" * 300, "-m", "256", config="journal=65536")
    for proxy in lab.proxies:
        proxy.cut()
    lab.until(lambda: a.stat("repl_link") == "down", "the link is down")
    write(a.client(), keys(40000), b"w" * 300)
    before = number(a, "resync_items")  # the first fill may have been a copy in part
    link_proxies(lab, rate=1 << 20)
    for proxy in lab.proxies:
        proxy.heal()
    lab.until(lambda: number(a, "resync_items") - before > 1000, "the repair is under way", 30)
    slowest = 0.0
    for index in range(10):
        name = "new%d" % index
        start = time.monotonic()
        assert a.client().store(name, "x") == "STORED"
        lab.until(lambda name=name: b.client().item(name), name + " is at the standby")
        slowest = max(slowest, time.monotonic() - start)
    under_way = number(a, "dirty_buckets") > 0
    link_proxies(lab, rate=None)
    in_sync(lab, a, b, seconds=60)
    assert under_way, "the repair was over before the last change"
    equal(lab, a, b, keys(40000))
    return "the slowest change took %.0f ms" % (slowest * 1000)


def case_no_room_at_the_standby(lab):
    """-M on both, the standby smaller: what it had no room for is missing, and both say so. When room
    is made, it comes."""
    a, b = lab.add_pair("-M", "-t", "1")
    a.start("-m", "64")
    b.start("-m", "16")
    lab.linked(a, b)
    names = keys(12000)
    write(a.client(), names, b"v" * 2000)
    lab.until(lambda: number(a, "pending") == 0, "all is acknowledged", 30)
    lost = 12000 - len(read(b.client(), names))
    assert lost > 0, "there was room for all"
    for node in (a, b):
        assert number(node, "in_sync") == 0, node.name
        assert "room" in node.stat("repl_health"), node.stat("repl_health")
    assert number(a, "at_risk") > 0
    write_away(a, names[:9000])
    in_sync(lab, a, b, seconds=60)
    equal(lab, a, b, names)
    return "%d of 12000 had no room" % lost


def write_away(node, names):
    for lump in lumps(names):
        node.client().send(b"".join(b"delete %s noreply\r\n" % name.encode() for name in lump))
        node.client().ask("mn")


def case_at_risk_after_a_broken_fill(lab):
    """The link breaks while a standby is filled: what it has not got counts, also afterwards."""
    a, b = filled(lab, 20000, b"v" * 500, "-m", "128")
    b.kill()
    link_proxies(lab, rate=3 << 20)
    before = number(a, "resync_items")
    b.start()
    lab.until(lambda: number(a, "resync_items") - before > 5000, "the fill is under way", 30)
    for proxy in lab.proxies:
        proxy.cut()
    lab.until(lambda: a.stat("repl_link") == "down", "the link is down")
    missing = 20000 - len(read(b.client(), keys(20000)))
    told = number(a, "at_risk")
    assert missing * 0.9 <= told <= 20100, "%d are missing, %d are at risk" % (missing, told)
    write(a.client(), keys(20000), b"w")
    told = number(a, "at_risk")
    assert 20000 <= told <= 41000, told
    link_proxies(lab, rate=None)
    for proxy in lab.proxies:
        proxy.heal()
    in_sync(lab, a, b, seconds=60)
    assert number(a, "at_risk") == 0


def case_lag_of_a_standby_that_hangs(lab):
    a, b = lab.pair(config="timeout=20000;heartbeat=1000")
    assert a.client().store("before", "x") == "STORED"
    lab.drained(a)
    assert number(a, "lag_us") == 0
    b.pause()
    assert a.client().store("k", "v") == "STORED"
    start = time.monotonic()
    lab.until(lambda: number(a, "lag_us") > 1000000, "the lag grows")
    passed = time.monotonic() - start
    assert 0.8 < passed < 3 * lab.build.slowness, passed
    b.cont()
    lab.drained(a)
    assert number(a, "lag_us") == 0


def case_merge_cut_before_its_end(lab):
    """The active starts anew, empty, and is cut off between MAP and MERGE; then the role moves. What
    either changed stands."""
    a, b = filled(lab, 500, b"v")
    a.kill()
    lab.until(lambda: b.stat("repl_link") == "down", "b notices")
    # Whoever speaks with the new a hears its HELLO and ROLE; its MERGE does not pass.
    link_proxies(lab, alter={b"\x80\xe3\x00\x00": b"\x80\xee\x00\x00"})
    a.start()
    assert a.client().store("of_a", "1") == "STORED"
    lab.until(lambda: number(a, "merges") > 0, "a has merged")
    for proxy in lab.proxies:
        proxy.cut()
    for node in (a, b):
        lab.until(lambda node=node: node.stat("repl_link") == "down", "the link is down")
    link_proxies(lab, alter={})
    assert a.client().store("of_a_too", "2") == "STORED"
    assert b.client().store("of_b", "3") == "STORED"
    for proxy in lab.proxies:
        proxy.heal()
    in_sync(lab, a, b)
    for name, value in (("of_a", b"1"), ("of_a_too", b"2"), ("of_b", b"3"), ("k7", b"v")):
        for node in (a, b):
            assert node.client().item(name)[2] == value, (node.name, name)
    assert number(a, "invalidated") + number(b, "invalidated") == 0


case_merge_cut_before_its_end.in_clear = True
