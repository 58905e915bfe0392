"""What somebody on the way can record of the link: a capture of all packets, as a pcap file."""

import os
import socket
import struct
import time

from harness.beside import Beside
from harness.secrecy import Secrecy
from plain import Plain

ALL_PACKETS, ETHERNET, SNAP = 0x0003, 1, 1 << 16
WORDS = [b"a-key-in-clear", b"a-value-in-clear", b"another-key", b"another-value"]


class Capture(Beside):
    """All packets between a namespace and others, in a pcap file."""

    def __init__(self, network, place, path):
        super().__init__()
        self.socket = network.enter(place, socket.socket, socket.AF_PACKET, socket.SOCK_RAW,
                                    socket.htons(ALL_PACKETS))
        self.socket.settimeout(0.05)
        self.path, self.packets = path, 0

    def run(self):
        with open(self.path, "wb") as file:
            file.write(struct.pack("!IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, SNAP, ETHERNET))
            while not self.over.is_set():
                try:
                    packet, (interface, *_) = self.socket.recvfrom(SNAP)
                except socket.timeout:
                    continue
                if interface == "lo":  # the test's own clients
                    continue
                now = time.time()
                file.write(struct.pack("!IIII", int(now), int(now % 1 * 1e6), len(packet), len(packet)))
                file.write(packet)
                self.packets += 1

    def __exit__(self, *what):
        super().__exit__(*what)
        self.socket.close()


def record(build, kind):
    """Which of the words a capture has."""
    pair = Plain(build)
    with pair:
        pair.lab.secrecy = Secrecy(pair.lab.folder, kind)
        a = pair.node("a", pair.addresses["b"])
        b = pair.node("b", pair.addresses["a"])
        path = os.path.join(pair.lab.folder, "link.pcap")
        with Capture(pair, "a", path) as capture:
            a.start()
            assert a.client().store("a-key-in-clear", "a-value-in-clear" * 100) == "STORED"
            b.start()
            pair.lab.linked(a, b)
            assert a.client().store("another-key", "another-value") == "STORED"
            pair.lab.drained(a)
            pair.lab.same(a, b, ["a-key-in-clear", "another-key"])
            assert a.ctl("verify")[0] == 0
        with open(path, "rb") as file:
            recorded = file.read()
        port = struct.pack("!H", 11212)
        assert capture.packets > 20 and port in recorded, "%d packets" % capture.packets
        runs = [node.run_id() for node in (a, b)]
        return [word for word in WORDS + runs if word in recorded], capture.packets


def case_capture(build):
    """Neither keys, nor values, nor the nodes' runs."""
    for kind in ("secret", "certificates"):
        found, packets = record(build, kind)
        assert not found, "%s: %s" % (kind, found)
    return "%d packets" % packets


def case_capture_before(build):
    """All of them, without a secret."""
    found, packets = record(build, "")
    assert len(found) == len(WORDS) + 2, found
    return "%d packets" % packets
