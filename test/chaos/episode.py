"""An episode: faults come and go while clients work; then all is healed, both nodes must come to be in
sync, and every key of both is looked at."""

import contextlib
import time

from dialect import meta_key
from faults import FAULTS
from holdings import answer_of, differ, is_won, read
from operation import EARLY, LATE, MISSING, NEVER, Operation, State, brief
from world import LOAD, OWN

SETTLED = 30.0   # s, until both are in sync
ROOM = 5  # it is tried again meanwhile, and then it is not known
ROUNDS = 3


class Episode:
    def __init__(self, world, number, reclaimed=10.0):
        """reclaimed: s, until what has expired is no item any more."""
        self.world, self.judge, self.random = world, world.judge, world.random
        self.reclaimed = reclaimed
        self.number, self.compared = number, 0
        self.has_room = True  # a node with -M may have none for all that the other one holds

    def play(self):
        """The violations that were found."""
        before = len(self.judge.violations)
        self.judge.begin("episode %d" % self.number)
        self.world.go()
        for _ in range(self.random.randint(1, ROUNDS)):
            self.round()
        self.settle()
        return self.judge.violations[before:]

    # ---- faults

    def round(self):
        self.pause(0.6)
        running = []
        for name, function in self.draw():
            self.world.faults[name] += 1
            self.judge.note(name)
            running.append(function(self.world))
            next(running[-1])
            self.pause(0.5)
        self.pause(1.5)
        self.random.shuffle(running)
        for generator in running:
            next(generator, None)
            self.pause(0.3)

    def draw(self):
        names, taken, drawn = list(FAULTS), set(), []
        self.random.shuffle(names)
        for name in names[:self.random.randint(1, 4)]:
            function, takes = FAULTS[name]
            if not takes & taken:
                taken |= takes
                drawn.append((name, function))
        return drawn

    def pause(self, longest):
        time.sleep(self.random.uniform(0, longest))

    # ---- the end

    def settle(self):
        world = self.world
        world.lab.check_alive()
        world.still()
        world.await_served()
        self.judge.all_served()
        world.write_something()
        since, age = time.monotonic(), self.judge.age
        if world.await_soon(world.is_in_sync, SETTLED):
            self.judge.in_sync(since, age)
        elif world.await_soon(world.says_no_room, ROOM):
            self.has_room = False
            self.judge.full(world.lacking())
        else:
            self.judge.report("not in sync after %d s" % SETTLED, None, world.reasons())
            return
        world.find_active()
        self.compare()
        self.judge.forget_flushes(time.monotonic())

    def compare(self):
        begin = time.monotonic()
        names = list(self.judge.keys)
        others = [OWN] + [b"%s%d" % (LOAD, number) for number in range(self.world.load_keys)]
        held = self.read_both(names + others)
        end = time.monotonic()
        self.compared += len(names) + len(others)
        self.count_items(names + others, held)
        for name in names:
            self.compare_key(self.judge.key(name), [side.get(name) for side in held], begin, end)
        self.compare_others(others, held)

    def read_both(self, names):
        """The active node first: whoever reads an item that is stale wins it, and that comes to the other
        node, which must not think that a client changes something there."""
        active, held = self.world.active, [{}, {}]
        for number in (active, 1 - active):
            held[number] = read(self.world.nodes[number].client(), names)
            self.world.await_soon(self.world.is_in_sync, ROOM)
        return held

    def compare_key(self, key, items, begin, end):
        for node, item in enumerate(items if not key.is_spoiled else ()):
            operation = Operation("get")
            operation.by_mg = True
            operation.took(*(item.read if item else (begin, end)))
            self.judge.looked_at(key, operation, node, answer_of(item))
        what = differ(*items) if any(items) else None
        if what and not self.is_excused(what, items):
            if not key.is_spoiled:
                self.judge.report(what, key, "; ".join(
                    "%s: %s" % (name, brief(answer_of(item))) for name, item in zip("ab", items)))
            self.mend(key)
            return
        here = [self.known_of(item, all(items)) for item in items]
        if what and not self.has_room:
            here = [here[0] + here[1]] * 2
        self.judge.settled(key, here if what else here[:1] * 2)

    def mend(self, key):
        """What has been reported is not reported again."""
        self.world.ask(self.world.active, b"md " + meta_key(key.name))
        self.judge.settled(key, [[MISSING]] * 2)

    def is_excused(self, what, items):
        """Evictions are told, but may be lost; what expires does so within a second or two; and a node that
        has no room says so."""
        only = next((item for item in items if item), None)
        return what == "on one node only" and (
            self.judge.sides.evicts or not self.has_room or -1 < only.ttl <= EARLY + LATE)

    @staticmethod
    def known_of(item, are_both):
        """The states to go on from. A standby gives no wins: to its readers an item is won that may not be.
        Where both nodes have the item, the reader before it has won it at the active one."""
        if not item:
            return [MISSING]
        begin, end = item.read
        deadline = (begin + item.ttl - 1, end + item.ttl + 1) if item.ttl >= 0 else (NEVER, NEVER)
        states = [State(item.value, item.flags, deadline, (begin, end), None, "X" in item.marks, won)
                  for won in {is_won(item), is_won(item) and (are_both or "Z" not in item.marks)}]
        for state in states:
            state.token.cas = item.cas
        return states

    def compare_others(self, others, held):
        found = {}
        for name in others:
            items = [side.get(name) for side in held]
            what = differ(*items) if any(items) else None
            if what and not self.is_excused(what, items):
                found.setdefault(what, []).append(name)
        for what, names in found.items():
            for name in names:
                self.world.ask(self.world.active, b"delete " + name)
            self.judge.report("load: " + what, None, "%d keys, such as %s: %s" % (
                len(names), names[0], [str(side.get(names[0]))[:80] for side in held]))

    def count_items(self, names, held):
        """A node may not have items of keys that nobody has written. What has expired still counts for a
        while; and what a standby has evicted comes again if it is read."""
        for number, side in enumerate(held):
            node, count = self.world.nodes[number], len(side)

            def is_right(node=node):
                return int(node.stat("curr_items")) <= count
            if is_right() or self.world.await_soon(is_right, self.reclaimed):
                continue
            with self.at_rest(number):
                def is_known(node=node):
                    nonlocal count
                    count = len(read(node.client(), names))
                    return is_right(node)
                if not self.world.await_soon(is_known, 2):
                    self.judge.report("extra items", None, "%s has %s items, of which %d are known" % (
                        node.name, node.stat("curr_items"), count))

    @contextlib.contextmanager
    def at_rest(self, node):
        """A node that has no room is sent the rest again and again, so what it has changes while it is
        counted; not while the other one stands still."""
        if not self.has_room:
            self.world.stop(1 - node)
        yield
        if not self.has_room:
            self.world.go_on(1 - node)
