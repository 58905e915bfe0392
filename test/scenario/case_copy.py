"""What a copy takes of the link."""

import time

PLACE = "two"
RATE = 400 << 10


def cpu(node):
    """Seconds of CPU so far."""
    with open("/proc/%d/stat" % node.process.pid, encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def case_rate(lab):
    """copy_rate= bounds a copy; changes do not wait for it, and the node does not spin."""
    a, b = lab.add_pair(config="copy_rate=400k")
    a.start()
    lab.run_load(a, "--fill", 1000, "--size", 1000, "--pipeline", 32)
    used, begun, worst, turn = cpu(a), time.monotonic(), 0.0, 0
    b.start()
    lab.until(lambda: a.stat("repl_link") == "resync", "the copy runs")
    while a.stat("repl_link") == "resync":
        turn, set_at = turn + 1, time.monotonic()
        assert a.client().store("live", str(turn)) == "STORED"
        lab.until(lambda: (b.client().item("live") or (0, 0, b""))[2] == str(turn).encode(), "a change comes")
        worst = max(worst, time.monotonic() - set_at)
    took, used = time.monotonic() - begun, cpu(a) - used
    lab.drained(a)
    assert turn > 10 and took > 0.8 * 1000 * 1000 / RATE, "it took %.1f s" % took
    assert worst < 1.0 * lab.build.slowness, "a change took %.2f s" % worst
    assert used < took / 2, "%.1f s of CPU in %.1f s" % (used, took)
    assert int(b.stat("curr_items")) == int(a.stat("curr_items"))
    return "%.1f s, changes at worst after %.0f ms" % (took, 1000 * worst)


def case_rate_of_nothing(lab):
    """Less than any network carries is a mistake."""
    node = lab.add_pair(config="copy_rate=1")[0]
    node.launch()
    assert node.process.wait(20 * lab.build.slowness) == 78
    node.process = None
    assert "copy_rate" in node.log(), node.log()
