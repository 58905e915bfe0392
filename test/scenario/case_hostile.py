"""A peer that is not a peer, or a bad one: it is refused or dropped with a reason in the
log, the data stays intact, and the true peer can connect afterwards."""

import struct
import time

from harness.peer import Peer, frame, note

PLACE = "two"
PATIENT = "timeout=20000;heartbeat=1000"  # a scripted peer sends no heartbeats by itself


def active_alone(lab, **more):
    """a is active and its peer is not running yet."""
    a, b = lab.add_pair(**more)
    a.start()
    for number in range(50):
        assert a.client().store("k%d" % number, "v") == "STORED"
    return a, b


def still_well(lab, a, b, reason):
    """The node logged the reason, serves on, and accepts its true peer."""
    lab.until(lambda: reason in a.log(), "the log of a says: %s" % reason)
    assert a.client().item("k7")[2] == b"v" and not a.client().item("evil")
    assert a.stat("repl_role") == "active"
    b.start()
    lab.linked(a, b)
    lab.drained(a)
    lab.same(a, b, ["k%d" % number for number in range(0, 50, 7)])
    assert not b.client().item("evil")


def refused(lab, reason, **hello):
    a, b = active_alone(lab)
    peer = Peer(lab, a, **hello)
    peer.say_hello()
    told = peer.farewell()
    assert reason in told, "it was told '%s'" % told
    still_well(lab, a, b, reason)


def case_wrong_version(lab):
    refused(lab, "different versions of the replication protocol", version=99)


def case_wrong_hash(lab):
    refused(lab, "hash keys differently", hash=b"md5.")


def case_impossible_map_size(lab):
    refused(lab, "impossible size", bits=40)


def case_impossible_term(lab):
    """This term would make the next one 0, and the true peer could never be led again."""
    refused(lab, "impossible term", seen=2**64 - 1)


def case_impossible_term_later(lab):
    after_hello(lab, frame("ROLE", struct.pack("!QB16s", 2**64 - 1, 1, b"x" * 16)), "impossible term")


def case_newer_connection_that_is_refused(lab):
    """An invalid HELLO ends its own connection, not the session of the same run."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    reconnects = a.stat("repl_reconnects")
    peer = Peer(lab, a, run=b.run_id(), version=99)
    peer.say_hello()
    assert "different versions" in peer.farewell()
    assert a.client().store("k", "w") == "STORED"
    lab.drained(a)
    assert a.stat("repl_reconnects") == reconnects, "the session was closed for it"


def case_another_map_size(lab):
    """Nodes with maps of different sizes agree on the smaller one."""
    a, b = lab.pair(configs=("dirty_bits=20", "dirty_bits=10"), proxied=True)
    for number in range(200):
        assert a.client().store("k%d" % number, "v") == "STORED"
    lab.drained(a)
    for proxy in lab.proxies:
        proxy.cut()
    lab.until(lambda: a.stat("repl_link") != "streaming", "a notices")
    for number in range(0, 200, 10):
        assert a.client().store("k%d" % number, "w") == "STORED"
    for proxy in lab.proxies:
        proxy.heal()
    lab.linked(a, b)
    lab.drained(a)
    lab.same(a, b, ["k%d" % number for number in range(0, 200, 5)])


def case_peer_is_itself(lab):
    a, _ = lab.add_pair()
    index = next(i for i, word in enumerate(a.command) if "peer=" in word)
    a.command[index] = ";".join(
        "peer=127.0.0.1:%d" % a.listen_repl if part.startswith("peer=") else part
        for part in a.command[index].split(";"))
    a.start()
    lab.until(lambda: "this node itself" in a.log(), "the log says that it is its own peer")
    assert a.client().store("k", "v") == "STORED" and a.client().item("k")


def case_same_run_id(lab):
    a, b = active_alone(lab)
    peer = Peer(lab, a, run=a.run_id())
    peer.say_hello()
    assert "this node itself" in peer.farewell()
    still_well(lab, a, b, "this node itself")


def case_two_peers_at_once(lab):
    """A second peer is refused, whatever it claims to be, and the first one is not
    disturbed."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    reconnects = a.stat("repl_reconnects")
    for fields in ({}, {"active": 1, "term": 99, "seen": 99}):
        peer = Peer(lab, a, **fields)
        peer.say_hello()
        told = peer.farewell()
        assert "another" in told or "already" in told, told
    assert a.client().store("k", "w") == "STORED"
    lab.drained(a)
    lab.same(a, b, ["k"])
    assert a.stat("repl_reconnects") == reconnects and a.stat("repl_role") == "active"
    return told


def after_hello(lab, data, reason):
    a, b = active_alone(lab)
    peer = Peer(lab, a)
    peer.follow()
    peer.socket.sendall(data)
    told = peer.farewell()
    assert reason in told, "it was told '%s'" % told
    still_well(lab, a, b, reason)


def case_frame_longer_than_promised(lab):
    """A key that does not fit its body."""
    after_hello(lab, frame("SETQ", b"\0" * 8 + b"evil", nkey=200, nextra=8), "impossible length")


def case_frame_of_absurd_length(lab):
    after_hello(lab, frame("REPLACE", b"\0" * 9, length=0xFFFFFFF0), "impossible length")


def case_value_of_absurd_length(lab):
    """A value of absurd length is not kept, so it does no harm; but it has to arrive."""
    a, b = active_alone(lab, config="timeout=500;heartbeat=100")
    peer = Peer(lab, a)
    peer.follow()
    peer.socket.sendall(frame("SETQ", b"\0" * 8 + b"evil", nkey=4, nextra=8, length=0xFFFFFFF0))
    assert peer.farewell()
    still_well(lab, a, b, " closed: ")


def case_frame_never_finished(lab):
    """Half a message and then silence: the link is given up in time."""
    a, b = active_alone(lab, config="timeout=500;heartbeat=100")
    peer = Peer(lab, a)
    peer.follow()
    peer.socket.sendall(frame("SETQ", b"\0" * 8 + b"evil", nkey=4, nextra=8)[:-2])
    start = time.monotonic()
    peer.farewell()
    assert time.monotonic() - start < 3 * lab.build.slowness
    peer.close()
    still_well(lab, a, b, "the peer sent nothing for")


def case_peer_that_stops_reading(lab):
    """A peer sends heartbeats but reads nothing: clients continue, and memory stays
    bounded."""
    a, b = active_alone(lab, config="journal=1m;" + PATIENT)
    peer = Peer(lab, a)
    peer.follow()
    before = a.memory()
    count = 20000 if lab.build.sanitized else 200000
    for generation in range(3):
        lab.run_load(a, "--fill", count // 4, "--generation", generation, "--pipeline", 16)
        peer.ping()
    grown = a.memory() - before
    assert int(a.stat("repl_at_risk")) > 0
    assert lab.build.sanitized or grown < 64 * 1024, "%d KiB more" % grown
    peer.close()
    still_well(lab, a, b, " closed: ")
    return "%d KiB more for %d writes" % (grown, count // 4 * 3)


def case_answer_from_a_former_connection(lab):
    """Acknowledgements count only in the session that they belong to."""
    a, b = active_alone(lab, config=PATIENT)
    first = Peer(lab, a)
    first.follow()
    batch = first.await_op("NOOP")[1]
    second = Peer(lab, a)
    second.follow()
    assert a.client().store("late", "v") == "STORED"
    try:
        for late in range(batch, batch + 20):
            first.acknowledge(late)
    except OSError:
        pass  # the node has closed the connection, which is fine too
    second.await_op("SETQ")
    for wrong in (5000, 0x7FFFFFFF, 0xFFFFFFFF):
        second.acknowledge(wrong)  # never sent to anybody
    second.ping()
    assert int(a.stat("repl_pending")) >= 1, "a change was taken for acknowledged"
    first.close()
    second.close()
    still_well(lab, a, b, " closed: ")
    lab.same(a, b, ["late"])


def case_acknowledgement_of_nothing(lab):
    """Answers, copies and commands that nobody asked for are dropped; nothing is
    stored."""
    a, b = active_alone(lab, config=PATIENT)
    peer = Peer(lab, a)
    peer.follow()
    item = struct.pack("!II", 0, 0) + b"evil" + b"value"
    for op in ("SETQ", "FILL"):
        peer.send(op, item, nkey=4, nextra=8, cas=7)
    peer.send("DELETEQ", b"k7", nkey=2)
    peer.send("FLUSHQ", b"\0\0\0\0", nextra=4)
    term = struct.pack("!Q", peer.term)
    for op in ("DONE", "HANDOVER", "VERIFY"):
        peer.send(op, term)
    for op in ("END", "REPLACE", "REFILL", "END"):
        peer.send(op, term + b"\1")
    peer.send("MISSING", term + note(b"k7"))
    peer.send("MERGE", term + b"\1")
    peer.send("VERIFIED", term + b"\1\1")
    peer.ping()
    lab.until(lambda: int(a.stat("repl_bytes_in")) > 400, "a has read it all")
    assert a.client().item("k7") and not a.client().item("evil")
    peer.close()
    still_well(lab, a, b, " closed: ")
