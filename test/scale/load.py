"""Working clients during the fail-over of a pair, and their records."""

import collections
import random
import threading
import time

from harness.report import Failed
from harness.wire import Closed, Connection, Timeout


class Refused(Exception):
    """The other side reported that it cannot do it."""


class TextClient:
    """The text protocol over one connection, which reconnects after a failure."""

    def __init__(self, address, timeout=3.0):
        self.address, self.timeout, self.connection = address, timeout, None

    def call(self, function):
        try:
            if not self.connection:
                self.connection = Connection(self.address, self.timeout)
            return function(self.connection)
        except (Closed, Timeout, OSError) as error:
            self.close()
            raise Refused(str(error)) from error

    def get(self, key):
        lines = self.call(lambda connection: connection.ask("get " + key))
        if lines == [b"END"]:
            return None
        if not lines[0].startswith(b"VALUE "):
            raise Refused(lines[0].decode())
        return lines[1].decode()

    def set(self, key, value):
        answer = self.call(lambda connection: connection.store(key, value))
        if answer != "STORED":
            raise Refused(answer)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def as_text(value):
    """Libraries return as bytes what another client has stored."""
    return value.decode() if isinstance(value, bytes) else value


def value_of(key):
    return "value of " + key


class Load(threading.Thread):
    """Sets keys of its own and gets the common ones, alternately, until it is stopped."""

    def __init__(self, name, make_client, keys):
        super().__init__(daemon=True)
        self.name, self.make_client, self.keys = name, make_client, keys
        self.over, self.crash = False, None
        self.errors = []     # (begin, end, key, error text)
        self.good = []       # (end, key)
        self.misses = []     # keys
        self.stored = {}     # key: time of the acknowledgement
        self.random = random.Random(name)

    def run(self):
        try:
            client = self.make_client()
            number = 0
            while not self.over:
                number += 1
                self.operate(client, number)
                if number % 4 == 0:
                    time.sleep(0.001)  # limits the rate; does not wait for anything
        except Exception as error:
            self.crash = error

    def operate(self, client, number):
        key = "%s-%d" % (self.name, number) if number % 2 else self.random.choice(self.keys)
        begin = time.monotonic()
        try:
            if number % 2:
                client.set(key, value_of(key))
                self.stored[key] = time.monotonic()
            elif as_text(client.get(key)) != value_of(key):
                self.misses.append(key)
            self.good.append((time.monotonic(), key))
        except Exception as error:  # every library has its own exceptions
            self.errors.append((begin, time.monotonic(), key, self.brief(error)))
            time.sleep(0.001)

    @staticmethod
    def brief(error):
        if isinstance(error, Refused):
            return str(error)[:60]
        return type(error).__name__


class Crowd:
    """Several loads at the same time, and their results."""

    def __init__(self, make_client, keys, count=3):
        self.loads = [Load("w%d" % number, make_client, keys) for number in range(count)]

    def __enter__(self):
        for load in self.loads:
            load.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for load in self.loads:
            load.over = True
        for load in self.loads:
            load.join(30)
            if load.is_alive() or load.crash:
                raise Failed("%s: %r" % (load.name, load.crash or "hangs"))

    def count(self):
        return sum(len(load.good) for load in self.loads)

    def all(self, what):
        return [entry for load in self.loads for entry in getattr(load, what)]

    def stored(self):
        return {key: at for load in self.loads for key, at in load.stored.items()}

    def write_gap_ms(self):
        """The longest time between two acknowledged writes of a client."""
        gaps = [0.0]
        for load in self.loads:
            times = list(load.stored.values())
            gaps += [b - a for a, b in zip(times, times[1:])]
        return max(gaps) * 1000

    def good_since(self, moment, keys):
        """An operation on one of the keys has succeeded since."""
        return any(at > moment and key in keys for load in self.loads
                   for at, key in load.good[-400:])


class Judgement:
    """The effect of a fail-over from `start` to `back` on a pair's keys, and on those of
    others."""

    def __init__(self, crowd, owner, pair, start, back):
        errors = crowd.all("errors")
        self.own = [error for error in errors if owner(error[2]) == pair]
        self.foreign = [error for error in errors if owner(error[2]) != pair]
        self.early = [error for error in errors if error[1] < start]
        self.kinds = collections.Counter(error[3] for error in self.own)
        self.last = max((error[1] for error in self.own), default=start)
        self.after_ms = (self.last - back) * 1000
        good = sorted(at for at, key in crowd.all("good") if owner(key) == pair)
        before = max((at for at in good if at <= start), default=start)
        after = min((at for at in good if at > back), default=None)
        self.gap_ms = (after - before) * 1000 if after else float("inf")
        self.down_ms = (back - start) * 1000
        self.others_gap_ms = max((self.widest(crowd, owner, other) for other in range(1, 5)
                                  if other != pair), default=0.0)

    @staticmethod
    def widest(crowd, owner, pair):
        times = sorted(at for at, key in crowd.all("good") if owner(key) == pair)
        return max((b - a for a, b in zip(times, times[1:])), default=0.0) * 1000

    def __str__(self):
        kinds = ", ".join("%d x %s" % (count, text) for text, count in self.kinds.most_common(3))
        return ("gap of its keys %.0f ms (VIP away %.0f ms), %d errors%s, last one %+.0f ms from "
                "its return; others' keys: %d errors, widest gap %.0f ms"
                % (self.gap_ms, self.down_ms, len(self.own), " (%s)" % kinds if kinds else "",
                   self.after_ms, len(self.foreign), self.others_gap_ms))
