"""What the runtime of one node notes (touches.h): which threads touched which cache lines,
and from where."""

import collections
import mmap
import struct

LINES_MAX, PLACES_MAX, THREADS_MAX = 1 << 17, 12, 32
HEAD = struct.Struct("=IIII%di" % THREADS_MAX)  # counting, nthreads, writers, lost, tids
ROW = struct.Struct("=Q" + ("II%dQ" % PLACES_MAX) * 2)
SIZE = HEAD.size + LINES_MAX * ROW.size

# Threads are bits; places are return addresses, and 0 if there were more than fit.
Line = collections.namedtuple("Line", "address writers readers written_at read_at")


def places(more, *addresses):
    return [at for at in addresses if at] + [0] * more


class Touches:
    def __init__(self, path):
        with open(path, "w+b") as file:
            file.truncate(SIZE)
            self.map = mmap.mmap(file.fileno(), SIZE)

    def begin(self):
        self.map[8:16] = bytes(8)  # writers, lost
        self.map[HEAD.size:] = bytes(SIZE - HEAD.size)
        self.map[:4] = struct.pack("=I", 1)

    def end(self):
        self.map[:4] = struct.pack("=I", 0)

    def writers(self):
        """The threads that have written anything since the beginning."""
        return HEAD.unpack_from(self.map)[2]

    def lost(self):
        """How many accesses were not noted for want of room."""
        return HEAD.unpack_from(self.map)[3]

    def lines(self):
        for row in ROW.iter_unpack(self.map[HEAD.size:]):
            if row[0]:
                written, read = row[1:3 + PLACES_MAX], row[3 + PLACES_MAX:]
                yield Line(row[0], written[0], read[0], places(*written[1:]), places(*read[1:]))

    def threads(self, pid):
        """The names of its threads, by bit."""
        names, head = {}, HEAD.unpack_from(self.map)
        for number in range(head[1]):
            try:
                with open("/proc/%d/task/%d/comm" % (pid, head[4 + number]), encoding="ascii") as file:
                    names[1 << number] = file.read().strip()
            except FileNotFoundError:
                pass  # it has ended
        return names
