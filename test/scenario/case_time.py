"""TTLs and delayed flush_alls travel as moments: what the network does to them changes nothing."""

import glob
import os
import time

from harness.peer import Peer
from harness.report import Skip

PLACE = "two"
FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"
PATIENT = "timeout=20000;heartbeat=100"
TOLERANCE = 1.2  # the stores' clocks count seconds, and begin them at different moments


def meet(lab, **more):
    a, b = lab.pair(proxied=True, config=PATIENT, **more)
    assert a.client().store("first", "v") == "STORED"
    lab.drained(a)
    return a, b


def gone_at(lab, node, key):
    lab.until(lambda: node.client().item(key) is None, "%s has expired at %s" % (key, node.name))
    return time.monotonic()


def gone_together(lab, a, b, key):
    """It expires at b when it does at a: not later, and less than a second earlier."""
    begun = gone_at(lab, a, key)
    apart = gone_at(lab, b, key) - begun
    assert apart < TOLERANCE * lab.build.slowness, "%s outlives its time by %.1f s" % (key, apart)
    return "%.1f s later" % apart


def case_ttl_behind_a_late_link(lab):
    """The change waits on its way for longer than what is left of its life afterwards."""
    a, b = meet(lab)
    for proxy in lab.proxies:
        proxy.freeze()
    for key in ("k", "l"):
        assert a.client().store(key, "v", 0, 6 if key == "k" else 60) == "STORED"
    assert a.ask("touch first 6") == [b"TOUCHED"]
    time.sleep(4.5)
    for proxy in lab.proxies:
        proxy.heal()
    lab.until(lambda: b.client().item("l"), "the change comes")
    lives = a.client().life("l"), b.client().life("l")
    assert abs(lives[0] - lives[1]) <= 1, "lives of %s and %s s" % lives
    return "; ".join(gone_together(lab, a, b, key) for key in ("k", "first"))


def case_ttl_that_ends_on_the_way(lab):
    """Expired at the active node, it is not served by the standby, whenever it comes."""
    a, b = meet(lab)
    for proxy in lab.proxies:
        proxy.freeze()
    assert a.client().store("k", "v", 0, 1) == "STORED"
    assert a.client().store("l", "v") == "STORED"
    gone_at(lab, a, "k")
    time.sleep(1)
    for proxy in lab.proxies:
        proxy.heal()
    lab.until(lambda: b.client().item("l"), "what was sent behind it comes")
    assert b.client().item("k") is None, "it is served though it has expired"


def case_delayed_flush_behind_a_late_link(lab):
    """It comes late, and the link is late again when it takes effect."""
    a, b = meet(lab)
    for proxy in lab.proxies:
        proxy.freeze()
    before = b.stat("repl_applied")
    assert a.ask("flush_all 6") == [b"OK"]
    time.sleep(3)
    for proxy in lab.proxies:
        proxy.heal()
    lab.until(lambda: b.stat("repl_applied") != before, "it comes")
    for proxy in lab.proxies:
        proxy.freeze()
    return gone_together(lab, a, b, "first")


class WallClock:
    """What a node takes for the time of day; its monotonic clock is the machine's."""

    def __init__(self, lab, node):
        libraries = glob.glob(FAKETIME)
        if not libraries:
            raise Skip("faketime is not installed (./dev deps installs it)")
        if lab.build.sanitized:
            raise Skip("a sanitizer's runtime has to be loaded before faketime")
        self.path = os.path.join(lab.folder, node.name + ".time")
        self.step("+0")
        node.environment = dict(
            lab.environment, LD_PRELOAD=libraries[0], FAKETIME_DONT_FAKE_MONOTONIC="1",
            FAKETIME_NO_CACHE="1", FAKETIME_TIMESTAMP_FILE=self.path)
        self.node = node

    def step(self, offset):
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(offset + "\n")
        os.rename(self.path + ".new", self.path)

    def shows(self):
        return int(self.node.stat("time")) - time.time()


def case_clocks_are_told_under_load(lab):
    """A node that never has nothing to send still tells its clocks: they drift, and a store's second may
    begin at another moment than before."""
    a, _ = lab.add_pair(config=PATIENT)
    a.start()
    client = a.client()
    assert client.store("k", "v") == "STORED"
    peer = Peer(lab, a)
    peer.follow()
    told = []

    def tells():
        assert client.store("k", "v") == "STORED"
        told.extend(got[0] for got in iter(peer.receive_now, None))
        return told.count("PING") >= 5
    lab.until(tells, "it tells its clocks", seconds=5)


def case_ttl_while_the_wall_clocks_step(lab):
    """An hour ahead at one node, an hour back at the other: a life in seconds lasts as long."""
    a, b = lab.add_pair(config=PATIENT)
    clocks = WallClock(lab, a), WallClock(lab, b)
    a.start()
    b.start()
    lab.linked(a, b)
    assert a.client().store("before", "v", 0, 8) == "STORED"
    lab.drained(a)
    clocks[0].step("+1h")
    clocks[1].step("-1h")
    lab.until(lambda: clocks[0].shows() > 3500 and clocks[1].shows() < -3500, "the clocks step")
    assert a.client().store("after", "v", 0, 4) == "STORED"
    assert a.client().store("date", "v", 0, int(a.stat("time")) + 1800) == "STORED"
    lab.drained(a)
    lives = [node.client().life("before") for node in (a, b)]
    assert 0 < min(lives) and max(lives) <= 8, "lives of %s and %s s" % tuple(lives)
    lives = [node.client().life("date") for node in (a, b)]
    assert min(lives) >= 1797 and max(lives) <= 1801, "lives of %s and %s s" % tuple(lives)
    return "; ".join(gone_together(lab, a, b, key) for key in ("after", "before"))
