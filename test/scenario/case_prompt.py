"""A change that comes after a pause is shipped by its client's own thread; the replication thread
is not woken for it."""

import os
import time

SETS, PAUSE = 150, 0.002  # fewer than may be on their way without an answer


def wakes(node):
    """How often the replication thread has gone to sleep so far."""
    folder = "/proc/%d/task" % node.process.pid
    for task in os.listdir(folder):
        with open("%s/%s/status" % (folder, task), encoding="ascii") as file:
            status = dict(line.split(":", 1) for line in file.read().splitlines())
        if status["Name"].strip() == "replication":
            return int(status["voluntary_ctxt_switches"])
    raise AssertionError("%s has no replication thread" % node.name)


def meet(lab, **more):
    a, b = lab.pair(config="timeout=20000;heartbeat=2000", **more)
    assert a.client().store("first", "v") == "STORED"
    lab.drained(a)
    return a, b


def change_slowly(client, count=SETS):
    for number in range(count):
        assert client.store("k%d" % number, "v%d" % number) == "STORED"
        time.sleep(PAUSE)


def is_whole(lab, a, b, count=SETS):
    lab.drained(a)
    reader = b.client()
    for number in range(count):
        assert reader.item("k%d" % number)[2] == b"v%d" % number


def case_the_thread_sleeps(lab):
    """The standby stands still, so no answer wakes it either."""
    a, b = meet(lab)
    client = a.client()
    b.pause()
    before = wakes(a)
    change_slowly(client)
    woken = wakes(a) - before
    b.cont()
    assert woken < SETS / 2, "the replication thread woke %d times for %d changes" % (woken, SETS)
    is_whole(lab, a, b)
    return "%d changes, woken %d times" % (SETS, woken)


def case_nobody_reads(lab):
    """The network takes no more: what is left over goes out when it does, in order."""
    a, b = meet(lab)
    client = a.client()
    b.pause()
    for turn in range(60):
        assert client.store("filler%d" % turn, b"f" * 100000) == "STORED"
        change_slowly(client, 3)
    for number in range(SETS):
        assert client.store("k%d" % number, "v%d" % number) == "STORED"
    b.cont()
    is_whole(lab, a, b)
    assert b.client().item("filler59")[2] == b"f" * 100000


def case_the_link_breaks(lab):
    """A client's thread that finds the link broken leaves that to the replication thread."""
    a, b = meet(lab)
    client = a.client()
    b.kill()
    change_slowly(client)
    lab.until(lambda: a.stat("repl_link") != "streaming", "the link is down")
    b.start()
    is_whole(lab, a, b)
