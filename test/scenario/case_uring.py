"""Workers that wait by io_uring: --io-uring. The other scenarios run on it, too, with
test/scenario/run --io-uring."""

import os
import socket
import struct
import sys

from harness.report import Skip
from harness.wire import Closed

PLACE = "mcd"

# Runs a program to which the kernel refuses io_uring_setup, as the filter of a container does.
REFUSED = """
import ctypes, os, struct, sys
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # of struct sock_filter
SETUP, ALLOW, EPERM = 425, 0x7fff0000, 0x00050001
rows = (LOAD, 0, 0, 0), (EQUAL, 0, 1, SETUP), (RETURN, 0, 0, EPERM), (RETURN, 0, 0, ALLOW)
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in rows))
program = struct.pack("HxxxxxxP", len(rows), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0, "no seccomp"
os.execv(sys.argv[1], sys.argv[1:])
"""


def rings(node):
    return int(node.stat("threads_io_uring"))


def start(lab, *options):
    node = lab.single("-m", "64", "-t", "2", "--io-uring", *options)
    if rings(node) == 0:
        raise Skip("mcd waits by epoll here: %s" % node.last_words())
    assert rings(node) == 2
    return node


def reset(client):
    """Ends a connection as a client does that crashes with unread answers."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def raw(lab, node):
    return socket.create_connection(node.address, 10 * lab.build.slowness)


def case_refused(lab):
    """Where the kernel refuses, mcd says so once for each worker, and serves by epoll."""
    node = lab.add("a", "-m", "64", "-t", "2", "--io-uring", engine=lab.build.default_engine)
    node.command[:0] = [sys.executable, "-c", REFUSED]
    node.start()
    assert node.client().store("k", "v") == "STORED" and node.client().item("k")
    assert rings(node) == 0
    assert node.log().count("waits by epoll, because io_uring is refused") == 2, node.log()


def case_off_unless_given(lab):
    if "--io-uring" in lab.single("-t", "2").process.args:
        raise Skip("all nodes of this run have the option")
    assert rings(lab.nodes["a"]) == 0


def case_half_closed(lab):
    """Whoever sends and says that no more will come gets all answers, however many parts the kernel
    has received them in."""
    node = start(lab)
    for count in (1, 10, 300, 3000):
        with raw(lab, node) as client:
            client.sendall(b"set k 0 0 1\r\nx\r\n" * count)
            client.shutdown(socket.SHUT_WR)
            answers = b""
            while more := client.recv(65536):
                answers += more
        assert answers == b"STORED\r\n" * count, (count, len(answers))


def case_values_of_all_lengths(lab):
    """Also around the size of a buffer, and where the rest is read from the socket."""
    node = start(lab, "-I", "8m")
    client = node.client()
    for length in (0, 1, 4060, 4096, 4097, 8192, 32 * 1024, 32 * 1024 + 1, 64 * 1024, 100000, 1 << 20, 5 << 20):
        value = "%07d" % length * (length // 7 + 1)
        assert client.store("k", value[:length]) == "STORED", length
        assert client.item("k")[2] == value[:length].encode(), length


def case_readers_that_stand_still(lab):
    """Clients that send on and read nothing may keep some buffers: the others are served."""
    node = start(lab, "-o", "conn_mem_limit=64")
    assert node.client().store("k", "x" * 1000) == "STORED"
    silent = []
    for _ in range(200):
        client = raw(lab, node)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        silent.append(client)
    for _ in range(20):
        for client in silent:
            try:
                client.send(b"get k k k k k k k k\r\n" * 1000)
            except BlockingIOError:
                pass
    for _ in range(20):
        with node.connect() as client:
            assert client.store("other", "y" * 5000) == "STORED" and client.item("other") and client.item("k")
    for client in silent:
        reset(client)
    lab.until(lambda: int(node.stat("curr_connections")) == 1, "they have gone")
    assert node.client().item("k")


def case_clients_that_vanish(lab):
    """In the middle of a value, and with answers under way; by a reset, an end, or over a UNIX socket."""
    path = os.path.join(lab.folder, "mcd.sock")
    node = start(lab, "-s", path)
    for _ in range(300):
        for family, address in ((socket.AF_INET, node.address), (socket.AF_UNIX, path)):
            with socket.socket(family) as client:
                client.connect(address)
                client.sendall(b"get ")
                client.shutdown(socket.SHUT_WR)
                assert client.recv(100) == b""
    for data in (b"set k 0 0 100\r\nx", b"set k 0 0 100000\r\n" + b"x" * 50000, b"get none\r\n" * 2000, b"get ", b""):
        for _ in range(30):
            client = raw(lab, node)
            client.sendall(data)
            reset(client)
    lab.until(lambda: int(node.stat("curr_connections")) == 1, "they have gone")


def case_idle_clients_are_closed(lab):
    node = start(lab, "-o", "idle_timeout=1")
    with node.connect() as client:
        assert client.store("k", "v") == "STORED"
        try:
            client.line()
        except Closed:
            pass
    node.forget()
    assert int(node.stat("idle_kicks")) >= 1


def case_many_connections(lab):
    """More than there are buffers, all at once."""
    node = start(lab)
    clients = [raw(lab, node) for _ in range(500)]
    for _ in range(3):
        for number, client in enumerate(clients):
            client.sendall(b"set k%d 0 0 3\r\n%03d\r\n" % (number, number))
        for client in clients:
            assert client.recv(100) == b"STORED\r\n"
    for number, client in enumerate(clients):
        client.sendall(b"get k%d\r\n" % number)
    for number, client in enumerate(clients):
        wanted, got = b"VALUE k%d 0 3\r\n%03d\r\nEND\r\n" % (number, number), b""
        while len(got) < len(wanted):
            got += client.recv(100)
        assert got == wanted, got
        client.close()
