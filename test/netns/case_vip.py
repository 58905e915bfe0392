"""Answers of a node that does not have the address."""

from harness.wire import Closed, Connection

import net
from fault import move, serve
from world import World


def case_refused_elsewhere(build):
    """A client that still sends to the other node is refused at once, on new and on
    existing connections. Without the firewall rule it would wait for its time-out."""
    with World(build, extra=True) as world:
        old, vip = world.started().healthy(), world.network.vip
        with world.network.enter("c", Connection, (vip, 11211), 5.0) as before, \
                world.client("d") as client:
            serve(world, client, client.ready_at)
            assert before.store("key", "value") == "STORED"
            net.tool("ip", "-n", world.network.name("c"), "neigh", "replace", vip, "lladdr",
                     world.network.mac(old.name), "dev", "eth0", "nud", "permanent")
            move(world, old)
            assert is_refused(lambda: before.store("key", "other")), "the old connection still works"
            assert is_refused(lambda: world.network.enter("c", Connection, (vip, 11211), 5.0))
            net.tool("ip", "-n", world.network.name("c"), "neigh", "del", vip, "dev", "eth0")
            with world.network.enter("c", Connection, (vip, 11211), 5.0) as after:
                assert after.item("key")[2] == b"value"


def is_refused(function):
    """True if refused; a time-out is another error, and fails the case."""
    try:
        function()
    except (ConnectionRefusedError, ConnectionResetError, Closed):
        return True
    return False
