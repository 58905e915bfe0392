"""Judges a pair from outside, key by key: which states may a node's answer come from?

 client's operation --> candidates: what the key may be on that node now
                        those that explain the answer remain; none does: a violation
                        what the operation made of them is there now, and may come to the other node

 both say in sync   --> what is on the one is on the other (merge)
 a node dies        --> what is on the other stands: all that was there since both were last in sync,
                        and nothing older

Operations on a key follow each other, as its only client makes them. What may be is never less than
doc/replication.md promises, and is kept as small as what was seen allows: a set that is too large would
find nothing wrong. Nodes are 0 and 1. Times are of time.monotonic()."""

import collections
import threading
import time

from bucket import bucket_of
from key import MAYBE, NO, YES, Flush, Key, Violation
from operation import EARLY, IN_DOUBT, MISSING, NO_MEMORY, REFUSED, UNSENT, all_after, brief
from sides import Sides


class Judge:
    def __init__(self, bits, keeps=False, evicts=False, overflows=False, refuses=False):
        """keeps: on_conflict=keep. evicts: a miss is never wrong. overflows: the journal is so small that
        a purge may begin at any time. refuses: a node without room does not evict."""
        self.refuses = refuses
        self.bits, self.sides = bits, Sides(keeps, evicts, overflows)
        self.lock = threading.RLock()
        self.keys = {}
        self.open = set()  # keys of which both nodes may hold different states
        self.age = 0       # grows with each event, so that older observations are not taken
        self.flushes = []  # that are delayed, or in doubt
        self.violations = []
        self.events = collections.deque(maxlen=200)
        self.operations = self.certain = 0  # certain: answers that one state only explains

    def key(self, name):
        with self.lock:
            if name not in self.keys:
                self.keys[name] = Key(name, bucket_of(name, self.bits))
            return self.keys[name]

    def begin(self, text):
        """Histories start here."""
        with self.lock:
            self.events.clear()
            for key in self.keys.values():
                key.history.clear()
            self.note(text)

    def note(self, text):
        self.events.append((time.monotonic(), "-- " + " ".join(text.split())))

    # ---- what may be

    def is_fading(self, state, end):
        """Its time may have come."""
        return state is not MISSING and (state.may_be_gone(end) or any(
            flush.may_have_taken(state, end) for flush in self.flushes))

    def is_over(self, state, begin):
        """Its time has come for certain."""
        return state is not MISSING and (not state.may_be_here(begin) or any(
            flush.must_have_taken(state, begin) for flush in self.flushes))

    def aged(self, states, begin, end):
        """What time has made of them."""
        found = {state for state in states if not self.is_over(state, begin)}
        return found | ({MISSING} if any(self.is_fading(state, end) for state in states) else set())

    def candidates(self, key, node, begin, end):
        found = set(key.here[node])
        if self.sides.may_come(key, node):
            found |= key.here[1 - node]
        begin = self.sides.clock(node, begin)
        return self.aged(all_after((operation for _, operation in key.late), found), begin, end)

    def is_plain(self, key):
        """A look by mg changes nothing of it, whichever node is asked."""
        with self.lock:
            return not key.late and not any(state.is_stale for node in (0, 1) for state in key.here[node])

    def longest(self, key):
        with self.lock:
            return max((len(state.value) for node in (0, 1) for state in key.here[node]
                        if state is not MISSING), default=0)

    # ---- operations

    def asked(self, key):
        """What was seen of it until the answer is judged may be older than the answer."""
        with self.lock:
            key.is_asked = True

    def answered(self, key, operation, node, answer, is_peek=False):
        """is_peek: it was read on a standby."""
        with self.lock:
            self.operations += 1
            key.is_asked = False
            key.last = time.monotonic()
            key.history.append((operation.begin, "%s: %s -> %s%s" % (
                "ab"[node], operation, brief(answer), " (standby)" if is_peek else "")))
            if answer.word in (REFUSED, UNSENT) or key.is_spoiled:
                return
            operation.clock = self.sides.clock(node, operation.begin)
            before = self.candidates(key, node, operation.begin, operation.end)
            if operation.begin <= self.sides.died[node]:
                self.survives(key, operation, 1 - node)
            elif answer is IN_DOUBT:
                self.doubt(key, operation, node, before)
            elif answer.word == NO_MEMORY:
                self.may_be_changed(key, node, operation.begin, before, before | {MISSING}, MAYBE)
            else:
                self.narrow(key, operation, node, answer, before, is_peek)

    def narrow(self, key, operation, node, answer, before, is_peek):
        lacks = is_peek or self.sides.may_lack(key, node)
        before = before | {MISSING} if lacks or self.sides.evicts else before
        fitting = {state for state in before if operation.after(state, answer)}
        if not fitting:
            self.violate(key, operation, node, answer, before)
            return
        self.certain += len(before) == 1
        after = {one for state in fitting for one in operation.after(state, answer)}
        if len(after) == 1:
            operation.learn(next(iter(after)), answer)
        if is_peek:
            return
        if MISSING in after and not operation.changes(answer) and (
                lacks or self.sides.evicts and operation.is_read()):
            self.may_have_noted(key, operation, node)
            return
        self.is_answered(key, operation, node, answer, fitting, after | self.fading(before, after, operation))

    def fading(self, before, after, operation):
        """Nodes do not agree to a second what has expired: what is missing here may be there yet."""
        return {state for state in before if MISSING in after and self.is_fading(state, operation.end)}

    def may_have_noted(self, key, operation, node):
        """It has told an absence. Where the journal has no room for that, the bucket counts as changed; and
        until both merge after a split it outweighs a touch on the other node, which gives no new CAS
        (R15)."""
        if (self.sides.overflows or self.sides.unmerged) and not operation.is_read():
            self.mark(key, node, MAYBE)

    def is_answered(self, key, operation, node, answer, before, after):
        if operation.changes(answer):
            self.may_be_changed(key, node, operation.begin, before, after, YES)
        elif operation.is_read() or answer.word == "EXISTS" or operation.kind == "add":
            key.here[node] = after
        else:
            self.may_be_changed(key, node, operation.begin, before, after, MAYBE)  # told absent (R15)

    def may_be_changed(self, key, node, begin, before, after, how):
        """begin: of the operation. What began before the link was cut may have come to the other node."""
        key.here[node] = set(after)
        if not self.sides.apart or begin <= self.sides.apart_since:
            key.here[1 - node] |= before | after
        self.mark(key, node, how)

    def mark(self, key, node, how):
        key.changed[node] = max(key.changed[node], how)
        if how == YES or not key.changed[1 - node]:
            key.latest = node
        self.sides.dirty[node].add(key.bucket)
        self.open.add(key)

    def doubt(self, key, operation, node, before):
        if operation.is_read() and not operation.by_mg:
            return
        key.late.append((node, operation))
        self.may_be_changed(key, node, operation.begin, before, all_after([operation], before), MAYBE)

    def survives(self, key, operation, node):
        """The node that answered, or not, is dead already; this one may have heard of it."""
        if not self.sides.apart:
            key.here[node] |= all_after([operation], key.here[node])

    # ---- what happens to the pair

    def event(self, text):
        self.age += 1
        self.note(text)

    def parted(self):
        """Both nodes know that they do not see each other."""
        with self.lock:
            for key in self.keys.values():
                self.sides.spread(key)
            self.sides.apart = self.sides.unmerged = True
            self.sides.apart_since = time.monotonic()
            self.note("both know that the link is cut")

    def killed(self, node):
        """What it held is gone; what it did not answer is done, or not, but not later."""
        with self.lock:
            other = 1 - node
            self.sides.died[node] = time.monotonic()
            for key in self.keys.values():
                self.sides.spread(key)
                if not self.sides.apart:
                    key.here[other] |= all_after([op for at, op in key.late if at == node],
                                                 key.here[other])
                # A standby without room has neither a change nor what was there before.
                if self.sides.doubtful or (self.refuses and key.changed[node]):
                    key.here[other].add(MISSING)
                key.late = [(at, op) for at, op in key.late if at != node]
                key.here[node], key.changed[node] = {MISSING}, NO
            self.open = set(self.keys.values())
            self.sides.dies(node)
            self.event("%s is killed" % "ab"[node])

    def left(self, node):
        """Clients go to the other node, while this one may live. There a merge begins, which purges here
        what clients change there. Until it is done, what is told absent there counts (R15)."""
        with self.lock:
            self.sides.unmerged = True
            if self.sides.doubtful:
                self.sides.all_dirty[node] = True
            self.open = set(self.keys.values())
            self.stalls("clients leave %s" % "ab"[node])

    def stops(self, node):
        self.sides.stopped[node] = (time.monotonic(), float("inf"))
        self.stalls("%s is stopped" % "ab"[node])

    def goes_on(self, node):
        self.sides.stopped[node] = (self.sides.stopped[node][0], time.monotonic())
        self.stalls("%s goes on" % "ab"[node])

    def stalls(self, what):
        """Changes may find no room in the journal, or a session may end and another begin: what they
        belong to is purged at the standby, and filled."""
        with self.lock:
            self.sides.doubtful = True
            self.event(what)

    def purges(self, node, what):
        """All is copied from there."""
        with self.lock:
            self.sides.doubtful = self.sides.all_dirty[node] = True
            self.event(what)

    def meet(self):
        """The nodes may see each other again; what was changed on both is dropped."""
        with self.lock:
            self.sides.apart, self.sides.doubtful = False, True
            self.event("the link is whole")

    def others_write(self, name, node):
        """What is not judged makes a bucket one that was changed there, too."""
        with self.lock:
            self.sides.dirty[node].add(bucket_of(name, self.bits))
            self.event("%s is written at %s" % (name.decode(), "ab"[node]))

    def flushed(self, node, begin, end, is_certain):
        """All keys at once; clients stood still. In doubt it may still come."""
        with self.lock:
            if not is_certain:
                self.flushes.append(Flush(begin, float("inf")))
            for key in self.keys.values() if is_certain else ():
                self.sides.spread(key)
                key.last = end
                self.may_be_changed(key, node, begin, set(), {MISSING}, YES)
            self.purges(node, "flush_all on %s%s" % ("ab"[node], "" if is_certain else ", in doubt"))

    def all_served(self):
        """Nothing of what has not been answered will be done any more."""
        with self.lock:
            for key in self.keys.values():
                for node in (0, 1):
                    key.here[node] = all_after([op for _, op in key.late], key.here[node])
                key.late = []
            for flush in self.flushes:
                flush.late = min(flush.late, time.monotonic() + EARLY)

    # ---- both are in sync

    def in_sync(self, since, age):
        """Both nodes have said so after `since`; age: of the judge at that time."""
        with self.lock:
            if age != self.age:
                return
            met = {key for key in self.open if not key.late and not key.is_asked and key.last < since}
            if met and self.sides.have_differed():
                self.note("both are in sync since %.3f" % since)
            for key in met:
                self.sides.meet(key)
            self.open -= met
            self.sides.are_in_sync(self.open)

    # ---- violations

    def violate(self, key, operation, node, answer, before):
        self.report(self.kind_of(key, operation, answer, before), key, "%s: %s -> %s; it may have been %s" % (
            "ab"[node], operation, brief(answer), "; ".join(sorted(map(str, before))) or "none"))

    def report(self, kind, key, text):
        with self.lock:
            if key:
                key.is_spoiled = True
                key.history.append((time.monotonic(), "VIOLATION, %s: %s" % (kind, text)))
            violation = Violation(kind, key, text)
            violation.history = sorted(violation.history + list(self.events))
            self.violations.append(violation)

    @staticmethod
    def kind_of(key, operation, answer, before):
        for kind, but in (("wrong CAS", ("cas",)), ("wrong flags", ("flags",)), ("wrong TTL", ("TTL",)),
                          ("wrong marks", ("marks",)),
                          ("wrong flags, CAS, TTL or marks", ("cas", "flags", "TTL", "marks"))):
            if any(operation.after(state, answer, but) for state in before):
                return kind
        if operation.after(MISSING, answer):
            return "lost key"
        if any(operation.after(state, answer, ("TTL",)) for state in key.here[0] | key.here[1]):
            return "expired value"
        if before <= {MISSING}:
            return "extra key"
        return "stale or wrong value"

    def looked_at(self, key, operation, node, answer):
        """Both are in sync, and nobody writes."""
        with self.lock:
            before = self.aged(key.here[node], self.sides.clock(node, operation.begin), operation.end)
            before |= {MISSING} if self.sides.evicts else set()
            fitting = {state for state in before if operation.after(state, answer)}
            key.history.append((operation.begin, "%s: in the end %s" % ("ab"[node], brief(answer))))
            if not fitting:
                self.violate(key, operation, node, answer, before)
            elif len(fitting) == 1:
                operation.learn(next(iter(fitting)), answer)

    def full(self, lacking):
        """A node has no room for all that the other one holds: some of it is there, and the rest may come at
        any time. lacking: for each node whether it says that it is missing something."""
        with self.lock:
            for key in self.keys.values():
                both = key.here[0] | key.here[1]
                key.here = [both | ({MISSING} if lacks or self.sides.collides(key) else set())
                            for lacks in lacking]
            self.sides.all_dirty = [True, True]
            self.event("no room for all: %s" % (lacking,))

    def settled(self, key, here):
        """As the nodes hold it now: for each, the states that it may be."""
        with self.lock:
            key.here, key.changed = [set(states) for states in here], [NO, NO]
            key.is_spoiled, key.is_asked, key.late = False, False, []
            self.open.discard(key)

    def forget_flushes(self, now):
        self.flushes = [flush for flush in self.flushes if now <= flush.late + EARLY]
