#!/usr/bin/python3
"""A pair of nodes with real data: the descriptions of all packages that apt knows.

The demo writes them to node A through a client library, mixed with other operations that
applications use; B follows. Then it kills A (kill -9), reads everything from B and
compares it. It does the same with a full cache, whose survivor must have the items that
readers need. A restarts empty, is refilled, and is compared as well. The exit code is 0
if all promises held.

    demo/run.py [--build DIR] [--keep]

--keep leaves the pair running and prints how to talk to it and how to stop it.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "test"))

import full  # noqa: E402
from harness.lab import Build, Lab  # noqa: E402
from harness.report import Failed  # noqa: E402
from harness.wire import Closed, Timeout  # noqa: E402

try:
    from pymemcache import Client
except ImportError:
    sys.exit("python3-pymemcache is missing: run ./dev demo, which installs it")

BATCH = 200
LIFE = 86400


# ---- the data

def output_of(*command):
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=False).stdout
    except FileNotFoundError:
        return b""


def read_packages():
    """Pairs of key and record. A repeated name gets version and architecture appended."""
    text = output_of("apt-cache", "dumpavail")
    source = "apt-cache dumpavail"
    if len(text) < 1 << 20:
        text = text + b"\n" + output_of("dpkg", "--status") if text else b""
        source = "the installed packages"
    if len(text) < 1 << 20:
        with open("/var/lib/dpkg/status", "rb") as file:
            text, source = file.read(), "the installed packages"
    found = {}
    for record in text.split(b"\n\n"):
        fields = dict(line.split(b": ", 1) for line in record.split(b"\n")
                      if b": " in line and line[:1] not in b" \t")
        name = fields.get(b"Package", b"").decode("ascii", "ignore").strip()
        if not name:
            continue
        if name in found:
            name = "%s_%s_%s" % (name, fields.get(b"Version", b"").decode("ascii", "ignore"),
                                 fields.get(b"Architecture", b"").decode("ascii", "ignore"))
        found[name[:250]] = record
    return source, list(found.items())


class Bytes:
    """Values as bytes, flags unchanged: results are (value, flags)."""

    @staticmethod
    def serialize(_, value):
        return value if isinstance(value, tuple) else (value, 0)

    @staticmethod
    def deserialize(_, value, flags):
        return value, flags


def connect(node):
    return Client(node.address, serde=Bytes, timeout=30, no_delay=True)


# ---- phase 1: write

class Writer(threading.Thread):
    """Writes all records, mixed with other operations of applications, and remembers the
    expected result: key -> (value, flags), or None if it was deleted."""

    def __init__(self, node, packages):
        super().__init__(daemon=True)
        self.node, self.packages = node, packages
        self.expected, self.tokens, self.counts = {}, {}, {}
        self.operations, self.error = 0, None

    def run(self):
        try:
            client = connect(self.node)
            for number, (key, record) in enumerate(self.packages):
                self.write(client, number, key, record)
            for key in list(self.expected)[::977]:
                if self.expected[key]:
                    self.tokens[key] = client.gets(key)[1]
            client.close()
        except Exception as error:  # the main thread reports it
            self.error = error

    def did(self, what, wanted, got):
        self.operations += 1
        if wanted != got:
            raise Failed("%s was answered with %r" % (what, got))

    def write(self, client, number, key, record):
        flags = zlib.crc32(key.encode())
        life = LIFE if number % 3 == 0 else 0
        self.did("set", True, client.set(key, record, expire=life, noreply=False, flags=flags))
        self.expected[key] = record, flags
        for every, change in ((10, self.append), (15, self.touch), (20, self.cas),
                              (30, self.delete)):
            if number % every == every - 1:
                change(client, key)
        self.count(client, record)

    def append(self, client, key):
        value, flags = self.expected[key]
        self.did("append", True, client.append(key, b"\nSeen: yes", noreply=False))
        self.expected[key] = value + b"\nSeen: yes", flags

    def touch(self, client, key):
        self.did("touch", True, client.touch(key, 2 * LIFE, noreply=False))

    def cas(self, client, key):
        (value, flags), token = client.gets(key)
        self.operations += 1
        self.did("cas", True, client.cas(key, value + b"\nChecked: yes", token, noreply=False,
                                         flags=flags))
        self.expected[key] = value + b"\nChecked: yes", flags

    def delete(self, client, key):
        self.did("delete", True, client.delete(key, noreply=False))
        self.expected[key] = None

    def count(self, client, record):
        """One counter per section of the archive."""
        at = record.find(b"\nSection: ")
        if at < 0:
            return
        name = "count:" + record[at + 10:record.index(b"\n", at + 10)].decode("ascii", "ignore")
        self.counts[name] = self.counts.get(name, 0) + 1
        if self.counts[name] == 1:
            client.set(name, b"0", noreply=False)
            self.operations += 1
        self.did("incr", self.counts[name], client.incr(name, 1, noreply=False))
        self.expected[name] = str(self.counts[name]).encode(), 0


class Line:
    """One line that is overwritten on a terminal; elsewhere at most one line a second."""

    def __init__(self):
        self.live = sys.stdout.isatty()
        self.last = 0.0

    def show(self, text, end=False):
        now = time.monotonic()
        if self.live:
            print("\r%-78s" % text, end="\n" if end else "", flush=True)
        elif end or now - self.last >= 1:
            self.last = now
            print(text, flush=True)


def repl(node):
    """A node's replication statistics; empty while it does not answer."""
    try:
        return node.stats("repl")
    except (OSError, Closed, Timeout):
        return {}


def items(node):
    try:
        return int(node.stats().get("curr_items", 0))
    except (OSError, Closed, Timeout):
        return 0


def phase_write(lab, a, b, packages):
    writer = Writer(a, packages)
    line, start = Line(), time.monotonic()
    writer.start()

    def show(end=False):
        stats = repl(a)
        line.show("  %7d changes, %6d items on A, %6d on B, %s pending, lag %s us" % (
            writer.operations, items(a), items(b), stats.get("repl_pending", "?"),
            stats.get("repl_lag_us", "?")), end)
    while writer.is_alive():
        show()
        writer.join(0.1)
    written = time.monotonic() - start
    lab.drained(a, 60)
    show(True)
    if writer.error:
        raise Failed("writing to A: %s" % writer.error)
    drained = time.monotonic() - start - written
    print("  written in %.1f s (%d a second); B had acknowledged all of it %.0f ms later" % (
        written, writer.operations / written, drained * 1e3))
    return writer


# ---- reading back

class Score:
    def __init__(self):
        self.hits = self.missing = self.wrong = self.risen = 0
        self.example = ""

    def note(self, key, wanted, got):
        if wanted is None:
            self.risen += got is not None
        elif got is None:
            self.missing += 1
        elif got != wanted:
            self.wrong += 1
        else:
            self.hits += 1
            return
        if got != wanted and not self.example:
            self.example = "%s: %.60r instead of %.60r" % (key, got, wanted)

    def is_clean(self):
        return not (self.missing or self.wrong or self.risen)

    def __str__(self):
        return "%d right, %d missing, %d wrong, %d not deleted" % (
            self.hits, self.missing, self.wrong, self.risen)


def read_all(node, expected):
    score, start = Score(), time.monotonic()
    client, keys = connect(node), list(expected)
    for at in range(0, len(keys), BATCH):
        batch = keys[at:at + BATCH]
        found = client.get_many(batch)
        for key in batch:
            score.note(key, expected[key], found.get(key))
    client.close()
    print("  %s: %s, in %.1f s" % (node.name.upper(), score, time.monotonic() - start))
    if score.example:
        print("  for example %s" % score.example)
    return score


# ---- phase 2: fail-over; phase 3: refill

def phase_fail_over(a, b, writer):
    a.kill()
    score = read_all(b, writer.expected)
    client, good, first = connect(b), 0, time.monotonic()
    for key, token in writer.tokens.items():
        value, flags = writer.expected[key]
        good += client.cas(key, value + b"\nMoved: yes", token, noreply=False, flags=flags) is True
        writer.expected[key] = value + b"\nMoved: yes", flags
    print("  %d of %d CAS tokens from A are valid on B, which is now %s (%.0f ms)" % (
        good, len(writer.tokens), repl(b).get("repl_role"), (time.monotonic() - first) * 1e3))
    client.delete("after", noreply=False)
    client.close()
    return score.is_clean() and good == len(writer.tokens)


def phase_refill(lab, a, b, writer):
    start, line = time.monotonic(), Line()
    a.start()

    def is_whole():
        stats = repl(b)
        line.show("  A %s, %6d of %6d items" % (repl(a).get("repl_link", "?"), items(a), items(b)))
        return stats.get("repl_in_sync") == "1" and stats.get("repl_pending") == "0"
    lab.until(is_whole, "A is filled again", 120)
    line.show("  A has %d of %d items, %.2f s after its start" % (
        items(a), items(b), time.monotonic() - start), True)
    score = read_all(a, writer.expected)
    return read_all(b, writer.expected).is_clean() and score.is_clean()


def say_how_to_go_on(a, b):
    print("\nThe pair is still running. Logs and sockets: %s" % a.lab.folder)
    for node in (a, b):
        print("  node %s: port %d, %s, process %d" % (
            node.name.upper(), node.port, repl(node).get("repl_role", "?"), node.process.pid))
    print("Look:  (exec 3<>/dev/tcp/127.0.0.1/%d; printf 'get bash\\r\\nstats repl\\r\\nquit\\r\\n' "
          ">&3; cat <&3)" % b.port)
    print("Stop:  kill %d %d" % (a.process.pid, b.process.pid))


def play(lab, keep):
    source, packages = read_packages()
    size = sum(len(record) for _, record in packages)
    print("%d records, %.0f MiB, from %s" % (len(packages), size / 1048576, source))
    if not packages:
        raise Failed("apt has no package lists here: run apt-get update first")
    a, b = lab.pair("-m", "1024")
    print("\n1. Write to A (port %d); B (port %d) follows" % (a.port, b.port))
    writer = phase_write(lab, a, b, packages)
    print("\n2. Kill A (kill -9); read everything from B")
    good = phase_fail_over(a, b, writer)
    print("  The same with more data than memory")
    good = full.play(lab, packages, connect) and good
    print("\n3. Restart A, empty; B refills it")
    good = phase_refill(lab, a, b, writer) and good
    if keep:
        say_how_to_go_on(a, b)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--keep", action="store_true", help="leave the pair running")
    arguments = parser.parse_args()
    build = Build(arguments.build)
    if build.missing():
        sys.exit("%s is missing: run ./dev build first" % build.missing()[0])
    lab, kept = Lab(build), False
    start = time.monotonic()
    try:
        good = play(lab, arguments.keep)
        kept = arguments.keep
    except (Failed, OSError) as error:
        good = False
        print("\nFAIL: %s" % error)
    trouble = "" if kept else lab.close()
    if trouble:
        print("FAIL: %s" % trouble)
    good = good and not trouble
    print("\n%s, %.1f s" % ("as promised: nothing missing, nothing wrong" if good
                            else "NOT as promised", time.monotonic() - start))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
