"""Names of places in a process's code: the function, and those into which it was inlined."""

import collections
import os
import re
import subprocess

Frame = collections.namedtuple("Frame", "module function file line")


def position(where):
    file, line = where.split(" ")[0].rsplit(":", 1)
    return os.path.join(*file.split("/")[-2:]), line


class Places:
    def __init__(self, pid):
        self.known = {}
        self.modules = []  # (first address, end, where the file is loaded, file)
        base = {}
        with open("/proc/%d/maps" % pid, encoding="utf-8") as rows:
            for row in rows:
                words = row.split(None, 5)
                if len(words) == 6 and words[5].startswith("/"):
                    file, (first, end) = words[5].strip(), (int(n, 16) for n in words[0].split("-"))
                    self.modules.append((first, end, base.setdefault(file, first), file))

    def frames(self, address):
        """The frames of a return address, innermost first."""
        if address not in self.known:
            module = [row for row in self.modules if row[0] <= address < row[1]]
            self.known[address] = self.ask(module[0][3], address - 1 - module[0][2]) if module else []
        return self.known[address]

    @staticmethod
    def ask(file, offset):
        done = subprocess.run(["addr2line", "-i", "-f", "-e", file, hex(offset)], stdout=subprocess.PIPE,
                              check=True, text=True)
        rows = done.stdout.splitlines()
        return [Frame(os.path.basename(file), re.sub(r"\..*", "", function), *position(where))
                for function, where in zip(rows[::2], rows[1::2])]

    def name(self, address):
        frames = self.frames(address)
        if not frames:
            return "?"
        return "%s (%s:%s)" % (" < ".join(frame.function for frame in frames[:3]), frames[0].file, frames[0].line)
