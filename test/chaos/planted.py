"""Proves that the judge can find what is wrong: on a real pair the link falsifies what the nodes tell each
other, so that both believe to be in sync and are not."""

import struct
import time

from dialect import MG, Speaker
from episode import Episode
from harness.report import Failed
from operation import Operation
from world import World

CALM = dict(bits=20, journal="16m", memory="roomy", conflict="invalidate", writes="promote", threads=2)
CASES = []


def planted(kind):
    """The case must make the judge find this, and nothing else about its key."""
    def file(function):
        CASES.append((kind, function))
        return function
    return file


class Stage:
    """A pair, one client that does as told, and a link that lies."""

    def __init__(self, world):
        self.world, self.judge = world, world.judge
        self.speaker = Speaker(world.nodes, world.patience)

    def do(self, name, kind, value=b"", **what):
        operation, begin = Operation(kind, value, **what), time.monotonic()
        operation.by_mg = kind in MG
        answer = self.speaker.ask(self.world.active, "meta", name, operation)
        operation.took(begin, time.monotonic())
        self.judge.answered(self.judge.key(name), operation, self.world.active, answer)
        return answer

    def lie(self, truth, lie):
        for proxy in self.world.proxies:
            proxy.alter[truth] = lie

    def await_sync(self):
        since, age = time.monotonic(), self.judge.age
        if not self.world.await_soon(self.world.is_in_sync, 5):
            raise Failed("the pair is not in sync")
        self.judge.in_sync(since, age)

    def fail_over(self):
        dead = self.world.active
        self.world.kill(dead)
        self.world.fail_over(1 - dead)

    def compare(self):
        Episode(self.world, 0, reclaimed=0.5).settle()

    def close(self):
        """The end of a case; what it has planted goes while the link still lies."""
        for node in (0, 1):
            if not self.world.is_up(node):
                self.world.start(node)
        self.world.write_something()
        self.await_sync()
        for proxy in self.world.proxies:
            proxy.alter = {}
        self.judge.violations.clear()


def extras(flags, expiry, key):
    return struct.pack("!II", flags, expiry) + key


@planted("lost key")
def lost(stage):
    stage.lie(b"lost-key", b"gone-key")
    stage.do(b"lost-key", "set", b"v")
    stage.compare()


@planted("extra items")
def unheard_of(stage):
    stage.lie(b"one-of-ours", b"unheard-of!")
    stage.do(b"one-of-ours", "set", b"v")
    stage.compare()


@planted("extra key")
def extra(stage):
    stage.do(b"dead-key", "set", b"v")
    stage.await_sync()
    stage.lie(b"dead-key", b"deaf-key")
    stage.do(b"dead-key", "delete")
    stage.compare()


@planted("stale or wrong value")
def wrong_value(stage):
    stage.lie(b"truth", b"false")
    stage.do(b"value", "set", b"truth")
    stage.compare()


@planted("wrong flags")
def flags(stage):
    stage.lie(extras(5, 0, b"flagged"), extras(6, 0, b"flagged"))
    stage.do(b"flagged", "set", b"v", flags=5)
    stage.compare()


@planted("wrong CAS")
def cas(stage):
    number = stage.do(b"numbered", "set", b"v").cas
    stage.await_sync()
    stage.lie(struct.pack("!Q", number) + extras(0, 0, b"numbered"),
              struct.pack("!Q", number + 256) + extras(0, 0, b"numbered"))
    stage.do(b"numbered", "touch")
    stage.compare()


@planted("wrong TTL")
def ttl(stage):
    for seconds in range(998, 1200):  # by the clock of the store, which began with the node
        stage.lie(extras(0, seconds, b"mortal"), extras(0, 5000, b"mortal"))
    stage.do(b"mortal", "set", b"v", ttl=1000)
    stage.compare()


STALE, WON = 1, 2  # marks, as the link carries them


def unmark(stage, key, marks, mark):
    """The link loses this mark."""
    for credit in range(256):
        for given in (0, 0x80):
            head = b"\x80\x11" + struct.pack("!HBB", len(key), 8, 0)
            stage.lie(head + bytes((given | marks, credit)), head + bytes((given | marks & ~mark, credit)))


@planted("wrong marks")
def marks(stage):
    stage.do(b"overdue", "set", b"v")
    stage.await_sync()
    unmark(stage, b"overdue", STALE, STALE)
    unmark(stage, b"overdue", STALE | WON, STALE)  # of the win by which the end is looked at
    stage.do(b"overdue", "stale")
    stage.compare()


@planted("wrong marks")
def two_winners(stage):
    stage.do(b"contested", "set", b"v")
    stage.do(b"contested", "stale")
    stage.await_sync()
    unmark(stage, b"contested", STALE | WON, WON)
    stage.do(b"contested", "get")
    stage.await_sync()
    stage.fail_over()
    stage.do(b"contested", "get")


@planted("stale or wrong value")
def stale_after_fail_over(stage):
    stage.do(b"stale", "set", b"old")
    stage.await_sync()
    stage.lie(b"new", b"old")
    stage.do(b"stale", "set", b"new")
    stage.await_sync()
    stage.fail_over()
    stage.do(b"stale", "get")


@planted("lost key")
def lost_by_fail_over(stage):
    stage.lie(b"promised", b"forsaken")
    stage.do(b"promised", "set", b"v")
    stage.await_sync()
    stage.fail_over()
    stage.do(b"promised", "replace", b"w")


def try_case(stage, kind, function):
    function(stage)
    found = [violation.kind for violation in stage.judge.violations]
    stage.close()
    if kind not in found:
        raise Failed("the judge does not find it, but: %s" % (", ".join(found) or "nothing"))


def run(report, build):
    world = World(build, 0, CALM, clients=0)
    world.write_something()
    stage = Stage(world)
    for kind, function in CASES:
        report.run("planted: " + function.__name__, try_case, stage, kind, function)
    stage.speaker.close()
    trouble = world.close()
    if trouble:
        report.add("failed", "planted: the end", text=trouble)
