"""The old active node returns empty; it is restarted; it dies while it is filled."""

import signal
import time

from harness.report import Failed

from fault import serve
from world import World


def fail_over(world, client):
    """Kills the active mcd, and the other one serves. Returns which node was active."""
    old = world.healthy()
    moment = old.mcd.kill()
    serve(world, client, moment)
    return old


def all_kept(world, client, allowed=2):
    """Both nodes have every acknowledged write, except those of the last 2 ms or so
    before the kill."""
    read = world.same(client)
    lost = read["lost"] + read["old"]
    if lost > allowed or read["nowhere"]:
        raise Failed("lost %d, values from nowhere %d: %s" % (lost, read["nowhere"], read["bad"][:5]))
    return lost


def case_back_empty(build):
    """It joins, is filled, is not fit before that, and does not take the address."""
    with World(build, cold_ms=60000) as world:
        world.started()
        with world.client() as client:
            serve(world, client, client.ready_at)
            old = fail_over(world, client)
            new = world.other(old)
            early = []
            def is_filled():
                status = old.status()
                holds = old.has_vip()
                if holds:
                    early.append(status.get("in_sync"))
                return status.get("in_sync") == 1 and old.number("health") == 0
            assert old.number("health") == -254, "a dead node is fit"
            old.mcd.start()
            world.until(is_filled, "the old active is filled and fit")
            assert world.healthy() is new, "the returned node took the address"
            start = time.monotonic()
            world.until(lambda: old.has_vip() or time.monotonic() - start > 1.5, "a while is over")
            assert not early and not old.has_vip(), "the returned node had the address"
            lost = all_kept(world, client)
        assert new.keepalived.log().count("Entering MASTER") <= 2
        return "lost %d" % lost


def die_while_filled(world, node, count=1000):
    """Kills it in the middle of its first copy, which is slowed down for that. Returns
    how many items it had."""
    def has_some():
        found = node.status().get("applied", 0)
        return found if found >= count else None
    with world.network.slow(node.name, 11212, "2mbit"):
        node.mcd.start()
        found = world.until(has_some, "some of the copy is there", pause=0.005)
        node.mcd.send(signal.SIGSTOP)  # so that the other node's status of the copy stays current
        link = world.other(node).figure("link")
        node.mcd.kill()
    if link != "resync":
        raise Failed("not killed in the middle of the copy: the other one says %s" % link)
    return found


def case_dies_while_filled(build):
    """Killed in the middle of its first copy: the other node still has everything."""
    with World(build, cold_ms=60000) as world:
        world.started()
        with world.client(keys=20000) as client:
            serve(world, client, client.ready_at)
            old = fail_over(world, client)
            new = world.other(old)
            found = []
            for _ in range(3):
                found.append(die_while_filled(world, old))
                assert new.figure("role") == "active" and world.holder() is new
            seen = client.report()
            old.mcd.start()
            assert world.healthy() is new
            lost = all_kept(world, client)
            assert seen.longest_after(seen.last_failure) < 500 * build.slowness
        return "it had %s of 20000 items when it died; lost %d" % (found, lost)


def case_fast_restart(build):
    """The supervisor restarts a killed mcd within 0.1 to 0.2 s, while the other one runs:
    no acknowledged write is lost, whichever node has the address at the end."""
    with World(build) as world:
        world.started()
        with world.client() as client:
            serve(world, client, client.ready_at)
            for delay in (0.1, 0.2):
                old = world.healthy()
                old.mcd.restart_after = delay
                moment = old.mcd.kill(restart=True)
                serve(world, client, moment)
                world.healthy()
            seen = client.report()
            assert seen.longest("write_gap") < 1000 * build.slowness, seen.longest("write_gap")
            lost = all_kept(world, client, 4)
        return "gap of writes %.0f ms, lost %d" % (seen.longest("write_gap"), lost)
