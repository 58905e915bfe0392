"""The network between the nodes is partitioned, with clients on both sides: both nodes
serve. After the heal, the node that became active last keeps the address, and gets the
changes that the other one received meanwhile."""

import time

from harness.report import Failed
from harness.wire import Connection

import net
from fault import Outcome, serve


class Partition:
    what = "partition, clients on both sides; healed"
    goal = (100, 100)  # clients right after the heal
    vrrp = {}

    def __init__(self, seconds=0.0, guard_dies=False):
        """seconds: the minimum duration. guard_dies: the old active node is not told that
        it has lost the address."""
        self.seconds, self.guard_dies = seconds, guard_dies

    def measure(self, world):
        old = world.healthy()
        new = world.other(old)
        near, far = ("c", "d") if old is world.a else ("d", "c")
        with net.Monitor(world.network, old.name) as of_old, \
                net.Monitor(world.network, near) as of_near, \
                net.Monitor(world.network, far) as of_far, \
                Sides(world, near, far) as sides:
            away = self.part(world, old, sides)
            joined = sides.meet()
            met = when_met(world, new)
            winner = world.healthy()
            if winner is not new:
                raise Failed("%s, which had become active first, has the address" % winner.name)
            for client in sides.steady:
                serve(world, client, time.monotonic())
            mac = world.network.mac(new.name)
            right = max(joined, when_given_up(of_old.end()), when_right(of_near.end(), joined, mac, False),
                        when_right(of_far.end(), joined, mac, True))
            return self.judge(world, sides, joined, met, right, away)

    def part(self, world, old, sides):
        """Both sides serve. Returns how long the far one could not write, in ms."""
        near, far = sides.steady
        for client in sides.all:
            serve(world, client, client.wait_ready().ready_at)
        put(world, near, "both", "before")
        parted = world.network.part()
        for client in (far, near):
            serve(world, client, parted)
        if len(world.holders()) != 2:
            raise Failed("only %s has the address, not both sides" % old.name)
        put(world, near, "both", "near")
        put(world, far, "both", "far")
        if self.guard_dies:
            old.guard.kill()
        world.until(lambda: time.monotonic() - parted >= self.seconds, "the duration is over", pause=0.002)
        return far.report().longest("write_gap")

    @staticmethod
    def judge(world, sides, joined, met, right, away):
        reports = [client.report() for client in sides.steady]
        stale = sum(seen.wrong("stale", met) for seen in reports)
        early = sum(seen.wrong("stale") for seen in reports) - stale
        missing = sum(seen.wrong("missing", met) for seen in reports)
        reads = [world.same(client) for client in sides.all]
        lost = sum(read["lost"] + read["old"] for read in reads)
        doubt = sum(read["in_doubt"] for read in reads)
        both = [ask(world, node, "both") for node in world.nodes]
        right = (max([right] + [seen.last_failure for seen in reports]) - joined) * 1000
        text = "the other side got the address in %.0f ms; %d stale before they met, %d in doubt" % (
            away, early, doubt)
        if lost or stale or both != [None, None]:
            raise Failed("%d acknowledged writes lost, %d stale reads after the nodes had met, "
                         "what both sides changed is %s: %s; %s" % (
                             lost, stale, both, text, [read["bad"][:3] for read in reads]))
        healed = max(seen.longest("write_gap") for seen in reports)
        return Outcome(away, away, healed, stale=stale, missing=missing, settled=right, text=text)


class Sides:
    """A client on each side that continues through the heal; and one next to the old
    active node that writes few keys again and again and stops just before the heal, so
    that its last writes can be checked afterwards. (On the other side that would test
    nothing: a key that was written just before the cut and not shipped yet, and again
    after it, was changed on both sides, and is a miss.) What both sides write is never in one
    bucket: that would be a conflict, too."""

    def __init__(self, world, near, far):
        self.world = world
        self.steady = [world.client(place, wait=False, half=half)
                       for half, place in enumerate((near, far))]
        self.again = world.client(near, keys=100, wait=False, half=0)
        self.all = self.steady + [self.again]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.all:
            client.close()

    def meet(self):
        self.again.pause()
        for client in self.steady:
            client.reset()
        return self.world.network.join()


def when_met(world, new):
    """The nodes have met when the leader knows what the other one has changed."""
    def question():
        return time.monotonic() if new.status().get("link") in ("resync", "streaming") else None
    return world.until(question, "the nodes meet", pause=0.005)


def when_given_up(events):
    """The moment at which the loser gave up the address."""
    return max([moment for moment, text in events if text.startswith("Deleted")] + [0])


def when_right(events, since, mac, is_right):
    """The moment from which a client sent only to the right node."""
    right = since
    for moment, text in events:
        if moment > since and "lladdr" in text and not text.startswith("Deleted"):
            right = moment if mac in text and not is_right else right
            is_right = mac in text
    if not is_right:
        raise Failed("a client still sends to the wrong node: %s" % events)
    return right


def put(world, client, key, value):
    with world.network.enter(client.place, Connection, (world.network.vip, 11211), 5.0) as connection:
        answer = connection.store(key, value)
    if answer != "STORED":
        raise Failed("set %s through the address from %s: %s" % (key, client.place, answer))


def ask(world, node, key):
    with node.connect() as connection:
        return connection.item(key)


PARTITION = Partition()
