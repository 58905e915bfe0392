"""Clients: each has keys of its own, so that operations on a key follow each other, and speaks all
protocols, drawn from the seed."""

import random
import threading
import time

from dialect import MG, Speaker, Strange, is_text
from operation import IN_DOUBT, REFUSED, UNSENT, Operation

LARGEST = 1000 * 1000  # with its header an item may have 1 MiB
HUGE = 4 * LARGEST      # where there is room: it comes to the peer in chunks
COUNTER = b"n"
KINDS = {"set": 30, "get": 25, "add": 5, "replace": 6, "append": 6, "prepend": 3, "cas": 8, "gat": 4,
         "touch": 6, "delete": 8, "peek": 5, "stale": 6, "overdue": 4, "vivify": 4, "win": 6}
COUNTER_KINDS = {"incr": 40, "decr": 15, "get": 20, "set": 12, "add": 5, "touch": 5, "delete": 5,
                 "peek": 5, "stale": 4, "win": 4}
TTLS = (1, 2, 3, 5, 30, 1000, 40 * 86400)
LATEST = 60    # s, until an operation without an answer is done, if it is


def keys_of(number, count, randomness):
    """Names of 4 to 250 bytes; some have bytes that only binary and meta can say."""
    for index in range(count):
        name = b"c%dk%d" % (number, index)
        if index % 9 == 8:
            name += b"." * randomness.randint(1, 240)
        elif index % 17 == 5:
            name = b"\x01 \xff" + name
        elif index % 8 == 1:
            name = COUNTER + name
        yield name


class Gate:
    """Clients pass one by one; it is shut until none is under way."""

    def __init__(self):
        self.condition, self.inside, self.is_shut = threading.Condition(), 0, False

    def enter(self):
        with self.condition:
            self.condition.wait_for(lambda: not self.is_shut)
            self.inside += 1

    def leave(self):
        with self.condition:
            self.inside -= 1
            self.condition.notify_all()

    def shut(self):
        with self.condition:
            self.is_shut = True
            self.condition.wait_for(lambda: not self.inside)

    def open(self):
        with self.condition:
            self.is_shut = False
            self.condition.notify_all()


class Player:
    """One client, a thread. world: what it writes to (world.py)."""

    def __init__(self, world, number, keys=90, pause=0.001):
        self.world, self.judge, self.pause = world, world.judge, pause
        self.most = HUGE if world.is_roomy else LARGEST
        self.random = random.Random("%d %d" % (world.seed, number))
        self.keys = [self.judge.key(name) for name in keys_of(number, keys, self.random)]
        self.large = self.keys[2::30]
        self.speaker = Speaker(world.nodes, world.patience)
        self.tokens = {}  # key -> CAS numbers that were told
        self.stored = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.world.is_over:
            self.world.gate.enter()
            try:
                self.step()
            except Strange as answer:
                self.judge.report("strange answer", None, str(answer))
            finally:
                self.world.gate.leave()
            time.sleep(self.pause)
        self.speaker.close()

    def step(self):
        key = self.random.choice(self.keys)
        node = self.world.target(self.random)
        is_counter = key.name.startswith(COUNTER)
        kinds = COUNTER_KINDS if is_counter else KINDS
        kind = self.random.choices(list(kinds), kinds.values())[0]
        if kind == "peek":
            self.ask(key, Operation("get"), 1 - node, is_peek=True)
        elif not key.is_late_at(node) and not key.is_spoiled and len(key.late) < 2:
            operation = self.draw(key, kind, is_counter)
            if operation and self.ask(key, operation, node).word == "STORED":
                self.look_after(key, 1 - node)

    def look_after(self, key, node):
        """Reads on the standby while the change arrives there."""
        for _ in range(3 if self.random.random() < 0.1 else 0):
            self.ask(key, Operation("get"), node, is_peek=True)

    def draw(self, key, kind, is_counter):
        ttl = self.random.choice(TTLS) if self.random.random() < 0.15 else 0
        flags = self.random.choice((0, 1, self.random.getrandbits(32)))
        if kind in ("incr", "decr"):
            return Operation(kind, by=self.random.randint(1, 9))
        if kind in ("touch", "gat", "vivify"):
            return Operation(kind, ttl=ttl)
        if kind == "win":
            return Operation("get", within=self.random.choice((1, 10, 2000)))
        if kind == "stale":
            return Operation(kind, ttl=ttl, cas=self.token(key) if self.random.random() < 0.2 else None)
        if kind in ("get", "delete"):
            return Operation(kind, cas=self.token(key) if kind == "delete" and ttl else None)
        value = self.value(key, is_counter)
        if kind in ("append", "prepend"):
            value = value[:9000]
            return Operation(kind, value) if self.judge.longest(key) < self.most - 20000 else None
        cas = self.token(key) if kind in ("cas", "overdue") else None
        return None if kind in ("cas", "overdue") and not cas else Operation(kind, value, flags, ttl, cas)

    def token(self, key):
        """Mostly the last one that was told."""
        tokens = self.tokens.get(key, [])
        return (tokens[-1] if self.random.random() < 0.7 else self.random.choice(tokens)) if tokens else None

    def value(self, key, is_counter):
        self.stored += 1
        if is_counter:
            return b"%d" % (self.stored * 1000)
        head = b"%s#%d:" % (key.name[-12:], self.stored)
        return head + b"." * self.size(key)

    def size(self, key):
        if key in self.large and self.random.random() < 0.3:
            return self.random.randint(100 * 1000, LARGEST - 400)
        if key in self.large and self.random.random() < 0.1:
            return self.random.randint(self.most // 2, self.most - 400)
        return self.random.choice((0, self.random.randint(0, 300), self.random.randint(0, 3000),
                                   self.random.randint(0, 20000)))

    def dialects(self, key, operation, is_peek):
        if operation.is_meta():
            return ("meta",)
        if is_peek and not self.judge.is_plain(key):
            return ("text", "binary") if is_text(key.name) else ("binary",)
        if not is_text(key.name) or operation.kind == "delete" and operation.cas is not None:
            return "binary", "meta"
        return "text", "binary", "meta"

    def ask(self, key, operation, node, is_peek=False):
        dialect = self.random.choice(self.dialects(key, operation, is_peek))
        operation.by_mg = dialect == "meta" and operation.kind in MG
        self.judge.asked(key)
        begin = time.monotonic()
        answer = self.speaker.ask(node, dialect, key.name, operation)
        operation.took(begin, time.monotonic() + (LATEST if answer is IN_DOUBT else 0))
        self.judge.answered(key, operation, node, answer, is_peek)
        if answer.cas:
            self.tokens.setdefault(key, []).append(answer.cas)
            del self.tokens[key][:-5]
        if answer is IN_DOUBT or answer.word in (REFUSED, UNSENT):
            time.sleep(0.02)
        return answer

