"""A pair with its clients, and what was drawn for it: it lives for some episodes. Nodes are 0 and 1
here and at the judge; clients write to one of them, the target, or to both during a split."""

import collections
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time

from harness.content import write
from harness.lab import Lab
from harness.report import Failed
from harness.wire import Closed, Connection, Timeout
from judge import Judge
from player import Gate, Player

TROUBLE = (Closed, Timeout, OSError)
CLIENTS = 4
OWN = b"chaos"      # a key that nobody else writes
LOAD = b"load"      # what others than our clients write: keys load0, load1, ...
LOAD_KEYS, LOAD_SIZE = 8000, 2000
OWN_CONNECTIONS = 8  # of both nodes: the tests' own questions, and listeners
LOOK = 0.02         # s, between two looks whether both are in sync

Draw = collections.namedtuple("Draw", "bits journal memory conflict writes threads")


def draw(randomness):
    choose = randomness.choice
    return Draw(bits=choose((6, 10, 16, 20, 20)), journal=choose(("4k", "64k", "16m", "16m")),
                memory=choose(("roomy", "roomy", "evicts", "full")),
                conflict=choose(("invalidate", "invalidate", "keep")),
                writes=choose(("promote", "alone", "reject")), threads=choose((1, 2, 4)))


class World:
    def __init__(self, build, seed, fixed=None, clients=CLIENTS):
        """fixed: options that are not drawn, by name."""
        self.seed, self.random = seed, random.Random(seed)
        self.drawn = draw(self.random)._replace(**fixed or {})
        self.judge = Judge(self.drawn.bits, self.drawn.conflict == "keep", self.drawn.memory == "evicts",
                           self.drawn.journal == "4k", self.drawn.memory == "full")
        self.patience = 1.0 * build.slowness
        self.gate, self.is_over, self.is_split, self.active = Gate(), False, False, 0
        self.faults = collections.Counter()
        self.lab = Lab(build)
        self.lab.add_pair(*self.options(), config=self.config(), proxied=True)
        self.nodes = list(self.lab.nodes.values())
        self.proxies = self.lab.proxies
        for node in self.nodes:
            node.start()
        self.lab.linked(*self.nodes)
        self.load_keys = 0
        if self.drawn.memory != "roomy":
            self.tell(self.active, "promote")
            self.fill()
        self.players = [Player(self, number) for number in range(clients)]
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    def options(self):
        memory = {"roomy": ("-m", "256", "-I", "5m"), "evicts": ("-m", "16"), "full": ("-m", "16", "-M")}
        return memory[self.drawn.memory] + ("-t", str(self.drawn.threads))

    @property
    def is_roomy(self):
        return self.drawn.memory == "roomy"

    def config(self):
        return ("dirty_bits=%d;journal=%s;on_conflict=%s;standby_writes=%s;heartbeat=100;timeout=1000" %
                (self.drawn.bits, self.drawn.journal, self.drawn.conflict, self.drawn.writes))

    def __str__(self):
        return "seed %d (%s)" % (self.seed, ", ".join("%s %s" % pair for pair in
                                                      self.drawn._asdict().items()))

    # ---- clients

    def target(self, randomness):
        """The node that a client writes to now."""
        return randomness.randrange(2) if self.is_split else self.active

    def still(self):
        """No client is under way until go()."""
        self.gate.shut()

    def go(self):
        self.gate.open()

    def load(self, seconds):
        """Others write, too, as fast as they can; their answers are nobody's."""
        node = self.active
        with self.judge.lock:
            self.judge.sides.loaded[node] = True
            self.judge.purges(node, "load on %s" % "ab"[node])
        self.load_keys = LOAD_KEYS
        return subprocess.Popen(
            [self.lab.build.load, "--port", str(self.nodes[node].port), "--seconds", str(seconds),
             "--ratio", "1:1", "--pipeline", "8", "--connections", "4", "--keys", str(LOAD_KEYS),
             "--size", str(LOAD_SIZE), "--prefix", LOAD.decode()],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def fill(self):
        """Until there is no room for more."""
        self.load_keys = LOAD_KEYS
        with self.nodes[self.active].connect() as connection:
            write(connection, ["%s%d" % (LOAD.decode(), number) for number in range(LOAD_KEYS)],
                  b"v" * LOAD_SIZE)

    def unload(self, process):
        """It waits for ever for a node that hangs."""
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.judge.sides.loaded = [False, False]

    # ---- nodes

    def kill(self, node):
        self.nodes[node].process.kill()
        self.nodes[node].process.wait()
        self.nodes[node].forget()
        self.nodes[node].process = None
        self.judge.killed(node)

    def start(self, node):
        self.nodes[node].start()
        self.judge.event("%s starts" % "ab"[node])

    def stop(self, node):
        self.judge.stops(node)
        self.nodes[node].pause()

    def go_on(self, node):
        self.nodes[node].cont()
        self.judge.goes_on(node)

    def is_up(self, node):
        return self.nodes[node].process is not None

    def tell(self, node, command, patience=3.0):
        """Over the control socket: the line that ends the answer, or nothing."""
        try:
            with Connection(self.nodes[node].socket, patience * self.lab.build.slowness) as connection:
                answer = connection.command(command)[-1].decode()
        except TROUBLE:
            answer = ""
        self.judge.note("%s at %s: %s" % (command, "ab"[node], answer or "no answer"))
        return answer

    def ask(self, node, command):
        """A client's command; the first line of the answer, or nothing."""
        try:
            with Connection(self.nodes[node].address, self.patience) as connection:
                answer = connection.ask(command)[0].decode()
        except TROUBLE:
            answer = ""
        return answer

    def fail_over(self, to):
        """Clients go there; it is promoted by command unless a client's write may do it."""
        if to != self.active:
            self.judge.left(self.active)
        if self.drawn.writes != "promote" or self.random.random() < 0.5:
            self.tell(to, "promote")
        self.active = to

    # ---- the network between them

    def cut(self):
        for proxy in self.proxies:
            proxy.cut()
        self.judge.event("the link is cut")

    def slow(self, rate):
        """rate: KiB/s."""
        self.judge.stalls("the link carries %d KiB/s" % rate)
        for proxy in self.proxies:
            proxy.rate = rate << 10

    def heal(self):
        self.judge.meet()
        for proxy in self.proxies:
            proxy.rate = None
            proxy.heal()

    def await_apart(self, seconds=3.0):
        """Until both nodes know that the link is cut; then nothing passes that the judge would have to
        reckon with."""
        def know():
            return all(figures.get("repl_link") != "streaming" for figures in self.figures())
        if self.await_soon(know, seconds):
            self.judge.parted()

    # ---- questions

    def await_soon(self, question, seconds):
        try:
            return bool(self.lab.until(question, "", seconds))
        except Failed:
            self.lab.check_alive()
            return False

    def figures(self):
        """`stats repl` of both; nothing of one that does not answer."""
        found = []
        for node in self.nodes:
            try:
                found.append(node.stats("repl") if node.process else {})
            except TROUBLE:
                node.forget()
                found.append({})
        return found

    def is_in_sync(self):
        return in_sync(*self.figures())

    def says_no_room(self):
        return any("no_room" in figures.get("repl_health", "") for figures in self.figures())

    def lacking(self):
        return [figures.get("repl_missing_buckets", "0") != "0" for figures in self.figures()]

    def watch(self):
        """Tells the judge when both are in sync."""
        links = [None, None]
        while not self.is_over:
            age, since = self.judge.age, time.monotonic()
            if in_sync(*[self.look(node, links) for node in (0, 1)]):
                self.judge.in_sync(since, age)
            time.sleep(LOOK)

    def look(self, node, links):
        try:
            if links[node] is None:
                links[node] = Connection(self.nodes[node].address, 0.5 * self.lab.build.slowness)
            return links[node].stats("repl")
        except TROUBLE:
            if links[node]:
                links[node].close()
            links[node] = None
            return {}

    def reasons(self):
        """Why they are not in sync, as they say."""
        names = ("role", "link", "in_sync", "term", "pending", "dirty_buckets", "missing_buckets",
                 "at_risk", "health", "last_error")
        return "; ".join("%s: %s" % (node.name, ", ".join(
            "%s %s" % (name, figures.get("repl_" + name)) for name in names))
                         for node, figures in zip(self.nodes, self.figures()))

    def losses(self):
        """What the nodes say of what they could not do."""
        names = ("apply_failed", "store_failures", "journal_overflows", "invalidated")
        return "; ".join("%s: %s" % (node.name, ", ".join(
            "%s %s" % (name, figures.get("repl_" + name)) for name in names))
                         for node, figures in zip(self.nodes, self.figures()))

    def find_active(self):
        """Clients go to the one that is active in the end."""
        for node, figures in enumerate(self.figures()):
            if figures.get("repl_role") == "active":
                self.active = node

    def await_served(self):
        """All that clients have sent and not been answered is done by now: the nodes have closed the
        connections that clients gave up."""
        open_now = sum(len(player.speaker.connections) for player in self.players)

        def are_closed():
            counts = [int(node.stats()["curr_connections"]) for node in self.nodes]
            return sum(counts) <= open_now + OWN_CONNECTIONS
        if not self.await_soon(are_closed, 5):
            raise Failed("the nodes keep connections that clients have closed")

    def write_something(self):
        """A pair to which nobody writes has no active node, and says nothing of being in sync."""
        def is_written():
            self.judge.others_write(OWN, self.active)
            is_stored = self.ask(self.active, b"set %s 0 0 1\r\nx" % OWN) == "STORED"
            self.judge.others_write(OWN, self.active)
            return is_stored
        if not self.await_soon(is_written, 3):
            self.tell(self.active, "promote")
            self.await_soon(is_written, 3)

    # ---- the end

    def keep_logs(self):
        """A folder with what the nodes said; lives on."""
        folder = tempfile.mkdtemp(prefix="mcd-chaos-%d-" % self.seed)
        for node in self.nodes:
            if os.path.exists(node.log_path):
                shutil.copy(node.log_path, folder)
        return folder

    def close(self):
        """What went wrong at the end, as text."""
        self.is_over = True
        self.go()
        for player in self.players:
            player.thread.join(10)
        self.watcher.join(10)
        return self.lab.close()


def in_sync(one, two):
    """One leads, one follows it, and both say that both hold the same. It is the leader's word that counts,
    and that the other one is led by it."""
    if not one or not two or one["repl_term"] != two["repl_term"]:
        return False
    roles = {one["repl_role"], two["repl_role"]}
    return roles == {"active", "standby"} and all(
        figures["repl_link"] == "streaming" and figures["repl_in_sync"] == "1" and
        figures["repl_at_risk"] == "0" and figures["repl_pending"] == "0" and
        figures["repl_missing_buckets"] == "0" for figures in (one, two))
