"""HAProxy before one pair: it asks the nodes who is active."""

import os

from harness.report import Failed, Skip
from load import Crowd, Judgement, TextClient, value_of
from world import CONF, Program, have


def haproxy(lab, pair):
    """The shipped configuration, the nodes' addresses put in place."""
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
    """A cold pair becomes usable through HAProxy by itself; then the active one goes."""
    nodes = lab.pair("-m", "64", "-t", "2", config="standby_writes=alone;dirty_bits=16")
    proxy = haproxy(lab, nodes)
    keys = ["k%d" % number for number in range(500)]
    client = TextClient(proxy)

    def stored():
        try:
            client.set("k0", value_of("k0"))
            return True
        except Exception:
            return False

    lab.until(stored, "the cold pair takes writes")
    lab.until(lambda: "active" in [node.stat("repl_role") for node in nodes], "one is active")
    active, standby = sorted(nodes, key=lambda node: node.stat("repl_role"))
    for key in keys:
        client.set(key, value_of(key))
    lab.drained(active)
    with Crowd(lambda: TextClient(proxy), keys) as crowd:
        lab.until(lambda: crowd.count() > 1000, "the load runs")
        start, back = act(active, standby)
        lab.until(lambda: crowd.good_since(back, set(keys)), "keys are served again")
        count = crowd.count() + 1000
        lab.until(lambda: crowd.count() > count, "the load goes on")
    assert standby.stat("repl_role") == "active", "the standby is not active"
    judgement = Judgement(crowd, lambda key: 1, 1, start, back)
    if crowd.all("misses"):
        raise Failed("%d misses; %s" % (len(crowd.all("misses")), judgement))
    lost = [key for key in crowd.stored() if standby.client().item(key) is None]
    early = [key for key in lost if crowd.stored()[key] < start - 0.5]
    if early or (limit_ms and judgement.gap_ms > limit_ms * lab.build.slowness):
        raise Failed("%d long acknowledged writes lost, %s" % (len(early), judgement))
    kinds = ", ".join("%d x %s" % (n, text) for text, n in judgement.kinds.most_common(3))
    return "gap %.0f ms, %d errors (%s), last one %.0f ms after the fault, %d writes lost" % (
        judgement.gap_ms, len(judgement.own), kinds, (judgement.last - start) * 1000, len(lost))


def need():
    if not have("haproxy", "-v"):
        raise Skip("haproxy is not installed (./dev deps installs it)")


def now():
    import time
    return time.monotonic()


def case_kill(lab):
    need()

    def kill(active, _):
        start = now()
        active.kill()
        return start, start
    return play(lab, kill, 1500)


def case_hang(lab):
    need()

    def pause(active, _):
        start = now()
        active.pause()
        return start, start
    return play(lab, pause, 5000)


def case_handover(lab):
    need()

    def hand_over(active, _):
        start = now()
        code, text = active.ctl("handover")
        if code:
            raise Failed("handover: %s" % text)
        return start, start
    return play(lab, hand_over, 1500)
