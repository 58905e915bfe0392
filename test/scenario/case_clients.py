"""Malicious clients, and clients that do not read: the damage is bounded, and
well-behaved clients are served meanwhile."""

import resource
import socket
import struct
import time

from harness.wire import request

PLACE = "two"
BIG = 8 << 20
UDP = struct.Struct("!HHHH")


def silent(lab, node, data):
    """A client that sends this and reads nothing."""
    client = socket.create_connection(node.address, 10 * lab.build.slowness)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(data)
    return client


def udp_port(lab):
    """A port that is leased to a node that is never started."""
    return lab.add("spare").port


def number(node, name):
    return int(node.stat(name))


def grown(lab, node, count, data, most):
    """The memory, in KiB, that so many silent clients cost; it must not exceed `most`."""
    before, sent = node.memory(), number(node, "bytes_read")
    clients = [silent(lab, node, data) for _ in range(count)]
    lab.until(lambda: number(node, "bytes_read") >= sent + count * len(data), "all is read")
    assert node.ask("get none") == [b"END"]
    cost = node.memory() - before
    assert lab.build.sanitized or cost < most, "%d KiB for %d clients" % (cost, count)
    for client in clients:
        client.close()
    lab.until(lambda: number(node, "curr_connections") == 1, "they have gone")
    return cost


def case_large_values_are_not_copied(lab):
    """Large values are sent from their items, whichever command reads them."""
    node = lab.single("-m", "128", "-I", "16m")
    assert node.client().store("big", "x" * BIG) == "STORED"
    ways = {"get": b"get big\r\n", "gat": b"gat 0 big\r\n", "gats": b"gats 0 big\r\n",
            "mg T": b"mg big v T0\r\n", "binary gat": request("gat", b"big", exptime=0)}
    return ", ".join("%s %d KiB" % (name, grown(lab, node, 20, data, 8192))
                     for name, data in ways.items())


def case_unfinished_requests_are_not_kept(lab):
    """Long input that no command matches is skipped, and an unfinished request takes
    little memory."""
    node = lab.single("-m", "64")
    packet = struct.pack("!BBHBBHIIQ", 0x80, 0x77, 0, 0, 0, 0, 60000, 0, 0) + b"x" * 59000
    ways = {"unknown packet": packet, "line": b"x" * 2000, "list": b"get " + b"k " * 2000,
            "end of a value": b"set v 0 0 9\r\n123456789\r"}
    return ", ".join("%s %d KiB" % (name, grown(lab, node, 300, data, 3000))
                     for name, data in ways.items())


def case_largest_buffers_are_closed_first(lab):
    node = lab.single("-m", "64", "-R", "100000", "-o", "conn_mem_limit=8")
    assert node.client().store("k", "x" * 1000) == "STORED"
    clients = [silent(lab, node, (b"get" + b" k" * 2000 + b"\r\n") * 8) for _ in range(60)]
    kicks = lab.until(lambda: number(node, "conn_mem_kicks"), "some are closed")
    lab.until(lambda: number(node, "conn_mem_bytes") <= 9 << 20, "there is room again")
    assert number(node, "curr_connections") > 5, "more are closed than need be"
    assert node.client().item("k")
    lines = node.log().count("conn_mem_limit")
    assert 1 <= lines <= 2, "%d lines in the log" % lines
    for client in clients:
        client.close()
    return "%d of 60 closed" % kicks


def case_reader_that_stands_still(lab):
    """--idle-timeout also applies to clients that do not read."""
    node = lab.single("-m", "64", "-o", "idle_timeout=1")
    assert node.client().store("big", "x" * 1000000) == "STORED"
    client = silent(lab, node, b"get" + b" big" * 8 + b"\r\n")
    node.forget()
    lab.until(lambda: node.stat("idle_kicks") == "1" or node.forget(), "it is closed")
    client.close()


def case_no_descriptor_is_left(lab):
    """Without descriptors accepting pauses, with one log line, and continues as soon as
    there is one."""
    node = lab.single("-m", "64", "-t", "1", "-U", str(udp_port(lab)))
    assert node.ask("get none") == [b"END"]
    resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (40, 40))
    clients = [socket.socket() for _ in range(60)]
    for client in clients:
        client.setblocking(False)
        client.connect_ex(node.address)
    lab.until(lambda: node.stat("accepting_conns") == "0", "accepting pauses")
    paused, start = number(node, "listen_disabled_num"), time.monotonic()
    lab.until(lambda: time.monotonic() > start + 1.2, "a while has passed")
    assert number(node, "listen_disabled_num") <= paused + 3
    assert node.log().count("cannot accept connections") == 1
    for client in clients:
        client.close()
    lab.until(lambda: node.stat("accepting_conns") == "1", "accepting goes on")
    with node.connect() as more:
        assert more.ask("get none") == [b"END"]


def ask_udp(lab, port, line):
    """The answer without the headers of its datagrams."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10 * lab.build.slowness)
        client.sendto(UDP.pack(7, 0, 1, 0) + line + b"\r\n", ("127.0.0.1", port))
        parts, total = {}, 1
        while len(parts) < total:
            data = client.recv(65536)
            _, sequence, total, _ = UDP.unpack(data[:8])
            parts[sequence] = data[8:]
    return b"".join(parts[index] for index in sorted(parts)), total


def case_udp_answers_have_a_limit(lab):
    port = udp_port(lab)
    node = lab.single("-m", "64", "-U", str(port))
    for name, size in (("small", 1000), ("some", 22000), ("more", 23000), ("big", 1000000)):
        assert node.client().store(name, "x" * size) == "STORED"
    assert ask_udp(lab, port, b"get some")[0].endswith(b"x\r\nEND\r\n")
    assert ask_udp(lab, port, b"stats settings")[0].endswith(b"END\r\n")
    for line in (b"get more", b"get big", b"gat 0 big", b"get" + b" small" * 200, b"mg big v q"):
        answer, total = ask_udp(lab, port, line)
        assert answer.startswith(b"SERVER_ERROR the answer is too long"), answer[:80]
        assert total == 1
    assert ask_udp(lab, port, b"get small")[0].endswith(b"x\r\nEND\r\n")


def case_flush_in_the_far_future(lab):
    """A flush in the far future never happens, not even on a standby with a longer
    uptime."""
    a, b = lab.add_pair()
    b.start()
    lab.until(lambda: number(b, "uptime") >= 3, "b is older")
    a.start()
    lab.linked(a, b)
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    for when in (2**63 - 1, 2**32, 2**32 - 1):
        assert a.ask("flush_all %d" % when) == [b"OK"]
        assert a.client().store("after", str(when)) == "STORED"
        lab.drained(a)
        assert b.client().item("k"), "the standby has flushed"
        lab.same(a, b, ["k", "after"])
