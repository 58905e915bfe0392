"""Values of hundreds of megabytes: what is small passes beside them, and a standby holds one once."""

import socket
import struct
import threading
import time

from case_imposter import lead, meets, settled
from harness.peer import frame

PLACE = "two"
SIZE = 64 << 20
RATE = 16 << 20  # bytes a second
OPTIONS = ("-m", "512", "-I", "128m", "-t", "2")


def number(node, name):
    return int(node.stat("repl_" + name))


def value(seed, size=SIZE):
    return (b"%015d\n" % seed) * (size >> 4)


def slow_pair(lab):
    a, b = lab.pair(*OPTIONS, proxied=True, config="timeout=20000;heartbeat=1000")  # a break would send it again
    assert a.client().store("first", "v") == "STORED"
    lab.drained(a)
    return a, b


def set_rate(lab, rate):
    for proxy in lab.proxies:
        proxy.rate = rate


def has(node, key, wanted):
    """Reads it in one piece: the harness's own client is made for small values."""
    with socket.create_connection(("127.0.0.1", node.port), 30) as line, line.makefile("rb") as file:
        line.sendall(b"mg %s v\r\n" % key.encode())
        head = file.readline().split()
        return head[0] == b"VA" and file.read(int(head[1])) == wanted


def pass_by(lab, a, b, until):
    """Small changes at a, one after the other, until something has happened. They must not wait for the
    large value, else few of them would pass, and one would take as long, however slow the machine is."""
    worst, n, began = 0.0, 0, time.monotonic()
    while not until():
        key, start = "small%d" % n, time.monotonic()
        assert a.client().store(key, "v") == "STORED"
        lab.until(lambda key=key: b.client().item(key), "b has " + key, 60)
        worst, n = max(worst, time.monotonic() - start), n + 1
    took = time.monotonic() - began
    told = "%d small changes in %.1f s, the slowest %.2f s" % (n, took, worst)
    assert n > 10 and worst < took / 2, told
    assert took > 0.5 * SIZE / RATE, "%s: the link was not slow" % told
    return told


def in_sync(lab, *nodes):
    for node in nodes:
        lab.until(lambda node=node: number(node, "in_sync") == 1, node.name + " is in sync", 60)


def comes_beside(lab, a, b, before, wanted, until):
    """The value comes to b while small changes pass by, and takes memory once."""
    told = pass_by(lab, a, b, until)
    set_rate(lab, None)
    in_sync(lab, a, b)
    assert has(b, "large", wanted)
    grown = (b.memory("VmHWM") - before) / 1024
    assert lab.build.sanitized or grown < (SIZE >> 20) + 24, "%d MB more; %s; %s" % (grown, a.log()[-1500:], told)
    return "%s; %d MB more at the standby" % (told, grown)


def case_large_change(lab):
    """A large set on a slow link: small changes pass by, and the standby needs memory for one value. Until
    it is whole there, the active node says so."""
    a, b = slow_pair(lab)
    before = b.memory("VmHWM")
    set_rate(lab, RATE)
    assert a.client().store("large", value(1)) == "STORED"
    return comes_beside(lab, a, b, before, value(1), lambda: number(a, "pending") == 0)


def case_large_item_of_a_copy(lab):
    """The same for a standby that returns empty."""
    a, b = slow_pair(lab)
    assert a.client().store("large", value(2)) == "STORED"
    lab.drained(a)
    b.kill()
    set_rate(lab, RATE)
    b.start()
    lab.until(lambda: b.stat("repl_link") == "resync", "the copy has begun")
    before = b.memory("VmHWM")
    return comes_beside(lab, a, b, before, value(2), lambda: number(b, "in_sync") == 1)


def case_large_value_changes_on_its_way(lab):
    """What clients make of it meanwhile comes behind it, and nothing comes twice."""
    a, b = slow_pair(lab)
    set_rate(lab, RATE)
    assert a.client().store("large", value(3)) == "STORED"
    lab.until(lambda: number(a, "bytes_out") > SIZE // 8, "it is on its way")
    for turn in range(200):
        assert a.client().ask("touch large %d" % (1000 + turn))[0] == b"TOUCHED"
    assert a.client().store("large", "v", command="append") == "STORED"
    assert a.client().store("other", value(4, 4 << 20)) == "STORED"
    assert a.client().ask("delete other")[0] == b"DELETED"
    set_rate(lab, None)
    lab.drained(a, 60)
    assert has(b, "large", value(3) + b"v") and not b.client().item("other")
    sent = number(a, "bytes_out")
    assert sent < SIZE + (SIZE >> 3), "%d bytes for a value of %d" % (sent, SIZE)


def case_large_value_is_cut(lab):
    """A link that breaks in the middle drops the half value, and the change comes all the same."""
    a, b = slow_pair(lab)
    set_rate(lab, RATE)
    for turn in range(3):
        before = number(b, "bytes_in")
        assert a.client().store("large", value(turn)) == "STORED"
        lab.until(lambda before=before: number(b, "bytes_in") > before + SIZE // 8, "some of it is there")
        for proxy in lab.proxies:
            proxy.cut()
        lab.until(lambda: number(a, "at_risk") > 0 and a.stat("repl_link") != "streaming", "a knows")
        assert not has(b, "large", value(turn))
        for proxy in lab.proxies:
            proxy.heal()
    set_rate(lab, None)
    lab.linked(a, b)
    in_sync(lab, a, b)
    assert has(b, "large", value(2))


def case_large_values_share_the_link(lab):
    """Changes fill the link: the large value gets its share."""
    a, b = slow_pair(lab)
    set_rate(lab, RATE)
    over = threading.Event()

    def write():
        with a.connect() as client:
            n = 0
            while not over.is_set():
                assert client.store("busy%d" % (n % 500), b"b" * 30000) == "STORED"
                n += 1
    busy = [threading.Thread(target=write, daemon=True) for _ in range(3)]
    for thread in busy:
        thread.start()
    try:
        assert a.client().store("large", value(5, SIZE // 4)) == "STORED"
        began = time.monotonic()
        lab.until(lambda: b.client().ask("mg large")[0] == b"HD", "the large value is there", 60)
        took = time.monotonic() - began
    finally:
        over.set()
        for thread in busy:
            thread.join(10)
    set_rate(lab, None)
    in_sync(lab, a, b)
    return "%d MB in %.1f s beside a load that fills the link" % (SIZE >> 22, took)


# ---- a false peer

def announce(by, size, key=b"k"):
    return frame("STREAM", struct.pack("!IIIB", 0, 0, size, by) + key, nkey=len(key), nextra=13)


def chunk(by, data):
    return frame("CHUNK", bytes([by]) + data, nextra=1)


def case_large_values_that_never_come(lab):
    """A peer that announces three values of 200 MB, and then only lives, costs no memory and is given up."""
    a, b = lab.add_pair("-m", "2048", "-I", "256m", config="timeout=1500;heartbeat=250")
    a.start()
    peer = lead(lab, a)
    before = a.memory("VmHWM")
    began = time.monotonic()
    peer.socket.sendall(b"".join(announce(by, 200 << 20, b"k%d" % by) for by in range(3)))

    def is_given_up():
        try:
            peer.ping()
            peer.receive()
        except (OSError, ConnectionError):
            return True
        return "complete a value in time" in a.log()
    lab.until(is_given_up, "the session has ended", 40)
    took = time.monotonic() - began
    grown = (a.memory("VmHWM") - before) >> 10
    assert "complete a value in time" in a.log(), a.last_words()
    assert lab.build.sanitized or grown < 32, "%d MB more" % grown
    peer.close()
    meets(lab, a, b)
    return "given up after %.1f s, %d MB more" % (took, grown)


def case_large_values_out_of_order(lab):
    """Chunks of nothing, too many, of two values at once: the link is closed, and nothing is stored."""
    a, b = lab.add_pair("-m", "256", "-I", "64m", config="timeout=20000;heartbeat=1000")
    a.start()
    for wrong in (chunk(0, b"x"), announce(0, 9) + chunk(0, b"x" * 10), announce(1, 9) + announce(1, 9),
                  announce(0, 0), announce(3, 9), chunk(3, b"x"), chunk(0, b""),
                  announce(0, 1 << 20) + chunk(0, b"x" * 65537)):
        peer = lead(lab, a)
        peer.socket.sendall(announce(0, 4) + chunk(0, b"ab") + chunk(0, b"cd"))
        settled(peer, 2)
        assert a.client().item("k")[2] == b"abcd"
        peer.socket.sendall(wrong)
        assert peer.farewell(), wrong[:60]
        peer.close()
        lab.until(lambda: a.stat("repl_link") == "down", "a noticed its end")
        assert a.client().item("k")[2] == b"abcd"
    meets(lab, a, b)
