"""The ledger (ledger.h): a file in which the shim counts, and reads which calls must
fail."""

import collections
import mmap
import os
import re
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "kinds.h"), encoding="utf-8") as rows:
    KINDS = re.findall(r'^KIND\(\w+, "(\w+)"\)', rows.read(), re.M)

SITES_MAX, MODULE_ROOM = 1024, 32
ORDERS = struct.Struct("=IIQQQ%ds" % MODULE_ROOM)  # counting, kind, first, number, offset, module
COUNTS = struct.Struct("=QQ%dQ%dQ" % (len(KINDS), len(KINDS)))  # matching, blocks, calls, failed
SITE = struct.Struct("=QQIIII%ds" % MODULE_ROOM)
SIZE = ORDERS.size + COUNTS.size + SITES_MAX * SITE.size

# Which calls fail: calls of the kind, at the site if one is given, `number` calls from
# the first-th.
Order = collections.namedtuple("Order", "kind first number site", defaults=(1, 1, None))
Site = collections.namedtuple("Site", "kind module offset")


class Ledger:
    """The ledger of one process."""

    def __init__(self, path):
        self.path = path
        with open(path, "w+b") as file:
            file.truncate(SIZE)
            self.map = mmap.mmap(file.fileno(), SIZE)

    def begin(self, order=None):
        """Starts to count, and lets the ordered calls fail."""
        kind, offset, module = len(KINDS), 0, b""
        if order:
            kind = KINDS.index(order.kind)
        if order and order.site:
            offset, module = order.site.offset, order.site.module.encode()
        self.map[ORDERS.size:ORDERS.size + 8] = bytes(8)  # matching
        self.map[4:ORDERS.size] = ORDERS.pack(0, kind, order.first if order else 0,
                                              order.number if order else 0, offset, module)[4:]
        self.map[:4] = struct.pack("=I", 1)

    def end(self):
        self.map[:4] = struct.pack("=I", 0)

    def counts(self):
        return COUNTS.unpack_from(self.map, ORDERS.size)

    def blocks(self):
        """Blocks of memory that are allocated and not freed."""
        return self.counts()[1]

    def calls(self):
        return dict(zip(KINDS, self.counts()[2:2 + len(KINDS)]))

    def failed(self):
        return dict(zip(KINDS, self.counts()[2 + len(KINDS):]))

    def sites(self):
        """{site: (calls, failed)} of the sites that were counted."""
        found = {}
        rows = self.map[ORDERS.size + COUNTS.size:]
        for address, offset, calls, failed, kind, known, module in SITE.iter_unpack(rows):
            if address and known == 1 and calls:
                found[Site(KINDS[kind], module.rstrip(b"\0").decode(), offset)] = calls, failed
        return found

    def close(self):
        self.map.close()
        os.unlink(self.path)
