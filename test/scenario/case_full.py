"""A pair whose caches are full: replication changes nothing of what the active one keeps, and the
standby keeps the same."""

from harness.content import Difference, Zipf, cache_aside, read, write
from harness.report import Failed

PLACE = "two"
VALUE = b"v" * 200


def number(node, name):
    return int(node.stat(name))


def scaled(lab, count):
    """Less of everything where a sanitizer makes it slow; a cache still has its tens of segments."""
    return count // 4 if lab.build.sanitized else count


def memory(lab, megabytes):
    return "-m", str(scaled(lab, megabytes))


def at_rest(lab, a, b, good, seconds=10):
    """Waits until what both nodes hold of all the keys is as it has to be; the difference."""
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
    """Of these keys both nodes hold the same."""

    what = "both nodes hold the same keys"

    def __init__(self, keys):
        self.keys = keys

    def __call__(self, difference):
        return not difference


class Part(Equal):
    """Of these keys the second node holds nothing that the first does not hold."""

    what = "the standby holds a part of what the active holds"

    def __call__(self, difference):
        return not difference.only_theirs and not difference.unequal


# ---- what a client of the active notices


def run_trace(lab, node, load):
    """Items that nobody reads before their time is over, then more than fits; what came of it."""
    client, count = node.client(), scaled(lab, 400000)
    write(client, ["mortal%d" % index for index in range(scaled(lab, 20000))], VALUE, 1)
    lab.until(lambda: number(node, "curr_items") == 0, "what is past its time is gone")
    hits = cache_aside(client, load.draw(count), VALUE)
    stats = node.stats()
    counts = {name: int(stats[name]) for name in (
        "evictions", "evicted_unfetched", "expired_unfetched")}
    return {"hit ratio": 100.0 * hits / count, **counts}


def near(one, other, percent):
    return abs(one - other) <= max(one, other) * percent / 100.0


def case_unread_counters(lab):
    """The same trace on a lone node and on the active one of a pair: a shipped item is not a read
    one, so the small queue filters as well, the hit ratio is the same, and so are the counts of
    what nobody ever read."""
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


# ---- what both hold


def churn(lab, node, value):
    """Sets more than fits, while some of it is read again and again; all keys."""
    client, load = node.client(), Zipf(scaled(lab, 60000), 0.8)
    keys = []
    for turn in range(60):
        fresh = ["turn%d-%d" % (turn, index) for index in range(scaled(lab, 1500))]
        write(client, fresh, value)
        cache_aside(client, load.draw(scaled(lab, 5000)), value)
        keys += fresh
    return keys + load.keys


def case_standby_holds_what_active_holds(lab):
    """Equal memory, evicting sets and reads of some keys, then rest: both hold the same keys."""
    a, b = lab.pair(*memory(lab, 16))
    keys = churn(lab, a, VALUE)
    difference = at_rest(lab, a, b, Equal(keys))
    assert difference.counts[0] < len(keys) * 0.9, "nothing was evicted: %s" % difference
    return "of %d keys written: %s" % (len(keys), difference)


def case_half_a_standby(lab):
    """A standby of half the memory holds a part of what the active holds, and nothing else."""
    a, b = lab.add_pair()
    a.command += memory(lab, 16)
    b.command += memory(lab, 8)
    for node in (a, b):
        node.start()
    lab.linked(a, b)
    keys = churn(lab, a, VALUE)
    difference = at_rest(lab, a, b, Part(keys))
    least = 0.3 if lab.build.sanitized else 0.4  # of few segments many are being filled
    assert difference.counts[1] > difference.counts[0] * least, "it is not full: %s" % difference
    return "of %d keys written: %s" % (len(keys), difference)
