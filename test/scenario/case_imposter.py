"""An imposter that may connect because it has the peer's address, and the damage it can
do. The true peer gets its place, memory stays bounded, and nothing that stays behind
keeps the nodes apart."""

import socket
import struct
import time

from case_hostile import PATIENT
from harness.beside import Beside
from harness.peer import EMPTY, Peer, frame
from harness.wire import Closed, Timeout

PLACE = "two"
SOON = "timeout=500;heartbeat=100"


class Repeater(Beside):
    """Repeats an action beside the test, ignoring its failures."""

    def __init__(self, action, pause):
        super().__init__()
        self.action, self.pause = action, pause

    def run(self):
        while not self.over.wait(self.pause):
            try:
                self.action()
            except (OSError, ConnectionError, Closed, Timeout):
                pass


def meets(lab, a, b):
    """The true peer connects, and both nodes get equal. Returns how long that took."""
    assert a.client().store("after", "v") == "STORED"
    start = time.monotonic()
    b.start()
    lab.linked(a, b)
    lab.drained(a)
    took = time.monotonic() - start
    lab.same(a, b, ["after"])
    return took


def lead(lab, a, **hello):
    """A scripted peer leads a node that has no clients, up to the merge."""
    peer = Peer(lab, a, active=1, term=5, seen=5, **hello)
    peer.say_hello()
    peer.term = 5
    term = struct.pack("!Q", 5)
    peer.send("ROLE", struct.pack("!QB16s", 5, 1, peer.run))
    peer.await_op("MAP")
    peer.send("MERGE", term + EMPTY)
    settled(peer)
    return peer


def settled(peer, batch=1):
    """Waits until the node has processed everything that was sent before."""
    peer.send("NOOP", opaque=batch)
    peer.await_op("NOOP")


def item(key, value, cas=0):
    return frame("SETQ", b"\0" * 8 + key + value, nkey=len(key), nextra=8, cas=cas)


# ---- numbers without a successor

def case_last_term(lab):
    """Neither a refused nor a barely accepted term keeps the nodes apart afterwards."""
    a, b = lab.add_pair()
    a.start()
    for seen in (2**63 - 1, 2**40 + 1, 2**40):
        peer = Peer(lab, a, seen=seen, term=seen)
        peer.say_hello()
        lab.until(lambda: "impossible term" in a.log() or a.stat("repl_link") == "handshake", "a heard it")
        peer.close()
        lab.until(lambda: a.stat("repl_link") == "down", "a noticed its end")
    meets(lab, a, b)
    for node in (b, a, b):  # and each promotion continues from there
        assert node.ctl("promote")[0] == 0
        lab.linked(a, b)
        lab.until(lambda node=node: [other.stat("repl_role") for other in (a, b) if other is not node] == ["standby"],
                  "the other is a standby")
    assert int(a.stat("repl_term")) < 2**41
    return "term %s" % a.stat("repl_term")


def case_last_cas(lab):
    """A CAS without a successor is not adopted, and does not raise the counter."""
    a, b = lab.add_pair()
    a.start()
    peer = lead(lab, a)
    peer.socket.sendall(item(b"k", b"v", cas=2**64 - 1) + item(b"l", b"v", cas=77))
    settled(peer)
    got, kept = a.client().item("k"), a.client().item("l")
    assert got[2] == b"v" and got[1] < 2**53, "CAS %d" % got[1]
    assert kept[1] == 77
    peer.close()
    assert a.client().store("m", "v") == "STORED"
    assert got[1] < a.client().item("m")[1] < 2**53
    meets(lab, a, b)
    lab.same(a, b, "klm")


# ---- answers and frames

def case_roles_that_ask_for_maps(lab):
    """Each of these 49-byte messages is answered with all that the node knows of its
    buckets."""
    a, b = lab.add_pair(config=PATIENT)
    a.start()
    lab.run_load(a, "--fill", 60000, "--size", 10, "--pipeline", 32)
    a.ctl("demote")
    before = a.memory("VmHWM")
    peer = Peer(lab, a, active=1, term=2, seen=2)
    peer.say_hello()
    sent = 0
    try:
        for term in range(3, 6000):
            peer.send("ROLE", struct.pack("!QB16s", term, 1, peer.run))
            sent += 49
    except OSError:
        pass
    told = peer.farewell()
    grown = a.memory("VmHWM") - before
    assert "more answers than it reads" in told or "more answers than it reads" in a.log(), told
    assert lab.build.sanitized or grown < 40 * 1024, "%d KiB more for %d bytes" % (grown, sent)
    meets(lab, a, b)
    return "%d KiB more for %d bytes" % (grown, sent)


def case_larger_than_this_node_takes(lab):
    """An item that the peer's -I allows and ours does not is skipped without being kept:
    a miss."""
    a, b = lab.add_pair("-m", "64", config=PATIENT)
    a.start()
    peer = lead(lab, a, item_max=1 << 30)
    peer.socket.settimeout(30)
    peer.socket.sendall(item(b"k", b"former") + item(b"l", b"v"))
    settled(peer)
    before, size, chunk = a.memory("VmHWM"), 96 << 20, b"x" * (1 << 20)
    peer.socket.sendall(frame("SETQ", b"\0" * 8 + b"k", nkey=1, nextra=8, length=9 + size))
    for _ in range(size >> 20):
        peer.socket.sendall(chunk)
    grown = a.memory("VmHWM") - before
    peer.socket.sendall(item(b"m", b"v"))
    settled(peer, 2)
    assert not a.client().item("k"), "the former value is still served"
    assert a.client().item("l") and a.client().item("m")
    assert a.stat("repl_apply_failed") == "1"
    assert lab.build.sanitized or grown < 8 * 1024, "%d KiB more" % grown
    peer.close()
    meets(lab, a, b)
    return "%d KiB more" % grown


def case_larger_than_the_peer_takes(lab):
    """The sender knows the peer's limit: a larger item is sent as a delete, and verify
    treats it as equal."""
    a, b = lab.pair("-m", "64", configs=("item_size_max=2m", "item_size_max=200k"))
    large = b"x" * 500000
    assert a.client().store("k", "former") == "STORED"
    lab.drained(a)
    sent = int(a.stat("repl_bytes_out"))
    assert a.client().store("k", large) == "STORED" and a.client().store("l", "v") == "STORED"
    lab.drained(a)
    assert int(a.stat("repl_bytes_out")) - sent < 10000
    lab.until(lambda: not b.client().item("k") and b.client().item("l"), "b has what it can take")
    code, told = a.ctl("verify")
    assert code == 0 and "equal; items" in told, told
    assert b.stat("repl_apply_failed") == "0"


# ---- peers that keep others out

def case_silent_connections(lab):
    """Silent connections keep neither the peer from connecting nor this node from
    dialling."""
    a, b = lab.add_pair(config="timeout=20000;heartbeat=200")
    a.start()
    silent = []

    def connect():
        silent.append(socket.create_connection(("127.0.0.1", a.listen_repl), 5))

    for _ in range(12):
        connect()
    with Repeater(connect, 0.01):
        took = meets(lab, a, b)
    assert took < 5 * lab.build.slowness
    return "linked after %.2f s" % took


def outlast(lab, say):
    """An imposter connects first, says HELLO, and then does what `say` does; when it is
    disconnected it connects again. Returns how long it keeps the true peer out."""
    a, b = lab.add_pair(config=SOON)
    a.start()
    assert a.client().store("k", "v") == "STORED"
    peers = []

    def go_on():
        if not peers:
            peers.append(Peer(lab, a))
            peers[0].say_hello()
        try:
            say(peers[0])
        except OSError:
            del peers[:]
            raise

    go_on()
    lab.until(lambda: a.stat("repl_link") == "handshake", "the first comer is in")
    with Repeater(go_on, 0.05):
        took = meets(lab, a, b)
    assert took < 6 * lab.build.slowness
    return "linked after %.2f s" % took


def case_peer_that_only_lives(lab):
    """The imposter sends heartbeats and nothing else."""
    return outlast(lab, lambda peer: peer.ping() or peer.receive())


def case_peer_that_talks_nonsense(lab):
    """The imposter sends bytes, as over a slow network, but never the expected ones."""
    return outlast(lab, lambda peer: peer.socket.sendall(item(b"k", b"x" * 4000) * 4))


def case_frame_by_and_by(lab):
    """Single bytes do not count as signs of life for ever."""
    a, b = lab.add_pair(config=SOON)
    a.start()
    assert a.client().store("k", "v") == "STORED"
    peer = Peer(lab, a)
    peer.follow()
    start = time.monotonic()
    try:
        peer.socket.sendall(frame("SETQ", b"\0" * 8 + b"k" * 200, nkey=200, nextra=8)[:20])
        while time.monotonic() - start < 10 * lab.build.slowness:
            peer.socket.sendall(b"k")
            time.sleep(0.02)
    except OSError:
        pass
    took = time.monotonic() - start
    assert took < 4 * lab.build.slowness, "it held the link for %.1f s" % took
    peer.close()
    meets(lab, a, b)
    return "closed after %.2f s" % took


# ---- what is shown, and where it listens

def case_clients_learn_no_run_id(lab):
    a, b = lab.pair()
    own = a.run_id().hex()
    assert own in b.ctl("status", "--json")[1], "the operator does not see both"
    for group in ("", "repl", "settings"):
        shown = repr(sorted(a.stats(group).items()))
        assert own not in shown and "run_id" not in shown, "stats %s shows it" % group
        assert a.socket not in shown and "peer=" not in shown, "stats %s shows options" % group


def case_listens_where_the_peer_is_reached(lab):
    """Without an address in listen=, the node listens at the address from which it dials;
    otherwise at the given one."""
    for listen, elsewhere in (("", False), ("0.0.0.0:", True)):
        a, b = lab.add_pair()
        for node in (a, b):
            node.command = [word.replace("listen=127.0.0.1:", "listen=" + listen) for word in node.command]
        a.start()
        b.start()
        lab.linked(a, b)
        try:
            socket.create_connection(("127.0.0.2", a.listen_repl), 5).close()
            reached = True
        except ConnectionRefusedError:
            reached = False
        assert reached == elsewhere, "listen=%sPORT" % listen
        a.stop()
        b.stop()
