"""Keys that change again and again, faster than the link."""

import time

from case_failover import fill, scaled


def number(node, name):
    return int(node.stat(name))


def case_a_slow_link(lab):
    """Keys that change again and again wait as one change each, also if they are many: so the standby
    is late by what is on the way, and not by all that was written."""
    # Not fewer changes under a sanitizer: what is on the way would not become less with them.
    keys, changes = 1000, 200000
    a, b = lab.pair(proxied=True, config="timeout=20000;heartbeat=1000;journal=64m")
    fill(lab, a, keys)
    lab.drained(a)
    before = number(a, "repl_shipped")
    for proxy in lab.proxies:
        proxy.rate = scaled(lab, 1 << 20)
    lab.run_load(a, "--ratio", "1:0", "--keys", keys, "--ops", changes, "--pipeline", 16, "--generation", 1)
    start = time.monotonic()
    lab.drained(a, 100)
    late, shipped = time.monotonic() - start, number(a, "repl_shipped") - before
    assert number(a, "repl_journal_overflows") == 0, "the journal was too small for this"
    assert number(a, "repl_coalesced") > 0 and shipped < changes / 4, "%d of %d changes were sent" % (
        shipped, changes)
    lab.same(a, b, ["key%d" % n for n in range(0, keys, 100)])
    return "%d changes of %d keys: %d sent, the last %.1f s later" % (changes, keys, shipped, late)
