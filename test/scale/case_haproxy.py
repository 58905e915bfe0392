"""HAProxy in front of one pair: it asks the nodes which one is active."""

import os
import time

from harness.report import Failed, Skip
from load import Crowd, Judgement, Refused, TextClient, value_of
from programs import CONF, Program, have


def haproxy(lab, pair):
    """The shipped configuration with the nodes' addresses."""
    with open(os.path.join(CONF, "haproxy.cfg"), encoding="utf-8") as file:
        text = file.read()
    for address, node in zip(("10.0.0.1:11211", "10.0.0.2:11211"), pair):
        text = text.replace(address, "127.0.0.1:%d" % node.port)
    path = os.path.join(lab.folder, "haproxy.cfg")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    Program(lab, "haproxy", ["haproxy", "-db", "-f", path], ("127.0.0.1", 11311))
    return ("127.0.0.1", 11311)


def play(lab, act, limit_ms):
    """A cold pair becomes usable through HAProxy by itself; then the active node
    fails."""
    if not have("haproxy", "-v"):
        raise Skip("haproxy is not installed (./dev deps installs it)")
    nodes = lab.pair("-m", "64", "-t", "2", config="standby_writes=alone;dirty_bits=16")
    proxy = haproxy(lab, nodes)
    keys = ["k%d" % number for number in range(500)]
    client = TextClient(proxy)

    since = [time.monotonic()]

    def settled():
        """HAProxy's first checks are done: new clients reach the active node, for a
        while."""
        client.close()
        try:
            client.set("k0", value_of("k0"))
        except Refused:
            since[0] = time.monotonic()
        return time.monotonic() - since[0] > 0.5

    lab.until(settled, "the cold pair accepts writes")
    active, standby = sorted(nodes, key=lambda node: node.stat("repl_role"))
    for key in keys:
        client.set(key, value_of(key))
    lab.drained(active)
    with Crowd(lambda: TextClient(proxy), keys) as crowd:
        lab.until(lambda: crowd.count() > 1000, "the load runs")
        start = time.monotonic()
        act(active)
        lab.until(lambda: standby.stat("repl_role") == "active", "the standby is active")
        count = crowd.count() + 1000
        lab.until(lambda: crowd.count() > count, "the load continues")
    judgement = Judgement(crowd, lambda key: 1, 1, start, start)
    gap = crowd.write_gap_ms()
    if crowd.all("misses"):
        raise Failed("%d misses; %s" % (len(crowd.all("misses")), judgement))
    lost = [key for key in crowd.stored() if standby.client().item(key) is None]
    early = [key for key in lost if crowd.stored()[key] < start - 0.5]
    if judgement.early or early or gap > limit_ms * lab.build.slowness:
        raise Failed("%d errors before it, %d long acknowledged writes lost, writes' gap %.0f ms, %s"
                     % (len(judgement.early), len(early), gap, judgement))
    kinds = ", ".join("%d x %s" % (n, text) for text, n in judgement.kinds.most_common(3))
    return "writes' gap %.0f ms, %d errors (%s), last one %.0f ms after the fault, %d writes lost" % (
        gap, len(judgement.own), kinds, (judgement.last - start) * 1000, len(lost))


def case_kill(lab):
    """Killed: its connections end, and a refused one marks it down."""
    return play(lab, lambda active: active.kill(), 1000)


def case_hang(lab):
    """Hung: HAProxy notices after 0.3 s. Without a guard the standby takes over when the
    link has been silent for 2 s, the option `timeout`."""
    return play(lab, lambda active: active.pause(), 5000)


def hand_over(active):
    code, text = active.ctl("handover")
    if code:
        raise Failed("handover: %s" % text)


def case_handover(lab):
    """Handover: nothing is lost, and no connection stays at the old node."""
    text = play(lab, hand_over, 1000)
    if " 0 writes lost" not in text:
        raise Failed(text)
    return text
