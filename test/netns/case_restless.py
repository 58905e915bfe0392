"""A link that flaps, an address that bounces, a busy machine."""

import subprocess
import time

from harness.report import Failed

from fault import move, serve
from world import World


def judged(world, client, met, allowed=0):
    """All must be well in the end: healthy, equal, nothing stale since they met, nothing
    lost."""
    serve(world, client, met)
    seen = client.report()
    read = world.same(client)
    lost = read["lost"] + read["old"]
    if lost > allowed or read["nowhere"] or seen.wrong("nowhere"):
        raise Failed("lost %d of %d allowed, values from nowhere %d: %s"
                     % (lost, allowed, seen.wrong("nowhere"), read["bad"][:5]))
    if seen.wrong("stale", met) or seen.wrong("missing", met) > read["in_doubt"]:
        raise Failed("%d stale reads, %d misses after the nodes had met"
                     % (seen.wrong("stale", met), seen.wrong("missing", met)))
    return "lost %d, in doubt %d, longest gap of writes %.0f ms, promotions %d" % (
        lost, read["in_doubt"], seen.longest("write_gap"),
        sum(node.figure("promotions") for node in world.nodes))


def each_second(world, count, function):
    begun = time.monotonic()
    for number in range(count):
        function(number)
        world.until(lambda number=number: time.monotonic() >= begun + number + 1, "a second is over")


def case_flapping(build):
    """The link of the first active node is cut ten times in ten seconds, for half a
    second each."""
    with World(build) as world:
        victim = world.started().healthy()
        with world.client(keys=15000) as client:
            serve(world, client, client.ready_at)
            def flap(_):
                cut = world.network.cut(victim.name)
                world.until(lambda: time.monotonic() > cut + 0.5, "half a second is over")
                world.network.plug_in(victim.name)
            each_second(world, 10, flap)
            world.healthy()
            return judged(world, client, time.monotonic())


def case_bounce(build):
    """The address moves ten times in ten seconds, as an operator would move it."""
    with World(build, extra=True) as world:
        world.started()
        with world.client(keys=15000) as client:
            serve(world, client, client.ready_at)
            moved = []
            def bounce(_):
                holder = world.until(world.holder, "one node has the address")
                move(world, holder)
                moved.append(holder)
            each_second(world, 10, bounce)
            world.healthy()
            return judged(world, client, time.monotonic())


def busy(build, profile, seconds=60):
    """Eight busy loops: no node may consider the other one dead."""
    with World(build, profile=profile) as world:
        holder = world.started().healthy()
        loops = []
        with world.client(timeout_ms=1000) as client:
            serve(world, client, client.ready_at)
            client.reset()
            try:
                for _ in range(8):
                    loops.append(subprocess.Popen(["sh", "-c", "while :; do :; done"]))
                end = time.monotonic() + seconds
                world.until(lambda: time.monotonic() > end, "%d s are over" % seconds, seconds * 2, 0.5)
            finally:
                for loop in loops:
                    loop.kill()
                    loop.wait()
            assert world.healthy() is holder, "the address moved"
            masters = [node.keepalived.log().count("Entering MASTER") for node in world.nodes]
            assert sum(masters) == 1, "%s times master" % masters
            faults = [node.guard.log().count("does not answer") for node in world.nodes]
            seen = client.report()
            assert seen.wrong("stale") + seen.wrong("missing") == 0
        return "%d s, longest gap %.0f ms (of which the client itself was late by up to %.0f), " \
            "guards' time-outs %s" % (seconds, seen.longest(), seen.answer["late"], faults)


def case_busy_fast(build):
    return busy(build, "fast")


def case_busy_conservative(build):
    return busy(build, "conservative")


case_busy_fast.long = case_busy_conservative.long = True
