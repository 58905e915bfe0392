"""Getting in sync: a full copy and what the active node's clients notice of it; a standby that stands
still, and the memory that this takes."""

import time

import contestants
from harness.lab import Lab
from rivals import Rival, cores, pin
from table import Table

SIZE = 256  # MiB of each node
STEADY = ("--ratio", "1:10", "--rate", "2000", "--open", "--connections", "2")
OVERWRITES = 2000000
CHANGES = ("--ratio", "1:0", "--rate", "50000", "--pipeline", "16")


def play(setup):
    items = 100000 if setup.quick else 1000000
    copies = Table("A full copy of {:,} items of {} bytes, clients asking 2,000 times a second".format(
        items, setup.size), {"copy_s": "%.2f", "p99_before_us": "%.0f", "p99_us": "%.0f",
                             "p99_times": "%.1f", "p999_us": "%.0f"}, "redis", "pair")
    stalls = Table("A standby that stands still for {:.0f} s at 50,000 sets a second".format(still(setup)), {
        "memory_MiB": "%.0f", "in_sync_s": "%.2f"}, "redis", "pair")
    for _ in setup.rounds(3):
        for name, kind, build in pairs(setup):
            with Lab(build) as lab:
                pair = kind(lab, SIZE, SIZE)
                copies.add("full copy", name, **copy(pair, items, setup))
                stalls.add("standstill", name, **stall(pair, setup))
                pair.close()
    return [copies, stalls]


def pairs(setup):
    yield "mcd", contestants.Mcd, setup.build
    if setup.before:
        yield "mcd, before", contestants.Mcd, setup.before
    if contestants.Redis.is_possible():
        yield "redis", contestants.Redis, setup.build


def still(setup):
    return 2 if setup.quick else 8


def copy(pair, items, setup):
    pair.standby.kill()
    rival = Rival(pair.name, setup.build, [pair.active], pair.dialect)
    rival.load("--fill", items, "--size", setup.size, "--pipeline", "32")
    steady = (*STEADY, "--keys", items, "--size", setup.size, "--seconds")
    quiet = rival.load(*steady, "2", ahead=True)
    load = rival.start_load(*steady, "600", ahead=True)
    start = time.monotonic()
    pair.standby.start()
    pin(pair.standby, cores()[1])
    pair.fill()
    taken = time.monotonic() - start
    load.terminate()
    busy = rival.finish_load(load)
    pair.settle()
    return {"copy_s": taken, "p99_before_us": quiet["p99_us"], "p99_us": busy["p99_us"],
            "p99_times": busy["p99_us"] / quiet["p99_us"], "p999_us": busy["p999_us"]}


def stall(pair, setup):
    rival = Rival(pair.name, setup.build, [pair.active, pair.standby], pair.dialect)
    changes = (*CHANGES, "--size", setup.size, "--seconds", still(setup))
    # What changes take of the cache itself, up to its limit, they have taken before.
    rival.load("--ratio", "1:0", "--ops", OVERWRITES, "--size", setup.size, "--pipeline", "32")
    pair.settle()
    before = pair.active.memory()
    pair.standby.pause()
    rival.load(*changes)
    grown = pair.active.memory() - before
    start = time.monotonic()
    pair.standby.cont()
    pair.settle()
    return {"memory_MiB": grown / 1024, "in_sync_s": time.monotonic() - start}
