"""The guard is dead, is told wrong things, or is restarted: never a lasting outage, and
the role does not go back and forth."""

import re
import time

from harness.report import Failed

import net
from fault import move, serve
from world import World

WORKS_AGAIN = 2500  # ms


def promotions(world):
    return sum(node.figure("promotions") for node in world.nodes)


def moves(world):
    """How often keepalived has given the address to a node. On a busy machine it moves by itself, too."""
    return sum(node.keepalived.log().count("Entering MASTER STATE") for node in world.nodes)


def follows(world):
    """The role is where the address is."""
    holder = world.holder()
    return holder is not None and world.active() is holder


def move_address(world, client):
    """Moves the address while no guard tells the nodes. Returns the gap of writes in
    ms."""
    old = world.until(world.holder, "one node has the address")
    client.reset()
    before, moved_before = promotions(world), moves(world)
    moment = time.monotonic()
    move(world, old)
    serve(world, client, moment)
    gap = client.report().longest("write_gap")
    moved = moves(world) - moved_before
    if gap > WORKS_AGAIN * world.build.slowness * moved:
        raise Failed("writes worked again after %.0f ms; the address moved %d times" % (gap, moved))
    watch = time.monotonic()
    world.until(lambda: time.monotonic() - watch > 1.5, "the role has had time to move again")
    world.until(lambda: follows(world), "the active node is the one with the address")
    more = promotions(world) - before
    moved = moves(world) - moved_before
    if more > moved:
        raise Failed("the role moved %d times while the address moved %d times" % (more, moved))
    return gap


def play(build, prepare):
    with World(build, extra=True) as world:
        world.started()
        with world.client() as client:
            serve(world, client, client.ready_at)
            prepare(world)
            gaps = [move_address(world, client) for _ in range(2)]
            read = world.same(client)
            assert read["lost"] + read["old"] + read["nowhere"] == 0, read["bad"][:5]
        return "writes stopped for %s ms" % " and ".join("%.0f" % gap for gap in gaps)


def case_dead_on_both(build):
    def prepare(world):
        for node in world.nodes:
            node.guard.kill()
    return play(build, prepare)


def case_dead_on_active(build):
    return play(build, lambda world: world.holder().guard.kill())


def case_dead_on_standby(build):
    return play(build, lambda world: world.other(world.holder()).guard.kill())


def replace(node, **wrong):
    node.guard.stop()
    node.guard.command = node.world.network.inside(node.name, *node.guard_command(**wrong))
    node.guard.start()


def case_wrong_fifo(build):
    """The guards hear nothing from keepalived: the roles follow the clients."""
    def prepare(world):
        for node in world.nodes:
            replace(node, fifo=node.path("other.fifo"))
        world.healthy()
    return play(build, prepare)


def case_wrong_socket(build):
    """A guard uses a socket without a node: its node is FAULT, the other one serves."""
    with World(build) as world:
        old = world.started().healthy()
        with world.client() as client:
            serve(world, client, client.ready_at)
            moment = time.monotonic()
            replace(old, socket=old.path("nobody.sock"))
            world.until(lambda: world.holders() == [world.other(old)], "the other one has the address")
            serve(world, client, moment)
            gap = client.report().longest("write_gap")
            assert gap < WORKS_AGAIN * build.slowness, gap
            read = world.same(client)
            assert read["lost"] + read["old"] == 0, read["bad"][:5]
            assert "nobody.sock" in old.guard.log()
        return "writes stopped for %.0f ms" % gap


def case_restarted(build):
    """The guard is ended, killed, and restarted: keepalived notices nothing."""
    with World(build) as world:
        world.started()
        with world.client() as client:
            serve(world, client, client.ready_at)
            holder = world.holder()
            before = promotions(world)
            client.reset()
            for node in world.nodes:
                node.guard.stop()
                node.guard.start()
                starts = node.guard.starts
                node.guard.kill(restart=True)
                world.until(lambda node=node, starts=starts: node.guard.starts > starts,
                            "the guard is started again")
            assert world.healthy() is holder and promotions(world) == before
            serve(world, client, time.monotonic())
            seen = client.report()
            assert seen.failures == 0, seen.failures_text()
            assert seen.wrong("stale") + seen.wrong("missing") == 0
        return "longest gap %.0f ms" % seen.longest()


def repeats(node):
    """TCP retransmits what the peer has not acknowledged. ss(8) shows how often it
    has."""
    text = net.tool(*node.world.network.inside(node.name, "ss", "-tnHo", "dst", node.peer_address))
    return re.search(r"timer:\(on,[^,]*,[1-9]", text)


def case_role_moved_over_a_stuck_link(build):
    """A cut has lost packets of the link, and TCP would retransmit them later and later.
    If a role moves then, the link is reconnected, and both nodes meet again at once."""
    with World(build) as world:
        world.started()
        for node in world.nodes:
            node.guard.kill()
            node.keepalived.kill()
        active = world.until(world.active, "one node is active")
        world.network.part()
        with active.connect("c" if active is world.a else "d") as connection:
            assert connection.store("key", "value") == "STORED"
            world.until(lambda: repeats(active), "TCP has begun to retransmit")
        code, text = active.ctl("demote")
        assert code == 0, text
        assert "the link is stuck" in active.mcd.log(), active.mcd.log()
        moment = world.network.join()
        world.until(lambda: all(node.status().get("in_sync") == 1 for node in world.nodes),
                    "both are in sync", 5.0)
        took = time.monotonic() - moment
        assert took < 1.0 * build.slowness, took
        with world.other(active).connect() as connection:
            assert connection.item("key")[2] == b"value"
    return "in sync %.0f ms after the heal" % (took * 1000)
