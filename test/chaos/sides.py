"""What is known of both nodes and of the link between them, apart from any one key: what may pass from
one to the other, and what becomes of a key when both meet (R8 of doc/replication.md)."""

from key import MAYBE, NO, YES
from operation import EARLY, MISSING


class Sides:
    def __init__(self, keeps, evicts, overflows):
        self.keeps, self.evicts, self.overflows = keeps, evicts, overflows
        self.dirty = [set(), set()]    # buckets that clients have changed since both were in sync
        self.all_dirty = [False, False]
        self.fresh = [False, False]    # started empty, and not filled yet
        self.loaded = [False, False]   # others than our clients write there
        self.apart = False             # nothing passes between the nodes
        self.apart_since = 0.0
        self.unmerged = False          # nor have they merged since
        self.doubtful = overflows      # a purge or a copy may be under way: the standby is not whole
        self.died = [0.0, 0.0]         # when a node was last killed
        self.stopped = [(0.0, 0.0), (0.0, 0.0)]  # when each node was stopped last, and until when

    def clock(self, node, begin):
        """What a node may take for now: one that was stopped sees its clock some time later."""
        since, until = self.stopped[node]
        return since if since < begin <= until + EARLY else begin

    def collides(self, key):
        """Its bucket may have been changed on both nodes: it is dropped, or the leader's is kept."""
        return all(self.all_dirty[node] or key.bucket in self.dirty[node] for node in (0, 1))

    def may_come(self, key, node):
        """The other node's states may be on this node by now."""
        other = 1 - node
        if self.apart:
            return False
        if self.keeps and self.collides(key):
            return True
        if not (key.changed[other] or self.fresh[node] or self.evicts):
            return False  # what a node has evicted comes again if it is read, or copied
        return self.keeps or not (key.changed[node] == YES and key.latest == node)

    def may_lack(self, key, node):
        """The node may not have it yet, or not any more, and a miss says nothing."""
        other = 1 - node
        return self.all_dirty[other] or key.bucket in self.dirty[other]

    def spread(self, key):
        """What may have come to the other node until now may be there."""
        came = [key.here[1 - node] if self.may_come(key, node) else set() for node in (0, 1)]
        key.here = [here | more for here, more in zip(key.here, came)]

    def dies(self, node):
        """All that it knew is gone, and the other one has what it lacks."""
        self.dirty[node], self.all_dirty[node], self.loaded[node] = set(), False, False
        self.all_dirty[1 - node], self.fresh[node] = True, True

    def are_in_sync(self, keys):
        """But for these keys, which somebody has changed since."""
        for key in keys:
            both = key.here[0] | key.here[1] | ({MISSING} if self.collides(key) else set())
            if self.doubtful or any(self.fresh):
                key.here = [set(both), set(both)]
        for node in (0, 1):
            self.dirty[node] = {key.bucket for key in keys if key.changed[node]}
            self.all_dirty[node] = self.loaded[node]
        self.fresh, self.doubtful, self.unmerged = [False, False], self.overflows, self.apart

    def have_differed(self):
        """More than by what the active node ships."""
        return any(self.fresh) or any(self.all_dirty) or all(self.dirty)

    def meet(self, key):
        """Both are in sync: what is on the one is on the other."""
        key.here = [set(states) for states in [self.merged(key)] * 2]
        key.changed = [NO, NO]

    def merged(self, key):
        """R8, in words: what one side changed is as there; what both did is a miss. An absence that was told
        counts as a change unless the sides have differed: then other rules may outweigh it (R15)."""
        found, least = set(), MAYBE if not self.have_differed() else YES
        for first in {bool(key.changed[0]), key.changed[0] >= least}:
            for second in {bool(key.changed[1]), key.changed[1] >= least}:
                found |= self.merged_if(key, first, second)
        if self.collides(key):
            found = found | {MISSING} | (key.here[0] | key.here[1] if self.keeps else set())
        return found

    def merged_if(self, key, first, second):
        if first and second:
            return {MISSING} | key.here[key.latest] | (
                key.here[0] | key.here[1] if self.keeps else set())
        if first != second:
            return key.here[0] if first else key.here[1]
        if self.fresh[0] != self.fresh[1]:
            return key.here[1] if self.fresh[0] else key.here[0]
        return key.here[0] | key.here[1]
