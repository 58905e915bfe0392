"""Pairs with the real keepalived and guard, each node in its own network namespace.

     a b    a b    a b    a b      four pairs, each with its VIP
     | |    | |    | |    | |
    =========== br0 ============   in the namespace of the run, where clients and proxies are
"""

import concurrent.futures
import contextlib
import time

from harness.report import Failed
from harness.wire import Connection

import net
from world import World

CLIENT = "10.0.0.200/24"


class PairNetwork(net.Namespaces):
    """The two nodes of a pair, at the bridge br0 of the current namespace."""

    def __init__(self, number):
        self.number, self.vip = number, "10.0.0.%d" % (100 + number)
        self.addresses = {"a": "10.0.0.%d1" % number, "b": "10.0.0.%d2" % number}
        super().__init__()

    def make(self):
        for place in self.addresses:
            self.add(place)
            self.plug(place, "br0")

    def port(self, place):
        return "port-%d%s" % (self.number, place)


class RealPair:
    """Has the interface of a Pair of pairs.py."""

    def __init__(self, lab, number):
        self.lab, self.number, self.name = lab, number, "pair %d" % number
        self.active = self.control = None
        # Eight nodes share this kernel and its lock on all network settings: in the fast
        # profile a node that waits for the lock would be considered dead.
        self.world = World(lab.build, memory=64, vrid=50 + number, profile="conservative",
                           make_network=lambda: PairNetwork(number))

    def client(self):
        """A connection to the active node itself, for queries."""
        if not self.control:
            self.control = Connection((self.active.address, 11211), 10.0)
        return self.control

    def turn_to(self, node):
        """From now on queries go to this node."""
        if self.control:
            self.control.close()
        self.active, self.control = node, None

    def stats(self, group=""):
        return self.client().stats(group)

    def drained(self):
        self.lab.drained(self)

    def close(self):
        self.turn_to(None)
        return self.world.close()

    def well(self):
        self.turn_to(self.world.healthy())

    def fail_over(self):
        """kill -9 of the active mcd. Returns from then to when the other node has the
        address and is active."""
        return self.lose(lambda node: node.mcd.kill())

    def lose_power(self):
        """Like fail_over, but without a packet about it: the cable is pulled first."""
        def strike(node):
            self.world.network.cut(node.name)
            node.mcd.kill()
        return self.lose(strike)

    def lose(self, strike):
        old, new = self.active, self.world.other(self.active)
        self.turn_to(new)
        self.client()
        start = time.monotonic()
        strike(old)
        self.world.until(lambda: self.stats("repl")["repl_role"] == "active" and new.has_vip(),
                         "%s of %s serves" % (new.name, self.name), pause=0.002)
        return start, time.monotonic()

    def repair(self):
        """Reconnects the dead node and restarts it, empty, until it is filled. keepalived
        must have noticed all of that; otherwise the next fail-over would have to wait for
        it."""
        old, new = self.world.other(self.active), self.active
        self.world.network.plug_in(old.name)
        old.mcd.start()
        self.well()
        if self.active is not new:
            raise Failed("the address of %s came back to %s" % (self.name, old.name))
        self.drained()
        self.world.until(lambda: old.guard.log().rpartition("keepalived: mcd is ")[2].startswith("BACKUP"),
                         "keepalived of %s of %s is in state BACKUP" % (old.name, self.name))


@contextlib.contextmanager
def real_pairs(lab, count=4):
    """Starts all of them at the same time. Raises Skip where that is impossible."""
    net.check_possible()
    net.sweep()
    net.add_bridge(net.ip, "br0")
    with contextlib.ExitStack() as stack:
        stack.callback(net.ip, "link", "del", "br0")
        net.ip("addr", "add", CLIENT, "dev", "br0")
        pairs = []
        for number in range(1, count + 1):
            pairs.append(RealPair(lab, number))
            stack.enter_context(pairs[-1].world)
            pairs[-1].world.start()
        for pair in pairs:
            pair.well()
        yield pairs
        # At the same time: keepalived takes a second to end.
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            troubles = [trouble for trouble in pool.map(RealPair.close, pairs) if trouble]
        if troubles:
            raise Failed("; ".join(troubles))
