"""Cold starts: both nodes together, and one alone; usable without an operator."""

import time

from fault import serve
from world import World


def usable(world, begun):
    """Seconds until a client is served through the address."""
    with world.client(wait=False) as client:
        client.wait_ready()
        took = client.ready_at - begun
        serve(world, client, client.ready_at)
        assert client.report().wrong("missing") == 0
    return took


def case_both(build):
    with World(build) as world:
        begun = time.monotonic()
        world.start()
        took = usable(world, begun)
        world.healthy()
        assert took < 15 * build.slowness
        return "usable after %.1f s" % took


def alone(build, cold_ms):
    with World(build, cold_ms=cold_ms) as world:
        begun = time.monotonic()
        world.a.start()
        took = usable(world, begun)
        seconds = (cold_ms or 5000) / 1000
        assert took > seconds, "it did not wait for a peer with data"
        assert took < (seconds + 10) * build.slowness
        late = time.monotonic()
        world.b.start()
        assert world.healthy() is world.a, "the second node took the address"
        return "usable after %.1f s; the other one, later, in sync after %.1f s" % (
            took, time.monotonic() - late)


def case_alone(build):
    return alone(build, None)


def case_alone_cold_1000(build):
    return alone(build, 1000)
