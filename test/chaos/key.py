"""What the judge remembers of a key, and what it finds."""

import collections

from operation import EARLY, MISSING

NO, MAYBE, YES = range(3)  # whether clients have changed a key on a node since both were in sync


class Key:
    def __init__(self, name, bucket):
        self.name, self.bucket = name, bucket
        self.here = [{MISSING}, {MISSING}]  # what it may be on each node
        self.changed, self.latest = [NO, NO], 0
        self.last = 0.0    # when the last operation ended
        self.is_asked = False  # an operation is under way
        self.late = []     # (node, operation) without an answer: they may still be served
        self.is_spoiled = False  # a violation was found: nothing is known any more
        self.history = collections.deque(maxlen=80)

    def is_late_at(self, node):
        return any(at == node for at, _ in self.late)


class Flush:
    """One that is delayed: takes effect between early and late. is_sure: on both nodes."""

    def __init__(self, early, late):
        self.early, self.late, self.is_sure = early - EARLY, late + EARLY, False

    def may_have_taken(self, state, end):
        return end >= self.early and state.born[0] <= self.late

    def must_have_taken(self, state, begin):
        return self.is_sure and begin > self.late and state.born[1] < self.early


class Violation:
    def __init__(self, kind, key, text):
        self.kind, self.key, self.text = kind, key, text
        self.history = list(key.history) if key else []
