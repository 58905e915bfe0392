"""The actions of clients and an operator on a pair while one of its nodes lacks a
resource.

    changes -> control -> new clients, with TLS and without -> a dump, a watcher -> link cut,
    changes, healed -> split, changes on both sides, healed -> all copied, compared -> handed over

It takes some 0.3 s if nothing fails, and continues whatever fails: judge.py checks
afterwards what must hold."""

import contextlib

from books import Client
from pair import TROUBLE

PATIENCE = 1.0  # s, for one answer
SOON = 0.5      # s, for what should follow; the session continues in either case
LARGE = 300 << 10
BOTH = 4        # keys that change on both sides of a split


class Session:
    def __init__(self, pair, books, number):
        self.pair, self.books, self.number = pair, books, number
        self.clients = {node: Client(node.connect, books, PATIENCE * pair.lab.build.slowness)
                        for node in pair.nodes}
        self.told = []

    def value(self, size=20):
        text = b"session %d " % self.number
        return text + b"." * (size - len(text))

    def tell(self, node, command):
        self.told.append("%s: %s" % (command, self.pair.command(
            node, command, 4 * PATIENCE * self.pair.lab.build.slowness)))

    def changes(self, node, prefix, count):
        client = self.clients[node]
        for n in range(count):
            client.set(b"%s%d" % (prefix, n), self.value(20 + 13 * n % 400))
        client.set(prefix + b"large", self.value(LARGE + self.number * 7919 % LARGE))
        client.set(prefix + b"number", b"%d" % (self.number * 10))
        client.incr(prefix + b"number")
        client.append(prefix + b"1", b" and more")
        client.append(prefix + b"large", b"." * 9000)
        client.touch(prefix + b"2")
        client.delete(prefix + b"3")
        client.get(prefix + b"4")
        client.get(prefix + b"large")
        client.get(prefix + b"never")

    def newcomers(self, node, connect, count=3):
        for n in range(count):
            client = Client(connect, self.books, self.clients[node].patience)
            client.set(b"new%d" % n, self.value())
            client.set(b"newlarge", self.value(LARGE // 6))
            client.get(b"new%d" % n)
            client.get(b"newlarge")
            self.clients[node].unanswered += client.unanswered
            client.close()

    def dump(self, node):
        """All keys, to whatever end."""
        with contextlib.suppress(*TROUBLE), node.connect(self.clients[node].patience) as connection:
            connection.send(b"lru_crawler metadump all\r\n")
            while connection.line(b"\n").startswith(b"key="):
                pass

    def watch(self, node):
        """A watcher, if it gets a place, and a line of what another client does."""
        with contextlib.suppress(*TROUBLE), node.connect(self.clients[node].patience) as connection:
            connection.send(b"watch fetchers mutations evictions connevents\r\n")
            if connection.line() == b"OK":
                self.clients[node].get(b"watched")
                connection.line(b"\n")

    def burst(self, node):
        """More changes at once than the journal holds."""
        for n in range(300):
            self.clients[node].set(b"burst%d" % n, self.value(40))

    def churn(self, node):
        """Large values in place of small ones, and the other way round: memory goes back
        to the system and is taken from it again."""
        client = self.clients[node]
        for size, count in ((2 * LARGE, 4), (LARGE // 6, 40), (2 * LARGE, 4)):
            for n in range(count):
                client.set(b"churn%d" % n, self.value(size))
            for n in range(count):
                client.delete(b"churn%d" % n)

    def heal(self):
        self.pair.heal()
        self.pair.await_soon(self.pair.is_linked, SOON)

    def short_cut(self):
        self.pair.cut()
        self.changes(self.pair.active(), b"cut", 10)
        self.heal()

    def split(self):
        self.pair.cut()
        old = self.pair.active()
        new = self.pair.other(old)
        self.changes(old, b"there", 8)
        self.tell(new, "promote")
        self.changes(new, b"here", 8)
        both = [b"both%d" % n for n in range(BOTH)]
        for key in both:
            self.clients[old].set(key, self.value())
            self.clients[new].set(key, self.value(30))
        self.books.conflicts(both)
        self.heal()

    def come_back(self, node):
        """A node that is missing everything returns: keys that it cannot fetch in time
        are misses."""
        client = self.clients[node]
        self.books.conflicts([b"knumber", b"k1", b"k4", b"k5", b"klarge"])
        self.books.is_filled = False
        client.incr(b"knumber")
        client.append(b"k1", b" and back")
        client.get(b"k4")
        client.get(b"klarge")
        self.books.is_filled = True
        for n in range(5):
            client.set(b"back%d" % n, self.value())
        client.delete(b"k5")

    def play(self):
        node = self.pair.active()
        self.changes(node, b"k", 20)
        self.tell(node, "status")
        self.newcomers(node, node.connect)
        self.newcomers(node, node.connect_securely)
        self.dump(node)
        self.watch(node)
        self.churn(node)
        self.short_cut()
        self.split()
        node = self.pair.active()
        self.tell(node, "resync")
        self.changes(node, b"k", 5)
        self.newcomers(node, node.connect_securely)
        self.tell(node, "verify")
        self.tell(node, "handover")
        self.changes(self.pair.active(), b"after", 5)

    def close(self):
        for client in self.clients.values():
            client.close()

    def unanswered(self):
        return sum(client.unanswered for client in self.clients.values())
