"""Cost curves of a pair: by items, by the size of values, by connections and by threads. Each tells the
processor time of both nodes for a request, how long a request takes when a quarter as many come as the pair
can serve, the memory of the active node, and what it takes to make a full copy, and to repair after a cut in
which ten keys were changed."""

import time

import repair_play
from harness.lab import Lab
from rivals import Rival
from table import Table

COLUMNS = {"cpu_us": "%.2f", "standby_us": "%.2f", "p99_us": "%.0f", "resident_MiB": "%.0f",
           "copy_s": "%.2f", "repair_ms": "%.0f"}
ITEMS, VALUES = (10 ** 4, 10 ** 5, 10 ** 6, 10 ** 7), (10, 100, 1000, 10000, 100000, 1000000)
CONNECTIONS, THREADS = (1, 10, 100, 1000, 10000), (1, 2, 4, 8)
BYTES = 200 * 10 ** 6  # of all values together, in the curve of their sizes
CHANGED = 10           # keys, before a repair
CALM = 100000          # items, where their number is not the matter


def play(setup):
    return [draw(setup, *curve) for curve in (
        ("items", "items", [dict(items=n) for n in ITEMS[:3 if setup.quick else 4]]),
        ("values", "bytes a value", [dict(size=n, items=max(50, min(CALM, BYTES // n))) for n in VALUES]),
        ("connections", "connections", [dict(connections=n) for n in CONNECTIONS]),
        ("threads", "threads", [dict(threads=n) for n in THREADS]))]


def draw(setup, name, first, points):
    table = Table("A pair by %s: one get a set, one by one" % first, COLUMNS, first=first)
    what = {"items": "items", "values": "size", "connections": "connections", "threads": "threads"}[name]
    for point in points:
        with Lab(setup.build) as lab:
            table.add("{:,}".format(point[what]), "pair", **measure(lab, setup, **point))
    setup.plot(table.draw_lines, "curve-" + name, "cpu_us", "us of processor time a request")
    return table


def measure(lab, setup, items=CALM, size=100, connections=8, threads=1):
    options = ("-m", str(max(64, items * (size + 200) * 2 >> 20)), "-I", "4m", "-t", str(threads),
               "-c", "11000")
    a, b = lab.pair(*options)
    rival = Rival("pair", setup.build, [a, b])
    rival.load("--fill", items, "--size", size, "--pipeline", "8")
    lab.drained(a, 120)
    # Connecting must not be what many connections cost.
    seconds = max(setup.seconds * 2, connections / (4000 if setup.quick else 400))
    load = ("--ratio", "1:1", "--keys", items, "--size", size, "--connections", connections,
            "--seconds", seconds)
    figures = rival.measure(*load)
    calm = rival.load(*load, "--open", "--rate", max(1, int(figures["rate"] / 4)))
    figures["p99_us"] = calm["p99_us"]
    figures["resident_MiB"] = a.memory() / 1024
    lab.drained(a, 120)
    b.kill()
    start = time.monotonic()
    b.start()
    lab.until(lambda: a.stat("repl_in_sync") == "1", "the copy is whole", 300)
    figures["copy_s"] = time.monotonic() - start
    a.kill()
    b.kill()
    figures["repair_ms"] = repair(setup, options, items, size)
    return figures


def repair(setup, options, items, size):
    """Over a link of its own, which can be cut."""
    with Lab(setup.build) as lab:
        a, b = lab.pair(*options, proxied=True)
        repair_play.fill(lab, a, items, size)
        lab.drained(a, 300)
        keys = ["key%d" % (items * number // CHANGED) for number in range(CHANGED)]
        repair_play.cut_and_change(lab, a, b, keys, "changed")
        return repair_play.mend(lab, a, b, keys, "changed")[0]
