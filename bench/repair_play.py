"""The rows of bench/repair: each brings a pair out of sync in its way and measures what it costs
to get in sync again."""

import os
import statistics
import subprocess
import time
from dataclasses import dataclass

from harness.report import Failed

DEFAULTS = "dirty_bits=24"  # the harness has smaller maps
POLL, RARE_POLL = 0.002, 0.05  # seconds; the polls are part of the CPU time that is measured
PATIENCE = 60.0  # seconds that a repair may take
STEADY = 1.0  # a pair under load is in sync if it stays so for this long
MEGABYTE = 1000000


@dataclass(frozen=True)
class Figure:
    name: str
    value: float
    is_bound: bool = False  # it was not reached: the value is the time that it had


@dataclass(frozen=True)
class Row:
    title: str  # {n} stands for the number of items
    play: callable  # (lab, number of items) -> figures
    items: int
    quick_items: int

    def count(self, quick):
        return self.quick_items if quick else self.items

    def name(self, quick):
        return self.title.format(n="{:,}".format(self.count(quick)))


# ---- nodes

def number(node, name):
    return int(node.stat("repl_" + name))


def cpu_ms(*nodes):
    """What all threads of these nodes have used so far."""
    ns = 0
    for node in nodes:
        folder = "/proc/%d/task" % node.process.pid
        for task in os.listdir(folder):
            with open("%s/%s/schedstat" % (folder, task), encoding="ascii") as file:
                ns += int(file.read().split()[0])
    return ns / 1e6


def peaks(*nodes):
    return [Figure("peak memory, %s, MiB" % name, node.memory("VmHWM") / 1024)
            for name, node in zip(("active", "standby"), nodes)]


def is_whole(node):
    """True if no copy to or from the peer is left; changes may be on their way."""
    stats = node.stats("repl")
    missing = stats.get("repl_missing_buckets") or stats["repl_lacking_buckets"]  # of older builds
    return stats["repl_link"] == "streaming" and stats["repl_dirty_buckets"] == missing == "0"


def is_in_sync(node):
    return is_whole(node) and node.stat("repl_in_sync") == "1"


def wait(question, what, seconds, pause=POLL):
    start = time.monotonic()
    while not question():
        if time.monotonic() - start > seconds:
            raise Failed("timed out waiting until %s" % what)
        time.sleep(pause)


def in_sync(*nodes, seconds=600):
    for node in nodes:
        wait(lambda node=node: is_in_sync(node), node.name + " is in sync", seconds)


# ---- load

def start_load(lab, node, *options):
    command = [lab.build.load, "--port", str(node.port)] + [str(word) for word in options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def report_of(load):
    """Waits for the end of a load; returns its figures by name."""
    try:
        text = load.communicate(timeout=600)[0]
    finally:
        load.kill()
    words = text.split()
    if load.returncode != 0:
        raise Failed("load: " + text.strip())
    return dict(zip(words[::2], map(float, words[1::2])))


def end_load(load):
    load.terminate()
    return report_of(load)


def fill(lab, node, count, size):
    report_of(start_load(lab, node, "--fill", count, "--size", size, "--pipeline", 64))


# ---- pairs

def megabytes(count, size):
    """Enough memory for so many items."""
    return 128 + count * (size + 120) // MEGABYTE


def add_pair(lab, count, size, **more):
    """Two nodes: the first one runs and holds the items, the second one is to be started."""
    a, b = lab.add_pair("-m", str(megabytes(count, size)), config=DEFAULTS, **more)
    a.start()
    fill(lab, a, count, size)
    return a, b


def equal_pair(lab, count, size, **more):
    a, b = add_pair(lab, count, size, **more)
    b.start()
    in_sync(a, b)
    return a, b


def order(lab, what):
    for proxy in lab.proxies:
        getattr(proxy, what)()


def set_rate(lab, megabytes_per_second):
    for proxy in lab.proxies:
        proxy.rate = megabytes_per_second * MEGABYTE


# ---- a. a few keys were changed

CUTS, CHANGED = 5, 10


def cut_and_change(lab, a, b, keys, value):
    order(lab, "cut")
    for node in (a, b):
        wait(lambda node=node: node.stat("repl_link") not in ("streaming", "resync"),
             node.name + " has lost the link", 15)
    for key in keys:
        if a.client().store(key, value) != "STORED":
            raise Failed("%s was not stored" % key)


def mend(lab, a, b, keys, value):
    """The clock starts when one node has dialled the other: handshake and merge count. A get
    costs the node less than statistics: these are polled only when all keys have come."""
    items = number(a, "resync_items")
    order(lab, "heal")
    wait(lambda: any(proxy.near for proxy in lab.proxies), "a node dials", 15)
    start, cpu = time.monotonic(), cpu_ms(a, b)
    wait(lambda: b.ask("get " + " ".join(keys)).count(value.encode()) == len(keys),
         "the standby has the changes", PATIENCE)
    in_sync(a, b)
    return ((time.monotonic() - start) * 1000, cpu_ms(a, b) - cpu,
            number(a, "resync_items") - items)


def few_changes(lab, count):
    a, b = equal_pair(lab, count, 100, proxied=True)
    turns = []
    for turn in range(CUTS):
        keys = ["key%d" % (count * index // CHANGED + turn) for index in range(CHANGED)]
        cut_and_change(lab, a, b, keys, "changed%d" % turn)
        turns.append(mend(lab, a, b, keys, "changed%d" % turn))
    names = ("in sync, ms", "CPU of both nodes, ms", "items sent")
    return [Figure(name, statistics.median(column)) for name, column in zip(names, zip(*turns))] \
        + peaks(a, b)


# ---- b. a standby that hangs under load

RATE, HANG = 60000, 5.0


def keeps_up(a, b):
    """Only what clients changed in the last tenth of a second is on its way."""
    return is_whole(a) and is_whole(b) and number(a, "pending") < RATE / 10


def catch_up(a, b):
    """Seconds until the nodes keep up and go on doing so, and the most that was at risk."""
    start, since, risk = time.monotonic(), None, 0
    while since is None or time.monotonic() - since < STEADY:
        risk = max(risk, number(a, "at_risk"))
        if not keeps_up(a, b):
            since = None
        elif since is None:
            since = time.monotonic()
        if since is None and time.monotonic() - start > PATIENCE:
            return Figure("in sync, s", PATIENCE, is_bound=True), risk
        time.sleep(0.02)
    return Figure("in sync, s", since - start), risk


def hang(lab, count):
    a, b = equal_pair(lab, count, 100)
    load = start_load(lab, a, "--ratio", "1:0", "--rate", RATE, "--pipeline", 16, "--keys", count,
                      "--seconds", HANG + PATIENCE + 30)
    try:
        time.sleep(2)  # the load is under way
        overflows = number(a, "journal_overflows")
        b.pause()
        time.sleep(HANG)
        b.cont()
        took, risk = catch_up(a, b)
        overflows = number(a, "journal_overflows") - overflows
    finally:
        report = end_load(load)
    return [took, Figure("sets a second", report["rate"]), Figure("at risk at most", risk),
            Figure("changes without room in the journal", overflows)] + peaks(a, b)


# ---- c. a slow link that breaks again and again

SLOW, BREAK_EVERY = 4, 7.0


def broken_fill(lab, count):
    a, b = add_pair(lab, count, 1000, proxied=True)
    set_rate(lab, SLOW)
    start = next_cut = time.monotonic()
    b.start()
    cuts = -1
    while not (is_in_sync(a) and is_in_sync(b)):
        now = time.monotonic()
        if now - start > PATIENCE:
            break
        if now >= next_cut:
            cuts, next_cut = cuts + 1, now + BREAK_EVERY
            if cuts > 0:
                order(lab, "cut")
                order(lab, "heal")
        time.sleep(POLL)
    taken = time.monotonic() - start
    return [Figure("filled, s", taken, is_bound=taken > PATIENCE),
            Figure("times that the link broke", cuts),
            Figure("MB sent", number(a, "bytes_out") / MEGABYTE),
            Figure("items at the standby", int(b.stat("curr_items")))] + peaks(a, b)


# ---- d. the active dies during an operator's copy

def lost_resync(lab, count):
    a, b = equal_pair(lab, count, 200, proxied=True)
    set_rate(lab, 10)
    items = number(a, "resync_items")
    a.ctl("resync")
    time.sleep(2)
    found = peaks(a, b)
    sent = number(a, "resync_items") - items
    a.kill()
    held = report_of(start_load(lab, b, "--check", count, "--size", 200, "--pipeline", 64,
                                "--allow-missing", count))
    return [Figure("items sent until then", sent),
            Figure("items left at the standby", held["hits"])] + found


# ---- e. a copy of everything

WATCHED = (("gets", "0:1"), ("sets", "1:0"))  # a client of 1,000 requests a second for each


def watch(lab, node, count, size):
    return [start_load(lab, node, "--ratio", ratio, "--connections", 1, "--rate", 1000, "--keys",
                       count, "--size", size, "--seconds", 300) for _, ratio in WATCHED]


def p99s(loads, when):
    return [Figure("p99 of %s %s, us" % (name, when), end_load(load)["p99_us"])
            for (name, _), load in zip(WATCHED, loads)]


def full_copy(lab, count, size):
    a, b = add_pair(lab, count, size)
    before = watch(lab, a, count, size)
    time.sleep(3)
    quiet = p99s(before, "before")
    b.launch()
    wait(b.is_open, "the standby answers", 30)
    wait(lambda: a.stat("repl_link") in ("resync", "streaming"), "the link is up", 30)
    start, sent, cpu = time.monotonic(), number(a, "bytes_out"), cpu_ms(a, b)
    during = watch(lab, a, count, size)
    # Clients go on: the journal is hardly ever empty.
    wait(lambda: is_whole(a) and is_whole(b) and int(b.stat("curr_items")) >= count,
         "all is copied", 600, RARE_POLL)
    taken, cpu = time.monotonic() - start, cpu_ms(a, b) - cpu
    busy = p99s(during, "during the copy")
    return [Figure("copied, s", taken), Figure("CPU of both nodes, ms", cpu),
            Figure("MB/s", (number(a, "bytes_out") - sent) / taken / MEGABYTE)] \
        + quiet + busy + peaks(a, b)


ROWS = {
    "changes": Row("10 of {n} keys changed while the link was cut", few_changes, 10000000, 300000),
    "hang": Row("{n} items, 60,000 sets/s, the standby stopped for 5 s", hang, 10000000, 300000),
    "breaks": Row("{n} items of 1 KB, link of 4 MB/s, broken every 7 s", broken_fill, 40000, 40000),
    "resync": Row("resync of {n} items over 10 MB/s, the active killed after 2 s", lost_resync,
                  200000, 200000),
    "copy": Row("full copy of {n} items of 100 B", lambda lab, n: full_copy(lab, n, 100), 1000000,
                300000),
    "copy-large": Row("full copy of {n} items of 10 KB", lambda lab, n: full_copy(lab, n, 10000),
                      100000, 20000),
}
