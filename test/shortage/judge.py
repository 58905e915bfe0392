"""What must hold after a shortage: no node has died, both are in sync and hold the same,
and this is what clients were told, or the nodes have reported their losses."""

import re

from pair import TROUBLE
from session import BOTH

SETTLED = 6.0  # s, until both nodes are in sync
GRACE = 64     # blocks of memory that come and go without a shortage
# Counters that report losses, and by how much a split without a shortage raises each of
# them.
LOSSES = {"repl_apply_failed": 0, "evictions": 0, "repl_invalidated": BOTH}
ABOUT = re.compile(r"check failed[^\n]*|Assertion[^\n]*|Sanitizer: [^\n]*")


class Verdict:
    def __init__(self):
        self.crashes, self.differences, self.unsettled, self.leaks = [], [], [], []
        self.misses = self.lost = self.unsaid = self.unanswered = 0
        self.log = {}

    def is_clean(self):
        return not (self.crashes or self.differences or self.unsettled or self.leaks or self.unsaid)

    def __str__(self):
        parts = self.crashes + self.differences + self.unsettled + self.leaks
        if self.unsaid:
            parts.append("%d keys are gone and no node reports it" % self.unsaid)
        return "; ".join(parts)


class Judge:
    """Judges one case: created before it, asked after it."""

    def __init__(self, pair, books):
        self.pair, self.books = pair, books
        self.before = {node: self.losses(node) for node in pair.nodes}
        self.words = {node: len(node.log()) for node in pair.nodes}
        books.wrong, books.misses = [], 0

    def losses(self, node):
        try:
            return {name: int(node.stat(name)) for name in LOSSES}
        except TROUBLE:
            node.forget()
            return dict.fromkeys(LOSSES, 0)

    def restarted(self, node):
        """The node's counters start at 0 again."""
        self.before[node] = dict.fromkeys(LOSSES, 0)

    def told(self):
        """How many losses the nodes have reported since, beyond those of a split."""
        now = {node: self.losses(node) for node in self.pair.nodes}
        return sum(max(sum(now[node][name] - self.before[node][name] for node in now) - usual, 0)
                   for name, usual in LOSSES.items())

    def said(self, node):
        return node.log()[self.words[node]:]

    def the_dead(self, verdict):
        for node in self.pair.nodes:
            code = self.pair.ended(node)
            if code is not None:
                verdict.crashes.append("%s ended with %d: %s" % (node.name, code, self.why(node)))

    def why(self, node):
        """The reason for its end, from its log."""
        found = ABOUT.search(self.said(node))
        return found.group() if found else node.last_words(2)

    def contents(self, verdict):
        keys = sorted(self.books.may)
        difference, held = self.pair.difference(keys)
        absent = len(difference.only_mine) + len(difference.only_theirs)
        if absent and not difference.unequal and self.told() >= absent:
            verdict.lost += absent
        elif difference:
            verdict.differences.append("%s, such as %s" % (difference, ", ".join(sorted(
                difference.only_mine | difference.only_theirs | difference.unequal)[:5])))
        self.books.all_served()
        mine = held[self.pair.nodes.index(self.pair.active())]
        for key in keys:
            item = mine.get(key.decode())
            self.books.is_read(key, item[2] if item else None)
        verdict.differences += self.books.wrong

    def agreement(self, verdict):
        node = self.pair.active()
        answer = self.pair.command(node, "verify", 10 * self.pair.lab.build.slowness)
        if "equal;" not in answer and not (verdict.lost and self.is_mended()):
            verdict.differences.append("verify says: %s" % answer)

    def is_mended(self):
        """verify has repaired what a node lost and reported."""
        return (self.pair.await_soon(self.pair.is_settled, SETTLED) and
                not self.pair.difference(sorted(self.books.may))[0])

    def remains(self, verdict):
        """Descriptors and memory that were not freed. While clients that gave up are
        still being served, changes continue."""
        for what, count_of, before, grace in (
                ("descriptors", self.pair.descriptors, self.pair.sizes[0], 0),
                ("blocks of memory", self.pair.blocks, self.pair.sizes[1], GRACE)):
            def are_back():
                return all(count_of(node) <= count + grace for node, count in before.items())
            if self.pair.await_soon(are_back, 2):
                continue
            for node, count in before.items():
                if count_of(node) > count + grace:
                    verdict.leaks.append("%s: %d %s, were %d" % (node.name, count_of(node), what, count))
                    verdict.log[node.name] = "\n".join(self.pair.connections(node))

    def judge(self, verdict):
        self.the_dead(verdict)
        if verdict.crashes:
            return
        if not self.pair.await_soon(self.pair.is_settled, SETTLED):
            self.the_dead(verdict)
            verdict.unsettled.append(self.pair.reasons())
            return
        self.remains(verdict)
        self.contents(verdict)
        self.agreement(verdict)
        verdict.misses = self.books.misses
        if self.told() < verdict.misses:
            verdict.unsaid = verdict.misses
        self.the_dead(verdict)
