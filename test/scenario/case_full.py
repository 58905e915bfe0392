"""A pair with full caches: replication does not change what the active node keeps, and
the standby keeps the same."""

from harness.content import Difference, Zipf, cache_aside, read, write
from harness.report import Failed

PLACE = "two"
VALUE = b"v" * 200


def number(node, name):
    return int(node.stat(name))


def scaled(lab, count):
    """Smaller numbers if a sanitizer slows things down; a cache still has tens of
    segments."""
    return count // 4 if lab.build.sanitized else count


def memory(lab, megabytes):
    """Not less than 4: in a store of 2 MiB a mirror may have to evict on its own (doc/store.md)."""
    return "-m", str(max(scaled(lab, megabytes), 4))


def at_rest(lab, a, b, good, seconds=10):
    """Waits until the content of both nodes is as required; returns the difference."""
    seen = []

    def compare():
        seen[:] = [Difference(*(read(node.client(), good.keys) for node in (a, b)))]
        return good(seen[0])

    lab.drained(a)
    try:
        lab.until(compare, good.what, seconds)
    except Failed as error:
        raise Failed("%s: %s" % (error, seen[0])) from None
    return seen[0]


class Equal:
    """Both nodes hold the same of these keys."""

    what = "both nodes hold the same keys"

    def __init__(self, keys):
        self.keys = keys

    def __call__(self, difference):
        return not difference


class Part(Equal):
    """The second node holds none of these keys that the first does not hold."""

    what = "the standby holds a subset of the active node's keys"

    def __call__(self, difference):
        return not difference.only_theirs and not difference.unequal


# ---- what a client of the active node notices


def run_trace(lab, node, load):
    """Stores items that expire unread, then more than fits; returns the results."""
    client, count = node.client(), scaled(lab, 400000)
    write(client, ["mortal%d" % index for index in range(scaled(lab, 20000))], VALUE, 1)
    lab.until(lambda: number(node, "curr_items") == 0, "the expired items are gone")
    hits = cache_aside(client, load.draw(count), VALUE)
    stats = node.stats()
    counts = {name: int(stats[name]) for name in (
        "evictions", "evicted_unfetched", "expired_unfetched")}
    return {"hit ratio": 100.0 * hits / count, **counts}


def near(one, other, percent):
    return abs(one - other) <= max(one, other) * percent / 100.0


def case_unread_counters(lab):
    """The same trace on a single node and on the active node of a pair: shipping an item
    does not count as a read. So the small queue filters as well, the hit ratio is the
    same, and so are the counts of items that nobody ever read."""
    def trace():
        return Zipf(scaled(lab, 200000), 1.0, once=0.3)

    alone = run_trace(lab, lab.single(*memory(lab, 8), name="alone"), trace())
    lab.nodes["alone"].stop()
    a, b = lab.pair(*memory(lab, 8))
    assert a.client().store("k", "v") == "STORED" and a.ask("delete k") == [b"DELETED"]
    lab.drained(a)
    load = trace()
    paired = run_trace(lab, a, load)
    text = "; ".join("%s %.6g alone, %.6g with a standby" % (name, alone[name], paired[name])
                     for name in alone)
    unread = alone["evicted_unfetched"], alone["expired_unfetched"]
    assert min(unread) >= scaled(lab, 20000), text
    assert abs(alone["hit ratio"] - paired["hit ratio"]) <= 0.3, text
    for name in ("evicted_unfetched", "expired_unfetched"):
        assert near(alone[name], paired[name], 3), text
    return "%s; %s" % (text, at_rest(lab, a, b, Equal(load.drawn())))


# ---- what both nodes hold


def churn(lab, node, value):
    """Sets more than fits, and reads some of it again and again; returns all keys."""
    client, load = node.client(), Zipf(scaled(lab, 60000), 0.8)
    keys = []
    for turn in range(60):
        fresh = ["turn%d-%d" % (turn, index) for index in range(scaled(lab, 1500))]
        write(client, fresh, value)
        cache_aside(client, load.draw(scaled(lab, 5000)), value)
        keys += fresh
    return keys + load.keys


def case_standby_holds_what_active_holds(lab):
    """Equal memory, sets that evict, reads of some keys, then rest: both hold the same
    keys. Tells how much both have evicted and moved: as much, if the notices come in time."""
    a, b = lab.pair(*memory(lab, 8))
    keys = churn(lab, a, VALUE)
    difference = at_rest(lab, a, b, Equal(keys))
    assert difference.counts[0] < len(keys) * 0.9, "nothing was evicted: %s" % difference
    counts = ", ".join("%s %d and %d" % (name, number(a, name), number(b, name))
                       for name in ("evictions", "items_moved", "repl_notices_lost"))
    return "of %d keys written: %s; %s" % (len(keys), difference, counts)


def dumped(node):
    """What lru_crawler metadump tells of all items, but how long ago each was read."""
    told, items = (b"key", b"exp", b"cas", b"size"), set()
    with node.connect() as client:
        client.send(b"lru_crawler metadump all\r\n")
        lines = client.socket.makefile("rb")
        for line in iter(lines.readline, b"END\r\n"):
            assert line, "the dump has no end"
            items.add(tuple(word for word in line.split() if word.partition(b"=")[0] in told))
    return items


def come_to_hold_the_same(lab, a, b):
    """Both nodes are idle: without a command they soon hold the same. Once in sync, they stay so, but for
    the time in which the standby has no room for an item."""
    found = []

    def are_in_sync():
        return [number(node, "repl_in_sync") for node in (a, b)] == [1, 1]

    def compare():
        in_sync = are_in_sync()
        assert in_sync or "has no room for some items" in a.log(), a.last_words()
        mine, theirs = dumped(a), dumped(b)
        found.append("%d on one node only, %d on the other one" % (len(mine - theirs), len(theirs - mine)))
        untold = [number(node, "repl_untold_buckets") for node in (a, b)]
        return in_sync and mine == theirs and untold == [0, 0]

    lab.drained(a)
    lab.until(are_in_sync, "both nodes are in sync")  # who just began to follow has to hear of it
    try:
        lab.until(compare, "both nodes hold the same items", 30)
    except Failed as error:
        raise Failed("%s: %s" % (error, found[-1])) from None
    return "of %s items: %s; then %s" % (a.stat("curr_items"), found[0], found[-1])


def case_saturated(lab):
    """More sets than the notices of what they evict have room for, so the standby keeps what the active
    node evicts, is short of memory, and evicts on its own. When they end, the nodes come to hold the same."""
    a, b = lab.pair("-m", "16", config="journal=256k")
    load = lab.start_load(a, "--ratio", "1:0", "--keys", 2000000, "--pipeline", 32, "--ops",
                          scaled(lab, 1500000))
    try:
        lab.until(lambda: number(a, "evictions") > 0, "the active node evicts")
        b.pause()  # a quick machine has a standby that can follow
        lab.until(lambda: number(a, "repl_notices_lost") > 0, "notices have no room")
    finally:
        b.cont()
        lab.finish_load(load)
    return come_to_hold_the_same(lab, a, b)


def case_evicted_while_apart(lab):
    """Sets that evict, while the link is cut and when it is back; the role moves, too."""
    a, b = lab.pair(*memory(lab, 16), proxied=True)
    write(a.client(), ["before%d" % index for index in range(scaled(lab, 80000))], VALUE)
    lab.drained(a)
    for proxy in lab.proxies:
        proxy.cut()
    lab.until(lambda: a.stat("repl_link") == "down", "a has no link")
    write(a.client(), ["apart%d" % index for index in range(scaled(lab, 20000))], VALUE)
    assert number(a, "repl_untold_buckets") > 0
    for proxy in lab.proxies:
        proxy.heal()
    lab.linked(a, b)
    assert b.ctl("promote")[0] == 0
    return come_to_hold_the_same(lab, b, a)


def case_half_a_standby(lab):
    """A standby with half the memory holds a subset of the active node's keys, and
    nothing else."""
    a, b = lab.add_pair()
    a.command += memory(lab, 16)
    b.command += memory(lab, 8)
    for node in (a, b):
        node.start()
    lab.linked(a, b)
    keys = churn(lab, a, VALUE)
    difference = at_rest(lab, a, b, Part(keys))
    least = 0.3 if lab.build.sanitized else 0.4  # with few segments, a large part is being filled
    assert difference.counts[1] > difference.counts[0] * least, "it is not full: %s" % difference
    return "of %d keys written: %s" % (len(keys), difference)


def case_a_copy_of_the_same_evicts_nothing(lab):
    """A standby that is full and holds the same is sent all of it once more, values in chunks among it: it
    makes no room for what it has."""
    a, b = lab.pair(*memory(lab, 24), "-I", "2m")
    keys = churn(lab, a, VALUE)
    large = ["large%d" % index for index in range(2)]
    for key in large:
        assert a.client().store(key, "v" * 1200000) == "STORED"
    difference = at_rest(lab, a, b, Equal(keys + large))
    before = [number(node, "evictions") for node in (a, b)]
    copied = number(a, "repl_resync_items")
    code, text = a.ctl("resync")
    assert code == 0, text
    lab.until(lambda: number(a, "repl_resync_items") - copied >= difference.counts[0], "all is copied", 30)
    lab.drained(a)
    more = [number(node, "evictions") - was for node, was in zip((a, b), before)]
    assert min(before) > 0 and more == [0, 0], "evictions %s, and %s more" % (before, more)
    return "%d items copied" % (number(a, "repl_resync_items") - copied)
