"""The network is parted between the nodes, with clients on both sides: both serve. Then
it heals: the one who became active last keeps the address, and takes what the other one
was told meanwhile."""

import time

from harness.report import Failed
from harness.wire import Connection

import net
from fault import Outcome, serve


class Partition:
    what = "partition, clients on both sides; healed"
    goal = (100, 100)  # clients right after the heal
    vrrp = {}

    def measure(self, world):
        old = world.healthy()
        new = world.other(old)
        with world.client("c" if old is world.a else "d", wait=False) as near, \
                world.client("d" if old is world.a else "c", wait=False) as far:
            for client in (near, far):
                serve(world, client, client.wait_ready().ready_at)
            put(world, near, "both", "before")
            parted = world.network.part()
            serve(world, far, parted)
            serve(world, near, parted)
            away = far.report().longest("write_gap")
            if (old.has_vip(), new.has_vip()) != (True, True):
                raise Failed("not both sides have the address")
            put(world, near, "both", "near")
            put(world, far, "both", "far")
            return self.heal(world, new, near, far, away)

    def heal(self, world, new, near, far, away):
        for client in (near, far):
            client.reset()
        joined = world.network.join()
        met = when_met(world, new)
        right = max(when_right(world, client) for client in (near, far)) - joined
        winner = world.healthy()
        if winner is not new:
            raise Failed("%s, which had become active first, has the address" % winner.name)
        for client in (near, far):
            serve(world, client, time.monotonic())
        return self.judge(world, (near, far), joined, met, right, away)

    @staticmethod
    def judge(world, clients, joined, met, right, away):
        reports = [client.report() for client in clients]
        stale = sum(seen.wrong("stale", met) for seen in reports)
        early = sum(seen.wrong("stale") for seen in reports) - stale
        missing = sum(seen.wrong("missing", met) for seen in reports)
        reads = [world.same(client) for client in clients]
        lost = sum(read["lost"] + read["old"] for read in reads)
        doubt = sum(read["in_doubt"] for read in reads)
        both = [ask(world, node, "both") for node in world.nodes]
        last = max([seen.last_failure for seen in reports]
                   + [end for seen in reports for _, end in seen.gaps("write_gap")])
        right = max(right, last - joined) * 1000
        text = "the other side got the address in %.0f ms; %d stale before they met, %d misses " \
            "after, %d in doubt" % (away, early, missing, doubt)
        if lost or stale or both != [None, None]:
            raise Failed("%d acknowledged writes lost, %d stale reads after the nodes had met, "
                         "what both sides changed is %s: %s" % (lost, stale, both, text))
        healed = max(seen.longest("write_gap") for seen in reports)
        return Outcome(away, away, healed, stale=stale, settled=right, text=text)


def when_met(world, new):
    """They have met when the leader knows what the other one has changed."""
    def question():
        return time.monotonic() if new.status().get("link") in ("resync", "streaming") else None
    return world.until(question, "the nodes meet", pause=0.005)


def when_right(world, client):
    """From when on the client's packets go to the only node with the address."""
    macs = {world.network.mac(node.name): node for node in world.nodes}
    def question():
        found = macs.get(world.network.mac_of_vip(client.place))
        return time.monotonic() if found and world.holders() == [found] else None
    return world.until(question, "the client in %s finds the right node" % client.place, pause=0.005)


def put(world, client, key, value):
    with world.network.enter(client.place, Connection, (net.VIP, 11211), 5.0) as connection:
        answer = connection.store(key, value)
    if answer != "STORED":
        raise Failed("set %s through the address from %s: %s" % (key, client.place, answer))


def ask(world, node, key):
    with node.connect() as connection:
        return connection.item(key)


PARTITION = Partition()
