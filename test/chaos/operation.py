"""What a key may be, and what a client's operation makes of it: given what was there, the answer and
what is there afterwards are certain. So an answer tells what was there (judge.py)."""

import collections
import itertools

# What a node answered, whatever the protocol: a word of those below, and what came with it. marks: which
# of W, X and Z, if it was mg.
Answer = collections.namedtuple("Answer", "word value flags cas number ttl marks", defaults=(None,) * 6)

REFUSED = "REFUSED"      # a standby's, or while a role moves: nothing was done
UNSENT = "UNSENT"        # there is nobody: nothing was done
NO_MEMORY = "NO_MEMORY"  # nothing was stored; what was there may be gone
IN_DOUBT = Answer("IN_DOUBT")  # no answer came: done, or not, or later
CHANGED = {"STORED", "DELETED", "TOUCHED", "NUMBER"}
# s; a node counts whole seconds, a busy one late, and each of two may round, also on the way back
EARLY, LATE = 3.5, 2.5
NEVER = float("inf")
ABSENT = {"get": "NOT_FOUND", "gat": "NOT_FOUND", "touch": "NOT_FOUND", "delete": "NOT_FOUND",
          "incr": "NOT_FOUND", "decr": "NOT_FOUND", "cas": "NOT_FOUND", "replace": "NOT_STORED",
          "stale": "NOT_FOUND", "overdue": "NOT_FOUND", "append": "NOT_STORED", "prepend": "NOT_STORED"}


class Token:
    """The CAS of one store; unknown until somebody has been told it."""

    def __init__(self):
        self.cas = None


class State:
    """deadline: when it expires at the earliest, and at the latest. born: when it was stored. is_stale,
    is_won: its marks, as meta commands show them."""

    def __init__(self, value, flags=0, deadline=(NEVER, NEVER), born=(0, 0), token=None, is_stale=False,
                 is_won=False):
        self.value, self.flags, self.deadline, self.born = value, flags, deadline, born
        self.token = token or Token()
        self.is_stale, self.is_won = is_stale, is_won

    def may_be_here(self, begin):
        return begin <= self.deadline[1] + LATE

    def may_be_gone(self, end):
        return end >= self.deadline[0] - EARLY

    def __str__(self):
        if self.value is None:
            return "nothing"
        return "%.30r (%d B) flags %d cas %s%s%s" % (
            self.value, len(self.value), self.flags, self.token.cas, " stale" * self.is_stale,
            " won" * self.is_won)


MISSING = State(None)


def deadline_of(ttl, begin, end):
    return (begin + ttl, end + ttl) if ttl else (NEVER, NEVER)


class Operation:
    """Of one client on one key. cas: what it names; by: of incr and decr; ttl: s, 0 for ever; within: the
    client refreshes what expires within so many s; by_mg: it is asked by mg, and may win the item.

    Beside the commands of the text protocol: stale, overdue and vivify are md with I, ms with I, and mg with
    N."""

    def __init__(self, kind, value=b"", flags=0, ttl=0, cas=None, by=1, within=0):
        self.kind, self.value, self.flags, self.ttl, self.cas, self.by = kind, value, flags, ttl, cas, by
        self.within, self.by_mg = within, kind == "vivify" or within > 0
        self.begin = self.end = self.clock = 0.0
        self.made = {}  # what was there, how it changed -> what is there: equal ones are one

    def took(self, begin, end):
        self.begin, self.end = begin, end
        self.clock = begin  # what the node may take for now, at the earliest
        self.made = {}

    def is_read(self):
        return self.kind == "get"

    def is_meta(self):
        """No other protocol can say it."""
        return self.by_mg or self.kind in ("stale", "overdue")

    def changes(self, answer):
        """A delete is a change even of what is not here."""
        return (answer.word in CHANGED or (self.kind == "gat" and answer.word == "FOUND") or
                "W" in (answer.marks or "") or (self.kind == "delete" and answer.word == "NOT_FOUND"))

    def effects(self, state):
        """Each (what it answers, what there is afterwards); one, unless a CAS is named and nobody knows that
        of the state, or nobody knows whether the client wins."""
        if state is MISSING:
            return [self.of_nothing()]
        if self.kind in ("get", "gat", "touch", "vivify"):
            return self.looked(state)
        if self.kind == "overdue":
            return self.overdue(state)
        if self.cas is None:
            return [self.done(state)]
        found = [] if state.token.cas not in (None, self.cas) else [self.done(state)]
        return found + ([("EXISTS", state)] if state.token.cas != self.cas else [])

    def done(self, state):
        return {"add": lambda state: ("NOT_STORED", state),
                "stale": self.invalidated, "delete": lambda state: ("DELETED", MISSING),
                "incr": self.counted, "decr": self.counted,
                "append": self.longer, "prepend": self.longer,
                }.get(self.kind, self.stored)(state)

    def of_nothing(self):
        if self.kind == "vivify":
            return "FOUND", self.make(MISSING, "", b"", 0, deadline_of(self.ttl, self.clock, self.end),
                                      (self.begin, self.end), None, False, True)
        return (ABSENT[self.kind], MISSING) if self.kind in ABSENT else self.stored(MISSING)

    def make(self, before, how, *what):
        if (before, how) not in self.made:
            self.made[before, how] = State(*what)
        return self.made[before, how]

    def stored(self, _):
        return "STORED", self.make(MISSING, "", self.value, self.flags,
                                   deadline_of(self.ttl, self.clock, self.end), (self.begin, self.end))

    def touched(self, state):
        return self.make(state, "", state.value, state.flags, deadline_of(self.ttl, self.clock, self.end),
                         state.born, state.token, state.is_stale, state.is_won)

    def looked(self, state):
        """A read or a touch. By mg a client may win the item; a node that takes no changes gives no wins."""
        after = self.touched(state) if self.kind in ("touch", "gat") else state
        found = [after]
        if self.by_mg and not state.is_won and self.may_win(state):
            found.insert(0, self.make(after, "won", after.value, after.flags, after.deadline, after.born,
                                      after.token, after.is_stale, True))
        return [("TOUCHED" if self.kind == "touch" else "FOUND", one) for one in found]

    def may_win(self, state):
        return state.is_stale or self.within > 0 and state.deadline[0] - EARLY <= self.end + self.within

    def must_win(self, state):
        return state.is_stale or self.within > 0 and state.deadline[1] + LATE < self.begin + self.within

    def invalidated(self, state):
        deadline = deadline_of(self.ttl, self.clock, self.end) if self.ttl else state.deadline
        return "DELETED", self.make(state, "", state.value, state.flags, deadline, state.born, None, True)

    def overdue(self, state):
        """What was overtaken by a higher CAS is stored as stale."""
        cas, found = state.token.cas, []
        if cas is None or cas == self.cas:
            found.append(self.stored(state))
        if cas is None or cas > self.cas:
            found.append(("STORED", self.make(state, "stale", self.value, self.flags, state.deadline,
                                              (self.begin, self.end), None, True, state.is_won)))
        return found + ([("EXISTS", state)] if cas is None or cas < self.cas else [])

    def longer(self, state):
        value = state.value + self.value if self.kind == "append" else self.value + state.value
        return "STORED", self.make(state, "", value, state.flags, state.deadline, (self.begin, self.end))

    def counted(self, state):
        number = int(state.value) + (self.by if self.kind == "incr" else -self.by)
        value = (b"%d" % max(number, 0)).ljust(len(state.value))  # one that gets shorter is padded
        return "NUMBER", self.make(state, "", value, state.flags, state.deadline, (self.begin, self.end), None,
                                   state.is_stale, state.is_won)

    def after(self, state, answer, but=()):
        """What there may be now, if it was this state; nothing if it cannot have been. but: what is not
        looked at, "flags", "cas", "TTL" or "marks"."""
        return [after for word, after in self.effects(state)
                if word == answer.word and self.explains(state, after, answer, but)]

    def explains(self, state, after, answer, but):
        if "marks" not in but and not self.same_marks(state, after, answer):
            return False
        if answer.word == "FOUND":
            shown = after if state is MISSING else state
            return (shown.value == answer.value and ("flags" in but or shown.flags == answer.flags)
                    and ("cas" in but or self.same_cas(shown, answer))
                    and ("TTL" in but or self.same_life(after, answer)))
        if answer.word == "NUMBER" and int(after.value) != answer.number:
            return False
        return "cas" in but or answer.word not in ("STORED", "NUMBER") or self.same_cas(after, answer)

    @staticmethod
    def same_cas(state, answer):
        return None in (answer.cas, state.token.cas) or state.token.cas == answer.cas

    def same_marks(self, state, after, answer):
        """X: it is stale; W: this client has won it; Z: another one has, or this node gives no wins."""
        if answer.marks is None:
            return True
        if state is MISSING or state.is_won:
            wanted = "W" if state is MISSING else "Z"
            return wanted in answer.marks and ("X" in answer.marks) == state.is_stale
        if ("X" in answer.marks) != state.is_stale or ("W" in answer.marks) != after.is_won:
            return False
        return after.is_won or (self.may_win(state) if "Z" in answer.marks else not self.must_win(state))

    def same_life(self, state, answer):
        if answer.ttl is None:
            return True
        if answer.ttl < 0:
            return state.deadline[1] == NEVER
        return (self.end + answer.ttl >= state.deadline[0] - EARLY and
                self.begin + answer.ttl <= state.deadline[1] + LATE)

    def learn(self, state, answer):
        """The answer tells the CAS of this state."""
        if state is not MISSING and answer.cas is not None:
            state.token.cas = answer.cas

    def __str__(self):
        parts = [self.kind]
        if self.value:
            parts.append("%.24r (%d B) flags %d" % (self.value, len(self.value), self.flags))
        parts += ["%s %s" % (name, what) for name, what in (
            ("ttl", self.ttl), ("cas", self.cas), ("within", self.within), ("by mg", self.by_mg)) if what]
        return " ".join(parts)


def brief(answer):
    parts = [answer.word]
    if answer.value is not None:
        parts.append("%.30r (%d B) flags %s" % (answer.value, len(answer.value), answer.flags))
    parts += ["%s %s" % (name, what) for name, what in (
        ("cas", answer.cas), ("number", answer.number), ("ttl", answer.ttl), ("marks", answer.marks or None))
              if what is not None]
    return " ".join(parts)


def all_after(operations, states):
    """What there may be if each of the operations may have been done."""
    found = set(states)
    for operation in itertools.chain(operations):
        found |= {after for state in found for _, after in operation.effects(state)}
    return found
