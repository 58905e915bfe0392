"""The store alone (bench/store), and how many items a cache holds beside memcached."""

import os
import re
import subprocess

from rivals import running
from table import Table

LINE = re.compile(r"^(.*?)\s+(\d) threads?\s+([\d.]+) ns per call", re.M)
OVERHEAD = re.compile(r"^memory\s+([\d.]+) bytes", re.M)
FULL = 5000000  # keys of 100 bytes: more than fit


def play(setup):
    calls = Table("Nanoseconds of a call, with {:,} items".format(count(setup)), {"ns": "%.0f"},
                  "before", "call")
    items = Table("Items of 100 bytes that a cache of 512 MiB holds", {
        "items": "%.0f", "resident_MiB": "%.0f"}, "memcached", "")
    builds = {"now": setup.build}
    if setup.before:
        builds["before"] = setup.before
    for _ in setup.rounds():
        for name, build in builds.items():
            for call, ns in run(build, setup):
                calls.add(call, name, ns=ns)
    with running(setup, "memcached", "mcd") as rivals:
        for rival in rivals:
            # memcached refuses some while its own thread is slower to evict than clients write.
            rival.load("--fill", FULL, "--size", "100", "--pipeline", "64", "--allow-refused", FULL // 10)
            items.add("full", rival.name, items=float(rival.active.stat("curr_items")),
                      resident_MiB=rival.active.memory() / 1024)
    return [calls, items]


def count(setup):
    return 200000 if setup.quick else 2000000


def run(build, setup):
    program = os.path.join(build.folder, "bench", "store")
    done = subprocess.run([program, "1024", str(count(setup)), "100"], stdout=subprocess.PIPE,
                          check=True, text=True)
    for call, threads, ns in LINE.findall(done.stdout):
        yield "%s, %s thread%s" % (call, threads, "s" * (threads != "1")), float(ns)
