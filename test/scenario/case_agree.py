"""What two nodes are to have alike: what they agree on when they meet, and what the log says."""

import time

PLACE = "two"


def watch(lab, node, seconds):
    """The link is up, and stays so."""
    before = node.stat("repl_reconnects")
    end = time.monotonic() + seconds * lab.build.slowness
    while time.monotonic() < end:
        assert node.stat("repl_link") == "streaming", "the link broke: %s" % node.stat("repl_last_error")
        time.sleep(0.05)
    assert node.stat("repl_reconnects") == before, "the link broke: %s" % node.stat("repl_last_error")


def case_times_that_differ(lab):
    """One says rarely that it lives, the other waits for a short time only: the larger of both count,
    and a peer that is gone is still noticed."""
    a, b = lab.pair(proxied=True, configs=("heartbeat=1000;timeout=2500", "heartbeat=50;timeout=300"))
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    watch(lab, a, 2.5)
    for node in (a, b):
        assert "heartbeat 1000 ms and timeout 2500 ms count" in node.log(), node.last_words()
    begun = time.monotonic()
    for proxy in lab.proxies:
        proxy.freeze()
    lab.until(lambda: b.stat("repl_link") != "streaming", "b notices")
    took = time.monotonic() - begun
    assert took > 1, "given up after %.1f s" % took
    return "given up after %.1f s" % took


def case_times_that_are_equal(lab):
    """Then there is nothing to say."""
    a, b = lab.pair(config="heartbeat=100;timeout=500")
    for node in (a, b):
        assert "count" not in node.log() and "give both nodes the same" not in node.log(), node.log()


def case_settings_that_differ(lab):
    """The log names them, on both nodes; in all other respects they are a pair."""
    a, b = lab.pair(configs=("lone=reject;dirty_bits=12", "standby_writes=alone;dirty_bits=10"))
    for node in (a, b):
        text = "the nodes differ in standby_writes, lone, dirty_bits: give both the same"
        assert text in node.log() and "on_conflict" not in node.log(), node.log()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    lab.same(a, b, ["k"])
