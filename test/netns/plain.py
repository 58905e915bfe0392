"""A pair of mcd alone, each in a namespace of its own: for cases of addresses and of the network
between the nodes, without keepalived, guard and VIP."""

import os

from harness.lab import Lab, Node
from harness.wire import Connection

import net

LINK_PORT = 11212


class PlacedNode(Node):
    """Lives in a namespace, and is asked there, on loopback."""

    network = None

    def connect(self, timeout=None):
        return self.network.enter(self.name, Connection, self.address,
                                  timeout or 10.0 * self.lab.build.slowness)

    def is_open(self):
        try:
            self.network.enter(self.name, Connection, self.address, 1.0).close()
            return True
        except OSError:
            return False


class Plain(net.Network):
    """Two switches with a wire between them. What a node sees in place of the machine's /etc/hosts
    and resolv.conf can be written."""

    def __init__(self, build):
        self.lab = Lab(build)
        super().__init__()

    def __enter__(self):
        self.lab.__enter__()
        return self

    def __exit__(self, *why):
        try:
            return self.lab.__exit__(*why)
        finally:
            self.close()

    def run(self, place, text):
        """A block of shell in there."""
        return net.tool(*self.inside(place, "sh", "-ec", text))

    def rules(self, place, text):
        """nft(8) in there."""
        net.tool(*self.inside(place, "nft", "-f", "-"), text=text)

    def file(self, place, name):
        return os.path.join(self.lab.folder, place + "." + name)

    def write(self, place, name, text):
        """/etc/NAME as the node sees it, from its start on."""
        with open(self.file(place, name), "w", encoding="ascii") as file:
            file.write(text)

    def node(self, place, peer, listen=str(LINK_PORT), config=""):
        """Not started yet."""
        socket = os.path.join(self.lab.folder, place + ".sock")
        words = ["engine=" + self.lab.build.default_engine, "control=" + socket, "listen=" + listen,
                 "peer=" + peer, "dirty_bits=12"] + ([config] if config else [])
        words += self.lab.secrecy.words()
        node = self.lab.add(place, engine=self.lab.build.repl_engine, config=";".join(words))
        node.__class__, node.network, node.socket = PlacedNode, self, socket
        mounts = ["mount --bind %s /etc/%s" % (self.file(place, name), name)
                  for name in ("hosts", "resolv.conf") if os.path.exists(self.file(place, name))]
        node.command = self.inside(place, "unshare", "-m", "sh", "-ec",
                                   "; ".join(mounts + ['exec "$@"']), "-") + node.command
        return node

    def link(self, *nodes, seconds=15.0):
        for node in nodes:
            if not node.process:
                node.start()
        self.lab.linked(*nodes, seconds=seconds)
        first, second = nodes
        assert first.client().store("k", "v") == "STORED"
        self.lab.drained(first)
        self.lab.same(first, second, ["k"])

    def says(self, node, text):
        return self.lab.until(lambda: text in node.log(), "%s says %r: %s" % (
            node.name, text, node.last_words()))
