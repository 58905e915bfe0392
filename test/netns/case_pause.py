"""Automatic moves are paused: keepalived leaves the address where it is, until an operator
resumes them, the time is over, or the node dies."""

import time

from world import World


def pause(world, *words):
    for node in world.nodes:
        code, text = node.ctl("pause", *words)
        assert code == 0, text
        world.until(lambda node=node: "automatic moves are paused" in node.guard.log().split("the pause is over")[-1],
                    "the guard of %s knows" % node.name)


def stays_at(world, holder, seconds):
    """The address does not move for so long."""
    end = time.monotonic() + seconds
    world.until(lambda: time.monotonic() > end or world.holders() != [holder], "time passes", seconds + 5)
    assert world.holders() == [holder], "; ".join(node.describe() for node in world.nodes)


def case_handover(build):
    """The role is handed over by hand: the address stays, and follows when moves are
    resumed."""
    with World(build) as world:
        world.started()
        old = world.holder()
        new = world.other(old)
        pause(world)
        code, text = old.ctl("handover", timeout_ms=10000)
        assert code == 0, text
        world.until(lambda: world.active() is new, "the role has moved")
        stays_at(world, old, 2.0)
        for node in world.nodes:
            assert node.ctl("resume")[0] == 0
        moment = time.monotonic()
        world.until(lambda: world.holders() == [new], "the address follows")
        took = time.monotonic() - moment
        assert world.healthy() is new
    return "the address followed %.0f ms after resume" % (took * 1000)


def case_time_is_over(build):
    """The same, when the pause ends by itself."""
    with World(build) as world:
        world.started()
        old = world.holder()
        pause(world, "4s")
        assert old.ctl("handover", timeout_ms=10000)[0] == 0
        stays_at(world, old, 1.0)
        world.until(lambda: world.holders() == [world.other(old)], "the address follows")
        assert world.healthy() is world.other(old)


def case_node_dies(build):
    """A pause does not keep the address at a node that is dead."""
    with World(build) as world:
        world.started()
        old = world.holder()
        pause(world)
        old.mcd.kill()
        moment = time.monotonic()
        world.until(lambda: world.holders() == [world.other(old)], "the address moves")
        took = time.monotonic() - moment
        world.until(lambda: world.active() is world.other(old), "and the role with it")
        assert took < 2.0 * build.slowness, took
    return "moved after %.0f ms" % (took * 1000)
