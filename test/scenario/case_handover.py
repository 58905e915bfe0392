"""A handover while clients are at work, over a long way: reads go on, and each change is
answered once and in its place."""

import threading
import time

from harness.wire import Connection, request

PLACE = "two"
WAY = 0.1  # seconds in each direction
REFUSED = "SERVER_ERROR this node is a standby and takes no writes; write to the active node"


def distant_pair(lab, *options, config=""):
    """In sync, with a round trip of 200 ms between them."""
    a, b = lab.add_pair("-t", "2", *options, proxied=True, config=config)
    for proxy in lab.proxies:
        proxy.delay = WAY
    a.start()
    b.start()
    assert a.client().store("first", "v") == "STORED"
    lab.linked(a, b)
    lab.drained(a)
    return a, b


class Crowd:
    """Clients that repeat something, each on a connection of its own."""

    def __init__(self, node, size, work):
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(node, number, work), daemon=True)
                        for number in range(size)]

    def run(self, node, number, work):
        connection, count = node.connect(), 0
        while not self.done.is_set() and work(connection, number, count):
            count += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join(20)


def case_readers_go_on(lab):
    """Round trip 200 ms, two threads, eight writers, eight readers: no read waits for the
    writes that are held, and each write is answered: stored, or refused."""
    a, b = distant_pair(lab)
    reads, stored, refused = [], {}, []

    def read(connection, *_):
        begun = time.monotonic()
        assert connection.ask("get first") == [b"VALUE first 0 1", b"v", b"END"], "a wrong read"
        reads.append(time.monotonic() - begun)
        time.sleep(0.002)
        return True

    def write(connection, number, count):
        key, value = "w%d-%d" % (number, count % 50), "%d" % count
        answer = connection.store(key, value)
        (refused.append(answer) if answer != "STORED" else stored.__setitem__(key, value))
        time.sleep(0.002)
        return answer == "STORED"

    with Crowd(a, 8, read), Crowd(a, 8, write):
        lab.until(lambda: len(stored) > 200, "the writers are at work")
        del reads[:]
        code, text = a.ctl("handover")
        lab.until(lambda: len(refused) == 8, "the writers are refused")
    assert code == 0 and "the peer is active now" in text, text
    assert refused == [REFUSED] * 8, refused
    worst = max(reads)
    assert worst < WAY * lab.build.slowness, "a read waited for %.0f ms: %s" % (worst * 1000, text)
    for key, value in stored.items():
        item = b.client().item(key)
        assert item and item[2] == value.encode(), "%s is %s, not %s" % (key, item, value)
    return "%s; the slowest of %d reads took %.1f ms" % (text.splitlines()[-1], len(reads), worst * 1000)


class Handover:
    """One that is under way: mcreplctl's conversation, step by step."""

    def __init__(self, node):
        self.node = node
        self.talk = Connection(node.socket, 40.0 * node.lab.build.slowness)
        self.talk.send(b"handover\n")

    def held(self):
        """Waits until clients' changes are held."""
        deadline = time.monotonic() + self.talk.timeout
        while b"holding" not in self.talk.inbox and b"was told" not in self.talk.inbox:
            self.talk.fill(deadline)
        return self

    def end(self):
        """Whether the peer has the role, and the last line."""
        while not (line := self.talk.line(b"\n")).startswith((b"OK", b"ERROR")):
            pass
        return line.startswith(b"OK"), line.decode()


KEYS = ("n", "r", "ap", "pre", "d", "t", "g", "m", "c", "e")
CHANGES = (  # in text: what is sent, and what the answer is
    ("set x 0 0 1\r\nv", b"STORED\r\n"),
    ("add y 0 0 1\r\nv", b"STORED\r\n"),
    ("replace r 0 0 1\r\nv", b"STORED\r\n"),
    ("append ap 0 0 1\r\nv", b"STORED\r\n"),
    ("prepend pre 0 0 1\r\nv", b"STORED\r\n"),
    ("incr n 1", b"2\r\n"),
    ("delete d", b"DELETED\r\n"),
    ("touch t 1000", b"TOUCHED\r\n"),
    ("gat 1000 g", b"VALUE g 0 1\r\n1\r\nEND\r\n"),
    ("ms m 1\r\nv", b"HD\r\n"),
    ("ma c", b"HD\r\n"),
    ("md e", b"HD\r\n"),
    ("flush_all 1000", b"OK\r\n"),
)
HERE = b"VALUE first 0 1\r\nv\r\nEND\r\n"


def prepare(lab, node):
    for key in KEYS:
        assert node.client().store(key, "1") == "STORED"
    lab.drained(node)


def send_changes(node):
    """Each on a connection of its own, between two reads."""
    connections = [node.connect() for _ in CHANGES]
    for connection, (change, _) in zip(connections, CHANGES):
        connection.send(b"get first\r\n" + change.encode() + b"\r\nget first\r\n")
    for connection in connections:
        assert connection.take(len(HERE)) == HERE, "a read before the write"
    return connections


def send_quietly(node):
    """In the binary protocol: quiet changes and a noop behind them."""
    connection = node.connect()
    connection.send(request("getq", b"first") + request("setq", b"qs", b"v", opaque=1) +
                    request("deleteq", b"qd", opaque=2) + request("incrq", b"qi", opaque=3) +
                    request("touch", b"t", opaque=4) + request("noop", opaque=5))
    assert connection.response().command == "getq", "a read before the writes"
    return connection


def answers(connection):
    """All that comes until the noop's answer."""
    told = [connection.response()]
    while told[-1].command != "noop":
        told.append(connection.response())
    return [(response.command, response.opaque, response.status) for response in told]


def case_held_changes_go_on(lab):
    """The peer hangs, so the handover fails after a second: each change that was held, of each
    kind, is carried out once and answered in its place. A client that went away meanwhile
    disturbs nobody."""
    a, b = lab.pair("-t", "2")
    assert a.client().store("first", "v") == "STORED"
    prepare(lab, a)
    b.pause()
    handover = Handover(a).held()
    with a.connect() as gone:
        gone.send(b"set gone 0 0 1\r\nv\r\n")
    connections, quiet = send_changes(a), send_quietly(a)
    moved, told = handover.end()
    assert not moved and "keeps its role" in told, told
    for connection, (change, answer) in zip(connections, CHANGES):
        got = connection.take(len(answer) + len(HERE))
        assert got == answer + HERE, "%s: %s" % (change, got)
        assert connection.ask("version")[0].startswith(b"VERSION"), change
    got = answers(quiet)
    assert got == [("deleteq", 2, "NOT_FOUND"), ("touch", 4, "OK"), ("noop", 5, "OK")], got
    b.cont()  # it takes the role now, and these changes with it
    lab.until(lambda: b.stat("repl_role") == "active", "the peer takes the role, late")
    lab.linked(a, b)
    lab.drained(b)
    for key, value in (("n", b"2"), ("ap", b"1v"), ("pre", b"v1"), ("qi", b"0"), ("qs", b"v")):
        assert b.client().item(key)[2] == value, key
    lab.same(a, b, ("x", "y", "r", "t", "g", "m", "c") + ("n", "ap", "pre", "qs", "qi", "gone"))


def case_held_changes_are_refused(lab):
    """The role moves while changes of each kind are held: each is refused, in its place."""
    a, b = distant_pair(lab)
    prepare(lab, a)
    handover = Handover(a).held()
    connections, quiet = send_changes(a), send_quietly(a)
    moved, told = handover.end()
    assert moved, told
    refused = REFUSED.encode() + b"\r\n" + HERE
    for connection, (change, _) in zip(connections, CHANGES):
        got = connection.take(len(refused))
        assert got == refused, "%s: %s" % (change, got)
        assert connection.ask("version")[0].startswith(b"VERSION"), change
    got = answers(quiet)
    assert got == [("setq", 1, "TEMPORARY"), ("deleteq", 2, "TEMPORARY"), ("incrq", 3, "TEMPORARY"),
                   ("touch", 4, "TEMPORARY"), ("noop", 5, "OK")], got
    for key in KEYS:
        assert b.client().item(key)[2] == b"1", key


def case_ends_while_changes_are_held(lab):
    """The node is told to stop: it ends cleanly and at once, and answers nobody wrongly."""
    a, b = lab.pair("-t", "2")
    assert a.client().store("first", "v") == "STORED"
    prepare(lab, a)
    b.pause()
    Handover(a).held()
    connections = send_changes(a)
    a.stop()
    b.cont()
    assert connections and b.client().item("n")[2] == b"1"


def case_small_journal(lab):
    """The journal runs over again and again under a steady load, so the copy of what changed
    never comes to its end. The handover holds changes for a moment, and is done."""
    a, b = lab.pair("-t", "2", proxied=True, config="journal=4096")
    for proxy in lab.proxies:
        proxy.delay = 0.02
    assert a.client().store("first", "v") == "STORED"
    lab.linked(a, b)
    stored, refused = {}, []

    def write(connection, number, count):
        keys = ["w%d-%d-%d" % (number, count % 20, place) for place in range(50)]
        connection.send(b"".join(b"set %s 0 0 4\r\n%04d\r\n" % (key.encode(), count % 10000) for key in keys))
        told = [connection.line().decode() for _ in keys]
        stored.update((key, b"%04d" % (count % 10000)) for key, word in zip(keys, told) if word == "STORED")
        refused.extend(word for word in told if word != "STORED")
        return not refused

    with Crowd(a, 4, write):
        lab.until(lambda: int(a.stat("repl_journal_overflows")) > 1000, "the journal runs over")
        begun = time.monotonic()
        code, text = a.ctl("handover")
        took = time.monotonic() - begun
        before = int(a.stat("repl_journal_overflows"))
    assert code == 0 and "the peer is active now" in text, text
    assert set(refused) == {REFUSED}, set(refused)
    lab.until(lambda: b.stat("repl_role") == "active", "the role moves")
    for key, value in stored.items():
        item = b.client().item(key)
        assert item and item[2] == value, "%s is %s, not %s" % (key, item, value)
    assert took < 3 * lab.build.slowness, "it took %.1f s" % took
    return "%.1f s in all, %d overflows; %s" % (took, before, text.splitlines()[-1])
