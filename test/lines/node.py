"""A node of the counted build, alone or with a standby, and what its workers are asked."""

import os

from harness.report import Failed
from harness.wire import request
from places import Places
from touches import Touches

KEYS, ROUNDS, FILLERS = 8, 20, 60000  # keys of a worker; its turns; what makes a table large
HITS, SETS = 3, 4  # of a key by the text protocol, each time gets() asks; of a key by sets()
VALUE = b"v" * 200  # so long that no two items' headers are in one line


class Node:
    def __init__(self, lab, workers, megabytes, standby):
        """standby: its megabytes; 0: there is none."""
        self.lab, self.workers, self.standby = lab, workers, standby
        self.rounds = self.hits = 0  # so far, or of the last count
        path = os.path.join(lab.folder, "touches")
        self.touches = Touches(path)
        self.node = self.start(megabytes, path)
        self.fill()
        # Connections are dealt out in turn: those at the same place in both lists have one worker.
        self.text = [self.node.connect() for _ in range(workers)]
        self.binary = [self.node.connect() for _ in range(workers)]
        self.bits = [self.bit(worker) for worker in range(workers)]
        self.threads = self.touches.threads(self.node.process.pid)
        self.places = Places(self.node.process.pid)

    def start(self, megabytes, path):
        threads = "-t", str(self.workers)
        if self.standby:
            node, other = self.lab.add_pair(*threads, config="heartbeat=100;timeout=5000")
            other.start("-m", str(self.standby))
        else:
            node = self.lab.add("a", *threads, engine=self.lab.build.default_engine)
        node.environment = dict(self.lab.environment, MCD_TOUCHES=path)
        node.start("-m", str(megabytes))
        if self.standby:
            self.lab.linked(node, other)
        return node

    def bit(self, worker):
        """The bit of the thread that serves it."""
        self.lab.until(lambda: self.ask_once(worker), "one thread serves connection %d" % worker)
        return self.touches.writers()

    def ask_once(self, worker):
        self.touches.begin()
        self.gets(worker, [b"filler0"])
        self.hear(worker)
        self.touches.end()
        names = self.touches.threads(self.node.process.pid)
        return names.get(self.touches.writers(), "").startswith("mcd-worker")

    def settle(self):
        if self.standby:
            self.lab.drained(self.node)

    def fill(self):
        client = self.node.client()
        for at in range(0, FILLERS, 1000):
            client.send(b"".join(b"set filler%d 0 0 %d noreply\r\n%s\r\n" % (n, len(VALUE), VALUE)
                                 for n in range(at, at + 1000)))
        client.ask("mn")
        self.settle()

    def store(self, keys):
        """Another item lies between any two of them."""
        client = self.node.client()
        for key in keys:
            for name in key, key + b"-next":
                if client.store(name.decode(), VALUE) != "STORED":
                    raise Failed("the node does not store %s" % name)
        self.settle()

    # ---- what a worker is asked

    def gets(self, worker, keys):
        """By each protocol: one key, several keys, keys that are not there."""
        lines = [b"get %s" % key for key in keys] + [b"gets %s" % b" ".join(keys)]
        lines += [b"mg %s v t f c" % key for key in keys] + [b"get none-of-%s" % key for key in keys]
        self.text[worker].send(b"".join(line + b"\r\n" for line in lines) + b"mn\r\n")
        self.binary[worker].send(b"".join(request(name, key) for key in keys for name in ("get", "getkq")) +
                                 request("noop"))

    def sets(self, worker, keys):
        lines = [b"set %s 0 0 %d\r\n%s" % (key, len(VALUE), VALUE) for key in keys]
        lines += [b"ms %s %d\r\n%s" % (key, len(VALUE), VALUE) for key in keys]
        self.text[worker].send(b"".join(line + b"\r\n" for line in lines) + b"mn\r\n")
        self.binary[worker].send(b"".join(request(name, key, VALUE) for key in keys
                                          for name in ("set", "setq")) + request("noop"))

    def hear(self, worker):
        """Waits for the answers to all that a worker was asked."""
        line = self.text[worker].line()
        while line != b"MN":
            self.hits += line.startswith((b"VALUE ", b"VA "))
            line = self.text[worker].line()
        while self.binary[worker].response().command != "noop":
            pass

    def round(self, ask):
        self.rounds += 1
        for worker in range(self.workers):
            ask(worker)
        for worker in range(self.workers):
            self.hear(worker)

    def count(self, ask):
        """Rounds in which each worker is asked, with a standby at least one in which the
        replication thread has something to do. Returns the lines."""
        for _ in range(4):  # what is made at the first time is there then
            self.round(ask)
        self.rounds = self.hits = 0
        self.touches.begin()
        for _ in range(ROUNDS):
            self.round(ask)
        if self.standby:
            self.lab.until(lambda: self.round(ask) or self.touches.writers() & self.bit_of("replication"),
                           "the replication thread does something")
        self.touches.end()
        if self.touches.lost():
            raise Failed("%d accesses were not noted: LINES_MAX is too small" % self.touches.lost())
        self.threads = self.touches.threads(self.node.process.pid)
        return list(self.touches.lines())

    # ---- threads

    def bit_of(self, name):
        threads = self.touches.threads(self.node.process.pid)
        return sum(bit for bit, its in threads.items() if its == name)

    def names(self, bits):
        return ", ".join(sorted(name for bit, name in self.threads.items() if bit & bits))
