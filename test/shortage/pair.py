"""A pair of nodes with the shim, and the queries to it."""

import functools
import os
import signal
import subprocess

from harness.certificates import Authority
from harness.content import Difference, read
from harness.lab import Lab, free_port
from harness.report import Failed
from harness.wire import Closed, Connection, Timeout
from ledger import Ledger

OPTIONS = ("-m", "8", "-t", "2")
CONFIG = "dirty_bits=20;journal=64k;heartbeat=100;timeout=1000"
TROUBLE = (Closed, Timeout, OSError)


class Pair:
    def __init__(self, build, shim):
        self.shim = shim
        self.lab = Lab(build)
        self.ledgers, self.bare, self.sizes = {}, {}, ({}, {})
        nodes = self.lab.add_pair(*OPTIONS, config=CONFIG, proxied=True)
        self.secure(nodes)
        for node in nodes:
            self.bare[node.name] = list(node.command)
        self.nodes = list(self.lab.nodes.values())

    def secure(self, nodes):
        """They take clients at two ports, with TLS and without."""
        authority = Authority(self.lab.folder)
        certificate, key = authority.issue("server")
        trusting = authority.client()
        for node in nodes:
            node.connect_securely = functools.partial(Connection, node.address, tls=trusting)
            node.address = ("127.0.0.1", free_port())
            node.command += ["-l", "notls:127.0.0.1:%d" % node.address[1], "-Z",
                             "-o", "ssl_chain_cert=%s,ssl_key=%s" % (certificate, key)]

    def launch(self, node, order=None):
        """Starts it with counts from 0; with an order, it counts from the first call
        on."""
        if node.name in self.ledgers:
            self.ledgers.pop(node.name).close()
        path = os.path.join(self.lab.folder, "%s.%d.ledger" % (node.name, node.starts))
        ledger = self.ledgers[node.name] = Ledger(path)
        if order:
            ledger.begin(order)
        node.command = ["env", "LD_PRELOAD=" + self.shim, "MCD_SHORTAGE=" + path]
        node.command += self.bare[node.name]
        node.launch()

    def start(self):
        for node in self.nodes:
            if not node.process:
                self.launch(node)
        for node in self.nodes:
            self.lab.until(node.answers, "%s takes connections" % node.name)

    def other(self, node):
        return self.nodes[1 - self.nodes.index(node)]

    def close(self):
        """Returns the problems at the end, as text."""
        return self.lab.close()

    # ---- the network between them

    def cut(self):
        for proxy in self.lab.proxies:
            proxy.cut()

    def heal(self):
        for proxy in self.lab.proxies:
            proxy.heal()

    # ---- queries

    def figures(self, node):
        """`stats repl`, or nothing while the node does not answer."""
        try:
            return node.stats("repl")
        except TROUBLE:
            node.forget()
            return {}

    def active(self):
        """The node to write to: the active one; if both are, the one with the higher
        term."""
        def rank(node):
            figures = self.figures(node)
            return figures.get("repl_role") == "active", int(figures.get("repl_term", 0))
        return max(self.nodes, key=rank)

    def command(self, node, command, patience):
        """Over the control socket: returns the line that ends the answer, or nothing."""
        try:
            with Connection(node.socket, patience) as connection:
                return connection.command(command)[-1].decode()
        except TROUBLE:
            return ""

    def ended(self, node):
        """The exit code of a node that has ended; negative for a signal."""
        return node.process.poll() if node.process else None

    def bury(self, node):
        node.forget()
        node.process = None

    def kill(self, node):
        if node.process and node.process.poll() is None:
            node.process.send_signal(signal.SIGKILL)
            node.process.wait()
        self.bury(node)

    def descriptors(self, node):
        return len(os.listdir("/proc/%d/fd" % node.process.pid))

    def connections(self, node):
        """The descriptors that are sockets, with state and addresses from the kernel."""
        done = subprocess.run(["ss", "-tuxanpH"], stdout=subprocess.PIPE, check=False)
        mark = "pid=%d," % node.process.pid
        return [" ".join(line.split()[:6]) for line in done.stdout.decode().splitlines() if mark in line]

    def measure(self):
        """How much is in use, for a later comparison."""
        self.sizes = ({node: self.descriptors(node) for node in self.nodes},
                      {node: self.blocks(node) for node in self.nodes})

    def forget_size(self, node):
        for sizes in self.sizes:
            sizes.pop(node, None)

    def blocks(self, node):
        return self.ledgers[node.name].blocks()

    def await_soon(self, question, seconds):
        """True if the question becomes true in that time; the session continues in either
        case."""
        try:
            return bool(self.lab.until(question, "", seconds))
        except Failed:
            return False

    def is_linked(self):
        return all(self.figures(node).get("repl_link") == "streaming" for node in self.nodes)

    def is_settled(self):
        """Linked, and nothing is in progress."""
        for node in self.nodes:
            figures = self.figures(node)
            if (figures.get("repl_link") != "streaming" or figures["repl_in_sync"] != "1" or
                    figures["repl_pending"] != "0" or figures["repl_dirty_buckets"] != "0"):
                return False
        return True

    def reasons(self):
        """Why it is not settled, according to the nodes."""
        names = ("role", "link", "in_sync", "pending", "dirty_buckets", "missing_buckets",
                 "last_error")
        return "; ".join("%s: %s" % (node.name, ", ".join(
            "%s %s" % (name, self.figures(node).get("repl_" + name)) for name in names))
                         for node in self.nodes)

    def difference(self, keys):
        names = [key.decode() for key in keys]
        held = [read(node.client(), names) for node in self.nodes]
        return Difference(*held), held
